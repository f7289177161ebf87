package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// deepest is how many objects below a root field are looked into.
const deepest = 5

// reader makes, of the schema, an operation for each object that can be reached below a field, which
// asks for all that the object says itself.
type reader struct {
	schema *ast.Schema
	found  []string
}

func readerOf(t *testing.T) *reader {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: SDL()})
	if err != nil {
		t.Fatal(err)
	}
	return &reader{schema: schema}
}

// below collects the selections of one type: each path to an object, with the object's own values.
func (r *reader) below(name string, above []string, wrap func(selection string) string) {
	def := r.schema.Types[name]
	if len(above) > deepest || slices.Contains(above, name) {
		return
	}
	above = append(slices.Clone(above), name)
	if def.Kind == ast.Interface || def.Kind == ast.Union {
		for _, possible := range r.schema.GetPossibleTypes(def) {
			r.below(possible.Name, above, func(s string) string { return wrap("... on " + possible.Name + " { " + s + " }") })
		}
		return
	}
	own := []string{"__typename"}
	for _, f := range def.Fields {
		switch kind := r.schema.Types[f.Type.Name()].Kind; {
		case strings.HasPrefix(f.Name, "__"):
		case kind == ast.Scalar || kind == ast.Enum:
			own = append(own, f.Name)
		case f.Name != "edges" && f.Name != "pageInfo": // what edges hold is in nodes
			field := f.Name
			if f.Arguments.ForName("first") != nil {
				field += "(first: 3)"
			}
			r.below(f.Type.Name(), above, func(s string) string { return wrap(field + " { " + s + " }") })
		}
	}
	r.found = append(r.found, wrap(strings.Join(own, " ")))
}

// operations are all reads below the fields of Query, whose arguments are given.
func (r *reader) operations(t *testing.T, arguments map[string][]string) []string {
	t.Helper()
	for _, f := range r.schema.Query.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		calls := arguments[f.Name]
		for _, a := range f.Arguments {
			if a.Type.NonNull && a.DefaultValue == nil && calls == nil {
				t.Fatalf("%s is not called: it needs the argument %s", f.Name, a.Name)
			}
		}
		if calls == nil {
			calls = []string{""}
		}
		for _, call := range calls {
			if kind := r.schema.Types[f.Type.Name()].Kind; kind == ast.Scalar || kind == ast.Enum {
				r.found = append(r.found, f.Name+call)
				continue
			}
			r.below(f.Type.Name(), nil, func(s string) string { return f.Name + call + " { " + s + " }" })
		}
	}
	return r.found
}

