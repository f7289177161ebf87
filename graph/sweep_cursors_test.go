package graph

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// pages are the first and the last cursor of each list that takes cursors, as an account's owner or staff
// reads it.
func (w *neighbourhood) pages(s *stage, owner, staff string, own map[string][]string) map[string][]string {
	w.t.Helper()
	found := map[string][]string{}
	for _, p := range inlets(w.schema) {
		if p.path[0] != "after" || p.of == w.schema.Subscription { // there it is an id
			continue
		}
		list, token := p.of.Name+"."+p.field.Name, owner
		if door := p.field.Directives.ForName("role"); door != nil && door.Arguments.ForName("min").Value.Raw == "DEVELOPER" {
			token = staff
		}
		ans := s.do(token, "{ "+fmt.Sprintf(waysTo(own)[p.of.Name], p.field.Name+"(first: 100) { edges { cursor } }")+" }", nil).ok()
		path := strings.NewReplacer("Query.", "", "Account.", "account.", "Site.", "site.", "Viewer.", "viewer.", "Subscription.", "account.subscription.").Replace(list)
		edges := ans.get(path + ".edges").([]any)
		if len(edges) == 0 {
			w.t.Errorf("%s is empty: its cursors cannot be tried", list)
			continue
		}
		for _, e := range []any{edges[0], edges[len(edges)-1]} {
			found[list] = append(found[list], e.(map[string]any)["cursor"].(string))
		}
	}
	return found
}

// waysTo lead from the root of a query to the types whose fields take values.
func waysTo(own map[string][]string) map[string]string {
	return map[string]string{
		"Query": "%s", "Account": "account { %s }", "Viewer": "viewer { %s }", "Subscription": "account { subscription { %s } }",
		"LiveEvents": "%s", "LiveEvents.siteSynced": `siteId: "` + first(own["site"]) + `", `,
		"Site": `site(id: "` + first(own["site"]) + `") { %s }`,
	}
}

func first(ids []string) string {
	if len(ids) == 0 {
		return "site_987654321"
	}
	return ids[0]
}

// elsewhere is a cursor to the same place of a list as another's, of a row that never was.
func elsewhere(cursor string) string {
	var key []any
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(raw, &key)
	}
	if err != nil {
		return err.Error()
	}
	switch last := key[len(key)-1].(type) {
	case float64:
		key[len(key)-1] = last + 500 // numbers leave room
	case string:
		key[len(key)-1] = last + "x"
		if at, err := time.Parse(time.RFC3339Nano, last); err == nil {
			key[len(key)-1] = at.Add(time.Microsecond)
		}
	}
	raw, _ = json.Marshal(key) // as it was read
	return base64.RawURLEncoding.EncodeToString(raw)
}
