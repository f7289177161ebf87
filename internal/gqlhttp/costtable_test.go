package gqlhttp_test

import (
	"slices"
	"strings"
	"testing"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

// The published table is what operations are charged by.
func TestCostTable_SaysWhatIsCharged(t *testing.T) {
	t.Parallel()
	w := gqlhttp.Weights{"Query.hello": 9, "Failing": 0}
	table := w.CostTable(testserver.New().Schema())
	for line, c := range map[string]struct {
		query string
		cost  int
	}{
		"| `Query.hello` | 9 |":                                 {"{ hello }", 9},
		"| `Query.person` | 1 + s |":                            {"{ person { name } }", 1},
		"| `Query.people` | n × (1 + s) |":                      {"{ people(first: 7) { name } }", 7},
		"| `Query.crowd` | 1 + s, lists in it having n items |": {"{ crowd(first: 7) { nodes { name } } }", 8},
		"| `Crowd.nodes` | n × (1 + s) |":                       {"{ crowd(last: 3) { nodes { pet { __typename } } } }", 7},
		"| `Mutation.add` | 10 |":                               {"mutation { add(point: {x: 1}) }", 10},
	} {
		if !strings.Contains(table, line+"\n") {
			t.Errorf("no line %s in\n%s", line, table)
		}
		b := &till{}
		ask(t, serve(gqlhttp.Config{Charge: b.charge, Weights: w}), c.query)
		if !slices.Equal(b.asked, []int{c.cost}) {
			t.Errorf("%s costs %v, want %d", c.query, b.asked, c.cost)
		}
	}
	if strings.Contains(table, "Person.name") || strings.Contains(table, "__") {
		t.Errorf("what costs nothing is listed:\n%s", table)
	}
}