// A key with every scope reads all that the schema has, by every path: of the account's people it finds
// nothing, neither who they are nor what they are called.
func TestKey_ReadsNothingOfPeopleByAnyPath(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.signUp("canary.owner@example.com", "Canary Owner")
	s.exec(`UPDATE igny8_tenants SET name = 'Shop', slug = 'shop' WHERE id = ?`, o.accountNumber())
	s.setPlan(o, "scale")
	owner := s.as(o.token)
	editor := s.invited(owner, "canary.editor@example.com", "EDITOR")
	owner.run("inviteMember", map[string]any{"email": "canary.guest@example.com", "role": "VIEWER"}, "").done()
	site := owner.makeSite("First")
	owner.run("grantSiteAccess", map[string]any{"siteId": site, "userId": editor.id()}, "").done()
	owner.run("connectWordPress", map[string]any{
		"siteId": site, "url": "https://www.example.com", "username": "canary.wordpress", "applicationPassword": "abcd EFGH 1234 ijkl MNOP 5678",
	}, "").done()
	owner.run("requestBankTransfer", map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": "k"}, "").done()
	editor.run("spendCredits", map[string]any{"operation": "CLUSTERING", "siteId": site, "idempotencyKey": "k"}, "").done()
	hold := editor.run("reserveCredits", map[string]any{"operation": "CLUSTERING", "quantity": 1, "siteId": site, "idempotencyKey": "h"}, "hold { id }").
		done().str("hold.id")
	spent := editor.run("spendCredits", map[string]any{"operation": "CLUSTERING", "siteId": site, "idempotencyKey": "l"}, "transaction { id }").
		done().str("transaction.id")
	secret, _ := owner.makeKey(site, "SITES_READ", "CREDITS", "SYNC")
	key := s.withKey(secret)
	key.synced("post-1", nil).done()

	ids := s.someIDsOf(o.accountNumber())
	calls := map[string][]string{
		"site": {`(id: "` + site + `")`}, "staffAccount": {`(id: "` + o.accountID() + `")`}, "plan": {`(slug: "scale")`},
		"invitationByToken": {`(token: "x")`}, "estimateCredits": {`(operation: CLUSTERING)`}, "previewPlanChange": {`(planSlug: "growth")`},
		"invoice": {`(id: "inv_1")`}, "creditUsage": {"(" + neededBeside["Query.creditUsage"] + ")"},
		"nodes": {`(ids: ["` + strings.Join(ids, `", "`) + `"])`},
		"node":  {`(id: "` + spent + `")`, `(id: "` + editor.id() + `")`},
	}
	operations := readerOf(t).operations(t, calls)
	seen := 0
	for _, operation := range operations {
		r := key.do("{ "+operation+" }", nil)
		for _, e := range r.Errors {
			if code := e.Extensions["code"]; code != "FORBIDDEN" {
				t.Fatalf("%s\nanswers %s", operation, r.text)
			}
		}
		if strings.Contains(strings.ToLower(r.text), "canary") {
			t.Errorf("a key reads\n%s\nand finds %s", operation, r.text)
		}
		// A sample by the owner, or nothing could be found at all.
		if strings.Contains(operation, "email") && strings.Contains(strings.ToLower(owner.do("{ "+operation+" }", nil).text), "canary") {
			seen++
		}
	}
	t.Logf("%d operations, of which the owner finds people in %d", len(operations), seen)
	if seen < 50 {
		t.Errorf("of %d operations the owner finds people in %d", len(operations), seen)
	}

	// What a key does to something of a person's does not show them either.
	const line = "transaction { description actor { kind user { email name } } refundOf { actor { user { email } } } }"
	for name, in := range map[string]map[string]any{
		"captureCredits": {"holdId": hold, "idempotencyKey": "c"},
		"refundCredits":  {"transactionId": spent, "reason": "it failed", "idempotencyKey": "r"},
	} {
		selection := line
		if name == "captureCredits" {
			selection += " hold { actor { kind user { email name } } }"
		}
		if r := key.run(name, in, selection).done(); strings.Contains(strings.ToLower(r.text), "canary") {
			t.Errorf("%s: %s", name, r.text)
		}
	}
}

// someIDsOf are global ids of all kinds of things that an account has.
func (a *api) someIDsOf(tenant int64) []string {
	a.t.Helper()
	ids := []string{fmt.Sprint("acct_", tenant)}
	for prefix, table := range map[string]string{
		"user": "igny8_users", "site": "igny8_sites", "sect": "igny8_sectors", "sub": "igny8_subscriptions",
		"per": "igny8_subscription_periods", "pay": "igny8_payments", "rcpt": "igny8_receipts", "inv": "igny8_invoices", "grant": "igny8_credit_grants",
		"ctx": "igny8_credit_transactions", "hold": "igny8_credit_holds", "evt": "igny8_audit_events", "key": "igny8_site_api_keys",
		"sync": "igny8_sync_events", "invite": "igny8_invitations", "sess": "igny8_sessions", "imp": "igny8_impersonations",
	} {
		text := scan[string](a, fmt.Sprintf("SELECT coalesce(string_agg(id::text, ' ' ORDER BY id DESC), '') FROM %s WHERE tenant_id = %d", table, tenant))
		for i, id := range strings.Fields(text) {
			if i < 3 { // the newest; there are many events
				ids = append(ids, prefix+"_"+id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
