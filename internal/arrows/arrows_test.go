// Package arrows keeps the direction in which packages may depend on each other: downward alone, as
// docs/architecture.md draws it.
//
// It reads import clauses rather than asking `go list`, so that files for every platform are judged
// and so that a cached test result is dropped as soon as any file changes.
package arrows_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const module = "igny8.com/accounts/"

// bricks know nothing of the business and depend on nothing of ours but on bricks above them in the list.
var bricks = []string{"internal/fault", "internal/gid", "internal/enum", "internal/money", "internal/page", "internal/period", "internal/slug", "internal/change", "internal/build"}

// below says which packages of ours each package may import. A package that is not named here fails the
// test: whoever adds one decides where it stands. Packages below a named one, e.g.
// internal/postgres/cluster, may import what it may, and it.
var below = map[string][]string{
	"internal/fault":  {},
	"internal/gid":    {"internal/fault"},
	"internal/enum":   {"internal/fault"},
	"internal/money":  {"internal/fault"},
	"internal/page":   {"internal/fault", "internal/enum"},
	"internal/period": {"internal/fault"},
	"internal/slug":   {"internal/fault"},
	"internal/build":  {},
	"internal/change": {"internal/fault"},
	"internal/arrows": {},
	"migrations":      {},

	"internal/postgres": {"migrations"},
	"internal/audit":    domain(),

	"internal/live":  domain(),
	"internal/queue": domain(),

	"internal/plan":    domain("internal/audit"),
	"internal/vault":   {},
	"internal/ticket":  {"internal/gid"},
	"internal/mail":    domain("internal/vault"),
	"internal/account": domain("internal/audit", "internal/plan", "internal/mail", "internal/ticket"),
	"internal/site":    domain("internal/audit", "internal/plan", "internal/account"),
	"internal/credit":  domain("internal/audit", "internal/plan", "internal/account", "internal/mail", "internal/live"),
	"internal/billing": domain("internal/audit", "internal/plan", "internal/account", "internal/credit", "internal/mail", "internal/live",
		"internal/queue"),
	"internal/signup": domain("internal/audit", "internal/plan", "internal/account", "internal/credit", "internal/billing"),
	"internal/demo": domain("internal/audit", "internal/plan", "internal/account", "internal/credit", "internal/billing",
		"internal/site", "internal/signup"),

	"internal/apikey":    domain("internal/audit", "internal/plan", "internal/account", "internal/site", "internal/vault"),
	"internal/wordpress": domain("internal/audit", "internal/plan", "internal/account", "internal/site", "internal/vault", "internal/live"),
	"internal/stripe":    domain("internal/audit", "internal/plan", "internal/account", "internal/billing", "internal/mail", "internal/queue"),
	"internal/staff": domain("internal/audit", "internal/plan", "internal/account", "internal/site", "internal/credit",
		"internal/billing", "internal/mail"),
	"internal/retention": domain("internal/audit", "internal/plan", "internal/account", "internal/site", "internal/credit",
		"internal/billing", "internal/mail", "internal/ticket"),
	"internal/paper":    {"internal/gid", "internal/money", "internal/billing", "internal/vault"},
	"internal/throttle": {"internal/fault"},
	"internal/torture":  {},
	"internal/nodetest": {},

	"internal/doctor": domain("internal/credit"),
	"internal/due":    domain("internal/credit", "internal/billing", "internal/mail", "internal/retention"),

	"internal/jobs": domain("internal/credit", "internal/billing", "internal/mail", "internal/retention", "internal/site", "internal/queue"),

	// The edge: it may know HTTP. Beneath it nobody does.
	"internal/auth": domain("internal/audit", "internal/plan", "internal/account", "internal/apikey", "internal/mail", "internal/ticket",
		"internal/vault"),
	"internal/metrics": {"internal/postgres"},
	"internal/gqlhttp": {"internal/fault"},
	"internal/server":  {"internal/fault", "internal/build"},
	"web":              {},
	"graph": append(domain("internal/audit", "internal/plan", "internal/account", "internal/site", "internal/credit",
		"internal/billing", "internal/signup", "internal/apikey", "internal/wordpress", "internal/staff", "internal/retention",
		"internal/mail", "internal/vault", "internal/live", "internal/paper", "internal/stripe"), "internal/auth", "internal/gqlhttp", "internal/throttle"),

	"cmd/igny8": {"*"},
}

func domain(others ...string) []string {
	return append(append(slices.Clone(bricks), "internal/postgres"), others...)
}

// businesslike are the packages that hold the business: no transport, no GraphQL.
var businesslike = []string{
	"internal/audit", "internal/plan", "internal/account", "internal/site", "internal/credit", "internal/billing",
	"internal/signup", "internal/demo", "internal/doctor", "internal/due", "internal/vault", "internal/ticket", "internal/mail",
	"internal/apikey", "internal/staff", "internal/retention", "internal/live", "internal/queue", "internal/jobs",
}

// foreign are the imports that the business must not know, the packages below them included. net/mail,
// which reads addresses, is none of them.
var foreign = []string{"net/http", "github.com/99designs/gqlgen", "github.com/vektah/gqlparser", "github.com/golang-jwt"}

// tests of a package may arrange by what stands above it, but a test that crosses the edge belongs there.
var forBusinessTests = []string{"internal/auth", "internal/gqlhttp", "internal/server", "graph", "web", "cmd/igny8"}

// file is one source file's imports.
type file struct {
	pkg, name string
	imports   []string
}

