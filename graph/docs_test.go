package graph

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator"
	stock "github.com/vektah/gqlparser/v2/validator/rules"

	"igny8.com/accounts/internal/gqlhttp"
)

func TestDocs_TablesAreCurrent(t *testing.T) {
	t.Parallel()
	written(t, "../docs/costs.md", "costs", gqlhttp.CostRules()+"\n"+weights.CostTable(served))
	written(t, "../docs/http.md", "limits", gqlhttp.DefaultLimits().Table())
}

// written compares a part of a document with what it must say, or writes it.
func written(t *testing.T, path, part, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`(?s)(<!-- ` + part + `: written by make docs -->\n).*?(<!-- /` + part + ` -->)`)
	if !place.Match(text) {
		t.Fatalf("%s has no place for the %s", path, part)
	}
	current := place.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(want, "$", "$$")+"${2}"))
	if bytes.Equal(current, text) {
		return
	}
	if !*updateGolden {
		t.Fatalf("the %s in %s are not current: run make docs", part, path)
	}
	if err := os.WriteFile(path, current, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sample is an operation that a document shows, and its variables.
type sample struct {
	where, query string
	variables    map[string]any
}

var (
	fence = regexp.MustCompile("(?s)(?m:^)```([a-z]*)\n(.*?\n)```(?m:$)")
	// quotedArgument is one of the arguments of a command, which stands between single quotes.
	quotedArgument = regexp.MustCompile(`(?s)'([^']*)'`)
)

// operationsIn finds the operations of a Markdown text: in blocks of graphql, and in the JSON bodies of
// commands. unread says what looks like a body and is none.
func operationsIn(where, text string) (found []sample, unread []string) {
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		switch block[1] {
		case "graphql":
			found = append(found, sample{where: where, query: block[2]})
		case "sh", "bash", "console", "http", "js", "ts", "php", "go":
			for _, argument := range quotedArgument.FindAllStringSubmatch(block[2], -1) {
				body := argument[1]
				if !strings.Contains(body, `"query"`) {
					continue
				}
				var request struct {
					Query      string
					Variables  map[string]any
					Extensions struct{ PersistedQuery *struct{ Sha256Hash string } }
				}
				if err := json.Unmarshal([]byte(body), &request); err != nil || request.Query == "" {
					unread = append(unread, where+": no request: "+body)
					continue
				}
				if p := request.Extensions.PersistedQuery; p != nil && p.Sha256Hash != hashOf(request.Query) {
					unread = append(unread, where+": another document's hash: "+body)
				}
				found = append(found, sample{where, request.Query, request.Variables})
			}
		}
		if n := strings.Count(block[2], "/graphql"); block[1] == "sh" && n > strings.Count(block[2], `"query"`)+strings.Count(block[2], "sha256Hash") {
			unread = append(unread, where+": a command whose body cannot be found: "+block[2])
		}
	}
	return found, unread
}

// What documents show is what the server takes: it passes limits and validation, with its variables.
func TestDocs_ShowOperationsThatAreValid(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, path := range documents(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found, unread := operationsIn(path, string(text))
		for _, problem := range append(unread, invalid(found)...) {
			t.Error(problem)
		}
		seen[path] = len(found)
	}
	t.Log(seen)
	if seen["../README.md"] < 4 || seen["../docs/access.md"] < 1 || seen["../docs/http.md"] < 3 || seen["../docs/frontend.md"] < 8 {
		t.Errorf("operations are not found any more: %v", seen)
	}
}

func documents(t *testing.T) []string {
	t.Helper()
	paths := []string{"../README.md"}
	err := filepath.WalkDir("../docs", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func invalid(found []sample) []string {
	var problems []string
	for _, s := range found {
		manifest, err := json.Marshal(map[string]string{hashOf(s.query): s.query})
		if err != nil {
			return []string{err.Error()}
		}
		if _, err := ReadOperations(manifest); err != nil {
			problems = append(problems, s.where+": "+err.Error()+"\n"+s.query)
			continue
		}
		if s.variables == nil {
			continue
		}
		doc, errs := gqlparser.LoadQueryWithRules(served, s.query, stock.NewDefaultRules())
		if errs != nil {
			return []string{errs.Error()}
		}
		if _, err := validator.VariableValues(served, doc.Operations[0], s.variables); err != nil {
			problems = append(problems, s.where+": "+err.Error()+"\n"+s.query)
		}
	}
	return problems
}

// The search itself finds what it is for.
func TestDocs_FindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		`Cannot query field "nobody"`: "```graphql\n{ nobody }\n```\n",
		"Syntax error":                "```sh\ncurl -s http://h/graphql -d '{\"query\":\"{\"}'\n```\n",
		"no request":                  "```sh\ncurl -s http://h/graphql -d '{\"query\":\"{ plans { slug } }\"'\n```\n",
		"cannot be found":             "```sh\ncurl -s http://h/graphql -d \"{}\"\n```\n",
		"unknown field":               "```sh\ncurl http://h/graphql -d '{\"query\":\"mutation($in: LogInInput!) { logIn(input: $in) { userErrors { code } } }\",\"variables\":{\"in\":{\"mail\":\"x\"}}}'\n```\n",
	} {
		found, unread := operationsIn("a.md", text)
		if all := strings.Join(append(unread, invalid(found)...), "\n"); !strings.Contains(all, want) {
			t.Errorf("want %q of %s, got %q", want, text, all)
		}
	}
}
