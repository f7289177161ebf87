package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/nodetest"
)

// The examples for frontends do what they show: against the whole service, over a wire on which a token
// turns bad in the middle of a page and an answer about money gets lost.
func TestClients_TypeScriptExamplesWork(t *testing.T) {
	t.Parallel()
	nodetest.Run(t, nodetest.Clients, false, "node_modules/typescript/bin/tsc")
	for _, client := range []string{"apollo", "urql"} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			service := runningDemo(t)
			token := signIn(t, service, demoOwner)
			for _, name := range []string{"Alder", "Birch", "Cedar", "Dogwood"} {
				ask(t, service, token, `mutation($in: CreateSiteInput!) { createSite(input: $in) { site { id } userErrors { code } } }`,
					map[string]any{"in": map[string]any{"name": name, "domain": name + ".example.com"}})
			}
			w := newWire(t, service.URL)
			var ended atomic.Value
			var refused atomic.Int32
			w.before = func(e exchange, r *http.Request) {
				if e.Operation == "SitesPage" {
					ended.CompareAndSwap(nil, e.Token) // from now on this token is one of yesterday
				}
				if e.Token != "" && ended.Load() == e.Token {
					r.Header.Set("Authorization", "Bearer of-yesterday")
					refused.Add(1)
				}
			}
			var lost atomic.Bool
			w.lose = func(e exchange) bool {
				return e.Operation == "SpendCredits" && e.Status == http.StatusOK && lost.CompareAndSwap(false, true)
			}

			got := map[string]any{}
			for _, line := range nodetest.Lines(nodetest.Run(t, nodetest.Clients, false, "dist/"+client+"/main.js", w.url, demoOwner, demoPassword)) {
				var l struct {
					Step   string
					Result any
				}
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatalf("%v in %s", err, line)
				}
				got[l.Step] = withoutTypenames(l.Result)
			}
			if diff := cmp.Diff(told(t), got); diff != "" {
				t.Errorf("the example tells (-want +got):\n%s", diff)
			}

			// The hash alone, the text with it once, from then on the hash alone.
			if diff := cmp.Diff([]exchange{
				{"Me", false, true, http.StatusBadRequest, ""}, {"Me", true, true, http.StatusOK, ""}, {"Me", false, true, http.StatusOK, ""},
			}, w.of("Me")); diff != "" {
				t.Errorf("persisted query on the wire (-want +got):\n%s", diff)
			}
			if n := len(w.of("RefreshSession")); refused.Load() < 5 || n != 1 {
				t.Errorf("%d requests were refused at once, and %d refreshes made of it", refused.Load(), n)
			}
			if sent := w.of("SpendCredits"); !lost.Load() || len(sent) < 2 || sent[len(sent)-1].Status != http.StatusOK {
				t.Errorf("spending on the wire: %+v", sent)
			}
			if n := spentLines(t, service, token); n != "1" {
				t.Errorf("%s lines were written", n)
			}
		})
	}
}

// told is what each example tells.
func told(t *testing.T) map[string]any {
	t.Helper()
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"query": {"role": "OWNER", "account": {"id": "acct_14", "name": "Scale Account", "plan": {"slug": "scale"}}},
		"refresh": [1, 2, 3, 4, 5],
		"pages": ["Alder", "Birch", "Cedar", "Dogwood", "new site"],
		"refused mutation": {"site": null, "codes": ["PLAN_LIMIT_REACHED", "REQUIRED", "INVALID"],
			"form": {"": "the plan has room for 5, and 5 are used", "name": "a name is not empty", "domain": "this is not a domain; domains look like www.example.com"}},
		"validation error": {"codes": ["GRAPHQL_VALIDATION_FAILED"]},
		"partial error": {"data": {"viewer": {"role": "OWNER"}, "paymentQueue": null}, "codes": ["FORBIDDEN"]},
		"idempotent retry": {"amount": -10, "codes": [], "errors": []},
		"live event": {"known": true}
	}`), &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// withoutTypenames is what a client read, without what its cache asked for.
func withoutTypenames(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "__typename")
		for name := range v {
			v[name] = withoutTypenames(v[name])
		}
	case []any:
		for i := range v {
			v[i] = withoutTypenames(v[i])
		}
		return slices.Clip(v)
	}
	return v
}