// violations says which arrows point the wrong way.
func violations(files []file) []string {
	var found []string
	for _, f := range files {
		owner := placeOf(f.pkg)
		if owner == "" {
			found = append(found, fmt.Sprintf("%s: the package has no place in the table of internal/arrows", f.pkg))
			continue
		}
		isTest := strings.HasSuffix(f.name, "_test.go") || isTestHelp(f.pkg)
		for _, imported := range f.imports {
			if why := wrong(owner, imported, isTest); why != "" {
				found = append(found, fmt.Sprintf("%s/%s: %s", f.pkg, f.name, why))
			}
		}
	}
	sort.Strings(found)
	return slices.Compact(found)
}

func wrong(owner, imported string, isTest bool) string {
	isBusiness := slices.Contains(businesslike, owner)
	if isBusiness {
		for _, f := range foreign {
			if imported == f || strings.HasPrefix(imported, f+"/") {
				return "the business must not know " + imported
			}
		}
	}
	ours, isOurs := strings.CutPrefix(imported, module)
	if !isOurs {
		return ""
	}
	target := placeOf(ours)
	switch {
	case isTest && isBusiness && slices.Contains(forBusinessTests, target):
		return "a test of the business reaches up to " + ours
	case isTest:
		return ""
	case isTestHelp(ours):
		return "what is no test imports " + ours
	case target == owner || slices.Contains(below[owner], target) || slices.Contains(below[owner], "*"):
		return ""
	default:
		return "the arrow to " + ours + " points upward"
	}
}

// placeOf is the entry of the table that a package belongs to; empty when it has none.
func placeOf(pkg string) string {
	for p := pkg; p != "."; p = path.Dir(p) {
		if _, ok := below[p]; ok {
			return p
		}
	}
	return ""
}

// isTestHelp says whether a package is there for tests alone, by its last name.
func isTestHelp(pkg string) bool {
	for name := range strings.SplitSeq(pkg, "/") {
		if strings.HasSuffix(name, "test") || name == "testserver" || name == "arrows" {
			return true
		}
	}
	return false
}

func TestArrows_PointDownward(t *testing.T) {
	t.Parallel()
	files, err := readTree("../..")
	if err != nil {
		t.Fatal(err)
	}
	const fewest = 40
	if len(files) < fewest {
		t.Fatalf("only %d files were read", len(files))
	}
	for _, v := range violations(files) {
		t.Error(v)
	}
}

func TestArrows_PointNowhereInCircles(t *testing.T) {
	t.Parallel()
	// The table itself must be one that can be drawn with all arrows downward.
	state := map[string]int{}
	var visit func(string) bool
	visit = func(p string) bool {
		switch state[p] {
		case 1:
			return false
		case 2:
			return true
		}
		state[p] = 1
		for _, q := range below[p] {
			if q != "*" && q != p && !visit(q) {
				t.Errorf("%s stands above and below %s", p, q)
			}
		}
		state[p] = 2
		return true
	}
	for p := range below {
		visit(p)
	}
}

func TestViolations_SeesWhatIsPlanted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file file
		bad  bool
	}{
		"business knows GraphQL":           {file{"internal/billing", "a.go", []string{module + "graph"}}, true},
		"business knows gqlgen":            {file{"internal/billing", "a.go", []string{"github.com/99designs/gqlgen/graphql"}}, true},
		"business knows HTTP":              {file{"internal/account", "a.go", []string{"net/http"}}, true},
		"business knows HTTP's tests":      {file{"internal/account", "a_test.go", []string{"net/http/httptest"}}, true},
		"business reads addresses":         {file{"internal/account", "a.go", []string{"net/mail"}}, false},
		"business knows sign-in":           {file{"internal/signup", "a.go", []string{module + "internal/auth"}}, true},
		"business's test knows sign-in":    {file{"internal/signup", "a_test.go", []string{module + "internal/auth"}}, true},
		"upward within business":           {file{"internal/credit", "a.go", []string{module + "internal/billing"}}, true},
		"sideways within business":         {file{"internal/site", "a.go", []string{module + "internal/credit"}}, true},
		"downward within business":         {file{"internal/billing", "a.go", []string{module + "internal/credit"}}, false},
		"a test arranges from above":       {file{"internal/credit", "a_test.go", []string{module + "internal/signup"}}, false},
		"a brick knows the business":       {file{"internal/page", "a.go", []string{module + "internal/plan"}}, true},
		"the server knows GraphQL":         {file{"internal/server", "a.go", []string{module + "graph"}}, true},
		"GraphQL knows the server":         {file{"graph", "a.go", []string{module + "internal/server"}}, true},
		"the product knows its tests":      {file{"internal/site", "a.go", []string{module + "internal/postgres/pgtest"}}, true},
		"a test knows tests":               {file{"internal/site", "a_test.go", []string{module + "internal/postgres/pgtest"}}, false},
		"a sub-package below its place":    {file{"internal/postgres/cluster", "a.go", []string{module + "internal/plan"}}, true},
		"a sub-package and its own":        {file{"graph/scalar", "a.go", []string{module + "internal/fault"}}, false},
		"a package without a place":        {file{"internal/util", "a.go", nil}, true},
		"the program puts it all together": {file{"cmd/igny8", "a.go", []string{module + "graph", module + "web", "net/http"}}, false},
	} {
		if got := violations([]file{c.file}); (len(got) > 0) != c.bad {
			t.Errorf("%s: %v, want a violation: %v", name, got, c.bad)
		}
	}
}

// readTree reads the imports of all Go files below root.
func readTree(root string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != root && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata" || base == "tools" || base == "clients" || base == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		f := file{pkg: filepath.ToSlash(rel), name: filepath.Base(name)}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	return files, err
}
