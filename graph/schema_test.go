package graph

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	gql "github.com/vektah/gqlparser/v2/ast"

	"igny8.com/accounts/internal/gid"
)

func parsed(t *testing.T, sdl string) *gql.Schema {
	t.Helper()
	s, err := gqlparser.LoadSchema(&gql.Source{Name: "schema.graphqls", Input: sdl})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unguarded names every root field without a door and every object that must hang under the net and
// does not: those that say which account they belong to.
func unguarded(s *gql.Schema) []string {
	var found []string
	for _, root := range []*gql.Definition{s.Query, s.Mutation, s.Subscription} {
		if root == nil {
			continue
		}
		for _, f := range root.Fields {
			role, public := f.Directives.ForName("role"), f.Directives.ForName("public")
			if !strings.HasPrefix(f.Name, "__") && (role == nil) == (public == nil) {
				found = append(found, root.Name+"."+f.Name)
			}
		}
	}
	for name, d := range s.Types {
		if d.Kind == gql.Object && tenantOwned[name] != (d.Directives.ForName("tenant") != nil) {
			found = append(found, name)
		}
	}
	return found
}

// tenantOwned are the types that belong to an account. TestSchema_… compares them with the Go types.
var tenantOwned = map[string]bool{
	"Account": true, "User": true, "Site": true, "Sector": true, "Subscription": true, "SubscriptionPeriod": true, "Payment": true,
	"Receipt": true, "PaymentApproval": true, "Invoice": true, "CreditGrant": true, "CreditTransaction": true, "CreditHold": true, "AuditEvent": true,
	"CreditTransactionGrant": true, "CreditRunOut": true, "CreditUsage": true, "SiteBudget": true, "TestClock": true,
	"Device": true, "Impersonation": true, "Invitation": true, "ApiKey": true, "WordPressLink": true, "SyncEvent": true,
	"CreditsChanged": true, "CreditsLow": true, "PaymentChanged": true, "SiteSynced": true, "StripePush": true,
}

func TestSchema_HasADoorAtEachRootFieldAndANetUnderEachTenantsType(t *testing.T) {
	t.Parallel()
	if found := unguarded(parsed(t, SDL())); len(found) > 0 {
		t.Errorf("unguarded: %v", found)
	}
}

// The walk itself finds what it is for: take one lock away at a time.
func TestSchema_WalkFindsAMissingLock(t *testing.T) {
	t.Parallel()
	for what, change := range map[string][2]string{
		"Query.viewer":            {"viewer: Viewer @role(min: VIEWER, key: ANY)", "viewer: Viewer"},
		"Query.plans":             {"plans: [Plan!] @public", "plans: [Plan!]"},
		"Mutation.createSite":     {"CreateSitePayload @role(min: EDITOR, for: WRITE)", "CreateSitePayload"},
		"Site":                    {"type Site implements Node @tenant", "type Site implements Node"},
		"Mutation.signUp":         {"SignUpPayload @public", "SignUpPayload @public @role(min: VIEWER)"},
		"Plan":                    {"type Plan implements Node", "type Plan implements Node @tenant"},
		"Query.paymentQueue":      {"): PaymentConnection @role(min: DEVELOPER)", "): PaymentConnection"},
		"LiveEvents.creditsLow":   {"creditsLow: CreditsLow @role(min: VIEWER, key: CREDITS)", "creditsLow: CreditsLow"},
		"SiteSynced":              {"type SiteSynced @tenant", "type SiteSynced"},
		"Mutation.confirmPayment": {"ConfirmPaymentPayload\n    @role(min: DEVELOPER, for: BILLING)", "ConfirmPaymentPayload"},
	} {
		sdl := strings.Replace(SDL(), change[0], change[1], 1)
		if sdl == SDL() {
			t.Errorf("%s: the schema no longer says %q", what, change[0])
			continue
		}
		if found := unguarded(parsed(t, sdl)); len(found) != 1 || found[0] != what {
			t.Errorf("without its lock, %s is not found but %v", what, found)
		}
	}
}

// A type that has a table with tenant_id belongs to an account: every Node that is no catalogue
// entry, so that a new one cannot be forgotten above.
func TestSchema_KnowsWhichTypesBelongToAccounts(t *testing.T) {
	t.Parallel()
	// What Stripe told is staff's, whether or not an account is known for it.
	catalogue := map[string]bool{"Plan": true, "Industry": true, "IndustrySector": true, "StripeEvent": true}
	s := parsed(t, SDL())
	for _, d := range s.PossibleTypes["Node"] {
		if tenantOwned[d.Name] == catalogue[d.Name] {
			t.Errorf("is %s an account's or the catalogue's?", d.Name)
		}
	}
	// The net hangs under fields of a named type: only node and nodes may answer an interface that an
	// account's type implements, and they check by hand.
	for _, d := range s.Types {
		for _, f := range d.Fields {
			target := s.Types[f.Type.Name()]
			if target.IsAbstractType() && target.Name != "UserError" && f.Name != "node" && f.Name != "nodes" && !strings.HasPrefix(d.Name, "__") {
				t.Errorf("%s.%s answers %s past the net", d.Name, f.Name, target.Name)
			}
		}
	}
}

func TestSchema_HasWhatWeightsName(t *testing.T) {
	t.Parallel()
	if err := weights.Check(parsed(t, SDL())); err != nil {
		t.Error(err)
	}
}

func TestSchema_EveryNodeCanBeFoundByItsID(t *testing.T) {
	t.Parallel()
	if n := len(parsed(t, SDL()).PossibleTypes["Node"]); n != len(finders) {
		t.Errorf("%d types are nodes, %d can be found", n, len(finders))
	}
	for prefix := range finders {
		if _, _, err := gid.Split(prefix + "_1"); err != nil {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}

func TestSchema_DescribesEverything(t *testing.T) {
	t.Parallel()
	s := parsed(t, SDL())
	check := func(what, description string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s is not described", what)
		}
	}
	for _, d := range s.Types {
		if d.BuiltIn {
			continue
		}
		check(d.Name, d.Description)
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			check(d.Name+"."+f.Name, f.Description)
			for _, arg := range f.Arguments {
				check(d.Name+"."+f.Name+"("+arg.Name+")", arg.Description)
			}
		}
		for _, v := range d.EnumValues {
			check(d.Name+"."+v.Name, v.Description)
		}
	}
	for _, d := range s.Directives {
		if d.Position.Src.BuiltIn {
			continue
		}
		check("@"+d.Name, d.Description)
		for _, arg := range d.Arguments {
			check("@"+d.Name+"("+arg.Name+")", arg.Description)
		}
	}
}

// A mutation takes one input of its name and returns a payload of its name, with userErrors.
func TestSchema_ShapesMutationsAlike(t *testing.T) {
	t.Parallel()
	s := parsed(t, SDL())
	for _, f := range s.Mutation.Fields {
		name := strings.ToUpper(f.Name[:1]) + f.Name[1:]
		if len(f.Arguments) != 1 || f.Arguments[0].Name != "input" || f.Arguments[0].Type.String() != name+"Input!" {
			t.Errorf("%s takes %v", f.Name, f.Arguments)
		}
		if f.Type.String() != name+"Payload" {
			t.Errorf("%s returns %s", f.Name, f.Type)
			continue
		}
		errs := s.Types[name+"Payload"].Fields.ForName("userErrors")
		if errs == nil || errs.Type.String() != "[UserError!]!" {
			t.Errorf("%sPayload has no userErrors", name)
		}
	}
}

// gqlgen makes a type of its own for every name that no package has. Only inputs, payloads, the roots
// and the interfaces may come about that way: anything else would be a second struct for a noun.
func TestModels_AreInputsAndPayloads(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "models_gen.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"LiveEvents": true, "CreditsChanged": true, "CreditsLow": true, "PaymentChanged": true, "SiteSynced": true, "Node": true, "UserError": true, "Query": true, "Mutation": true, "SiteFilter": true, "SiteOrder": true, "PaymentFilter": true, "PaymentQueueFilter": true, "PaymentQueueOrder": true, "CreditTransactionFilter": true, "CreditUsageFilter": true, "InvoiceFilter": true, "AccountFilter": true, "AuditEventFilter": true, "StripeEventFilter": true}
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		for _, spec := range gen.Specs {
			name := spec.(*ast.TypeSpec).Name.Name
			if !known[name] && !strings.HasSuffix(name, "Input") && !strings.HasSuffix(name, "Payload") {
				t.Errorf("gqlgen invented %s", name)
			}
		}
	}
}

func TestSDL_IsTheFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "schema.graphqls"))
	if err != nil {
		t.Fatal(err)
	}
	if SDL() != string(text) {
		t.Error("what is served is not what is written: run make generate")
	}
}
