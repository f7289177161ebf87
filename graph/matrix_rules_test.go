package graph

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// lock is a door as the schema writes it.
type lock struct {
	public        bool
	min, use, key string
	personal      bool
}

// locks are the doors by Type.field.
var locks = sync.OnceValue(func() map[string]lock {
	s := gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphqls", Input: SDL()})
	found := map[string]lock{}
	for name, d := range s.Types {
		for _, f := range d.Fields {
			if f.Directives.ForName("public") != nil {
				found[name+"."+f.Name] = lock{public: true}
			}
			door := f.Directives.ForName("role")
			if door == nil {
				continue
			}
			said := func(argument, otherwise string) string {
				if a := door.Arguments.ForName(argument); a != nil {
					return a.Value.Raw
				}
				return otherwise
			}
			found[name+"."+f.Name] = lock{
				min: said("min", ""), use: said("for", "READ"), key: said("key", ""), personal: said("personal", "false") == "true",
			}
		}
	}
	return found
})

// door is the root field's.
func (op *operation) door() lock { return locks()[op.through[0]] }

// staffMay says whether an operation is one by which staff reach accounts that are not theirs.
func staffMay(op *operation, by string) bool {
	return by == "developer" && (op.door().min == "DEVELOPER" || op.name == "endImpersonation")
}

// powers are how much the people of an account, and who acts for it, may do.
var powers = map[string]int{"viewer": 1, "editor": 2, "admin": 3, "impersonator": 3, "owner": 4}

// refusal is what the policy, as the contract says it, has a door answer; empty where it opens.
func (l lock) refusal(by, status string) string {
	switch {
	case l.public:
		return ""
	case slices.Contains(nobodies, by):
		return "UNAUTHENTICATED"
	case by == "developer": // is the owner of an account that is always active, and staff
		if l.min == "SYSTEM_BOT" {
			return "FORBIDDEN"
		}
		return ""
	}
	if code := gate(l.use, powers[by], status); code != "" {
		return code
	}
	if scope, isKey := strings.CutPrefix(by, "key_"); isKey {
		if l.key != "ANY" && !strings.EqualFold(l.key, scope) {
			return "FORBIDDEN"
		}
		return ""
	}
	needs, ranked := map[string]int{"VIEWER": 1, "EDITOR": 2, "ADMIN": 3, "OWNER": 4}[l.min]
	if !ranked || powers[by] < needs || by == "impersonator" && l.personal {
		return "FORBIDDEN"
	}
	return ""
}

// gate is what the account's status answers to a use by somebody of the power; keys have none.
func gate(use string, power int, status string) string {
	switch {
	case use == "SESSION":
	case status == "pending_payment" && use == "WRITE":
		return "PAYMENT_REQUIRED"
	case status == "suspended" && (use == "WRITE" || power < 3):
		return "ACCOUNT_SUSPENDED"
	case status == "cancelled" && (use == "WRITE" || power < 4):
		return "ACCOUNT_CANCELLED"
	case status == "plan_inactive" && use != "BILLING":
		return "PLAN_INACTIVE"
	}
	return ""
}

// inner are the operations that refuse somebody behind their door, and whom.
var inner = map[string][]string{
	"endImpersonation":  {"viewer", "editor", "admin", "owner"}, // they act for nobody
	"transferOwnership": {"developer"},                          // who owns nothing
}

// obey checks what must hold whatever the reviewed file says.
func obey(t *testing.T, rows []*row) {
	t.Helper()
	at := map[string]*row{}
	succeeds := map[*operation]bool{}
	for _, r := range rows {
		at[r.key()] = r
		succeeds[r.op] = succeeds[r.op] || slices.Contains(r.outcomes[:], "ok")
	}
	for _, r := range rows {
		for i, status := range statuses {
			if broken := r.breaks(r.outcomes[i], status); broken != "" {
				t.Errorf("%s, %s, by %s, %s: %s, but %s", r.op.name, r.target, r.by, status, r.outcomes[i], broken)
			}
		}
		for _, more := range r.outdoneBy() {
			other := at[(&row{op: r.op, target: r.target, by: more}).key()]
			for i, status := range statuses {
				if r.outcomes[i] == "ok" && other.outcomes[i] != "ok" {
					t.Errorf("%s, %s, %s: %s may and %s may not: %s", r.op.name, r.target, status, r.by, more, other.outcomes[i])
				}
			}
		}
	}
	for op, ok := range succeeds {
		removed := op.node != "" && strings.Count(op.name, ":") == 2
		if op.only == "" && ok == removed {
			t.Errorf("%s succeeds for somebody: %v", op.name, ok)
		}
	}
}

// outdoneBy are those who may do whatever the row's principal may.
func (r *row) outdoneBy() []string {
	switch {
	case r.target == "self" || r.op.only != "":
		return nil
	case r.by == "viewer":
		return []string{"editor"}
	case r.by == "editor":
		return []string{"admin"}
	case r.by == "admin":
		return []string{"owner"}
	case r.by == "impersonator" && r.op.base() != "endImpersonation" && r.op.base() != "Viewer.impersonator":
		return []string{"admin"}
	}
	return nil
}

// breaks names the rule that the outcome breaks; empty where it breaks none.
func (r *row) breaks(outcome, status string) string {
	done := outcome == "ok" || strings.HasPrefix(outcome, "user:")
	door := r.op.door()
	another := r.target == "foreign" || r.target == "stranger" || r.target == "system" && r.by != "developer"
	theirs := another || r.by == "developer" && slices.Contains([]string{"own", "sibling", "siteless", "owner"}, r.target)
	switch {
	case outcome == "INTERNAL_SERVER_ERROR" || outcome == "THROTTLED" || outcome == "INVALID_ID" || strings.HasPrefix(outcome, "GRAPHQL"):
		return "this says nothing about who may"
	case door.public:
		if outcome == "UNAUTHENTICATED" || outcome == "FORBIDDEN" {
			return "the door is public"
		}
		return ""
	case slices.Contains(nobodies, r.by) && outcome != "UNAUTHENTICATED":
		return "nobody is signed in"
	case strings.HasPrefix(r.by, "key_") && done && slices.Contains([]string{"suspended", "cancelled", "plan_inactive"}, status):
		return "the account is shut to keys"
	case r.by == "impersonator" && door.personal && done:
		return "this is for the account's own people"
	case r.op.byStaff:
		if _, locked := locks()[r.op.base()]; locked && outcome != "FORBIDDEN" {
			return "being staff opens no door of the account's"
		}
		return ""
	case theirs && outcome == "ok" && !staffMay(r.op, r.by):
		return "this is another account's"
	}
	return r.breaksPolicy(outcome, status)
}

// breaksPolicy compares with what the doors on the way must answer.
func (r *row) breaksPolicy(outcome, status string) string {
	for i, name := range r.op.through {
		door, locked := locks()[name]
		if !locked {
			continue
		}
		want := door.refusal(r.by, status)
		switch {
		case want == "" || want == outcome:
		case i > 0 && outcome == "null": // nothing is there that has the door
		default:
			return name + " must answer " + want
		}
		if want != "" {
			return ""
		}
	}
	refused := slices.Contains([]string{
		"UNAUTHENTICATED", "FORBIDDEN", "PAYMENT_REQUIRED", "ACCOUNT_SUSPENDED", "ACCOUNT_CANCELLED", "PLAN_INACTIVE",
	}, outcome)
	if refused && (outcome != "FORBIDDEN" || !slices.Contains(inner[r.op.base()], r.by)) {
		return "every door on the way is open"
	}
	return ""
}
