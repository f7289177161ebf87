package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed examples/*.graphql
var exampleFiles embed.FS

// Example is an operation that the page offers to open. It lives in a file of its own, headed by
// comments `# group:`, `# title:`, `# about:` and, where it takes some, `# variables:` with JSON that
// may run over several comment lines.
type Example struct {
	// Name is the operation's name.
	Name string `json:"name"`
	// Group says whom it is for: Anyone, Signed in, Owner or Staff.
	Group string `json:"group"`
	Title string `json:"title"`
	About string `json:"about"`
	// Query is the operation without the comments at the head.
	Query string `json:"query"`
	// Variables is JSON text with placeholders in its strings, empty where there are none; FillIn replaces
	// them.
	Variables string `json:"variables"`
}

// groups are the values of Example.Group; the numbers of the files put them into this order.
var groups = []string{"Anyone", "Signed in", "Owner", "Staff"}

var (
	operationName = regexp.MustCompile(`(?m)^(?:query|mutation) (\w+)`)
	placeholder   = regexp.MustCompile(`\$\{([a-z][A-Za-z.]*)(?::-([^}]*))?\}`)
)

// Examples reads the operations in the order of the menu.
func Examples() ([]Example, error) {
	names, err := fs.Glob(exampleFiles, "examples/*.graphql")
	if err != nil {
		return nil, fmt.Errorf("list the examples: %w", err)
	}
	var all []Example
	for _, name := range names { // Glob sorts, and the numbers in the names give the order.
		text, err := exampleFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		example, err := parseExample(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, example)
	}
	return all, nil
}

func parseExample(text string) (Example, error) {
	head, query, found := strings.Cut(text, "\n\n")
	if !found {
		return Example{}, fmt.Errorf("no blank line after the head")
	}
	example := Example{Query: strings.TrimSpace(query) + "\n"}
	var variables []string
	inVariables := false
	for line := range strings.SplitSeq(head, "\n") {
		content, isComment := strings.CutPrefix(line, "# ")
		if !isComment {
			return Example{}, fmt.Errorf("%q in the head is no comment", line)
		}
		key, value, _ := strings.Cut(content, ": ")
		switch {
		case inVariables:
			variables = append(variables, content)
		case key == "group":
			example.Group = value
		case key == "title":
			example.Title = value
		case key == "about":
			example.About = value
		case key == "variables":
			inVariables = true
			variables = append(variables, value)
		default:
			return Example{}, fmt.Errorf("%q in the head is not known", line)
		}
	}
	if !slices.Contains(groups, example.Group) {
		return Example{}, fmt.Errorf("the group %q is not one of %q", example.Group, groups)
	}
	example.Variables = strings.Join(variables, "\n")
	if example.Variables != "" && !json.Valid([]byte(example.Variables)) {
		return Example{}, fmt.Errorf("the variables are no JSON")
	}
	name := operationName.FindStringSubmatch(example.Query)
	if name == nil {
		return Example{}, fmt.Errorf("the operation has no name")
	}
	example.Name = name[1]
	return example, nil
}

// FillIn returns the variables with their placeholders replaced as the page replaces them: ${uuid} by
// key, ${today} by now's date in UTC, and all others, such as ${pay.id:-pay_1}, by what known has under
// the name, or else by what follows `:-`. The result is empty where the example takes no variables.
func (e Example) FillIn(key string, now time.Time, known map[string]string) (map[string]any, error) {
	if e.Variables == "" {
		return map[string]any{}, nil
	}
	var broken error
	text := placeholder.ReplaceAllStringFunc(e.Variables, func(match string) string {
		parts := placeholder.FindStringSubmatch(match)
		value, ok := known[parts[1]]
		switch {
		case parts[1] == "uuid":
			value = key
		case parts[1] == "today":
			value = now.UTC().Format(time.DateOnly)
		case !ok:
			value = parts[2]
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			broken = err
			return ""
		}
		return string(quoted[1 : len(quoted)-1])
	})
	if broken != nil {
		return nil, fmt.Errorf("fill in %s: %w", e.Name, broken)
	}
	var variables map[string]any
	if err := json.Unmarshal([]byte(text), &variables); err != nil {
		return nil, fmt.Errorf("fill in %s: %w", e.Name, err)
	}
	return variables, nil
}
