package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"igny8.com/accounts/web"
)

const (
	demoPassword = "igny8-demo-password"
	demoAccount  = "Scale Account"
)

// productSchema is the service's own schema, so that what the page asks is held against what there is.
func productSchema(tb testing.TB) *ast.Schema {
	tb.Helper()
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		tb.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

// received is an operation that reached the fake.
type received struct {
	field         string // the operation's first root field
	authorization string
	cookie        string
	variables     object
}

// fake is a server with the page at `/` and, at `/graphql`, an endpoint that checks operations against
// the product's schema and answers them from a table.
type fake struct {
	*httptest.Server

	schema *ast.Schema
	// lifetime is that of the access tokens it gives out.
	lifetime time.Duration

	mu         sync.Mutex
	operations []received
	tokens     int
	payments   int
}

func newFake(tb testing.TB, cfg web.Config) *fake {
	tb.Helper()
	f := &fake{schema: productSchema(tb), lifetime: 15 * time.Minute}
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler(cfg))
	mux.HandleFunc("POST /graphql", f.graphql)
	f.Server = httptest.NewServer(mux)
	tb.Cleanup(f.Close)
	return f
}

func demoConfig() web.Config {
	return web.Config{
		SchemaURL: "/schema.graphql",
		Demo:      true,
		DemoUsers: []web.DemoUser{
			{Email: "scale@igny8.com", Password: demoPassword, About: "Owner of an account on Scale"},
			{Email: "payments@tacbit.net", Password: demoPassword, About: "Owner of an account on trial"},
			{Email: "dev@igny8.com", Password: demoPassword, About: "Staff: reviews payments"},
		},
	}
}

// received lists the operations on the root field, in order.
func (f *fake) received(field string) []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []received
	for _, operation := range f.operations {
		if operation.field == field {
			found = append(found, operation)
		}
	}
	return found
}

func (f *fake) graphql(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Query     string `json:"query"`
		Variables object `json:"variables"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// A page that took cookies would send this one back.
	w.Header().Set("Set-Cookie", "tracker=1; Path=/")
	w.Header().Set("Content-Type", "application/graphql-response+json")

	document, errs := gqlparser.LoadQueryWithRules(f.schema, request.Query, rules.NewDefaultRules())
	if errs != nil {
		reply(w, object{"errors": errs})
		return
	}
	root, ok := document.Operations[0].SelectionSet[0].(*ast.Field)
	if !ok {
		http.Error(w, "the operation begins with a fragment", http.StatusBadRequest)
		return
	}
	authorization := r.Header.Get("Authorization")
	f.operations = append(f.operations, received{root.Name, authorization, r.Header.Get("Cookie"), request.Variables})

	switch root.Name {
	case "__schema":
		reply(w, object{"data": introspect(f.schema)})
	case "plans":
		reply(w, object{"data": object{"plans": []object{
			{"slug": "starter", "name": "Starter", "price": object{"amount": "89.00", "currencyCode": "USD"}, "includedCredits": 1000},
		}}})
	case "logIn", "refreshSession":
		reply(w, object{"data": object{root.Name: f.session(root.Name, request.Variables)}})
	case "logOut":
		reply(w, object{"data": object{"logOut": object{"userErrors": []object{}}}})
	case "viewer":
		reply(w, f.viewer(authorization))
	case "requestBankTransfer":
		f.payments++
		reply(w, object{"data": object{"requestBankTransfer": object{
			"payment": object{
				"id": "pay_4711", "status": "PENDING", "amount": object{"amount": "89.00", "currencyCode": "USD"},
			},
			"userErrors": []object{},
		}}})
	default:
		reply(w, object{"data": object{root.Name: nil}})
	}
}

// session answers logIn and refreshSession; a refresh token works once.
func (f *fake) session(field string, variables object) object {
	input, _ := variables["input"].(object)
	good := input["password"] == demoPassword
	if field == "refreshSession" {
		good = input["refreshToken"] == f.refreshToken()
	}
	if !good {
		return object{"session": nil, "userErrors": []object{
			{"message": "Email and password do not match.", "code": "INVALID_CREDENTIALS"},
		}}
	}
	f.tokens++
	return object{"userErrors": []object{}, "session": object{
		"accessToken":  f.accessToken(),
		"refreshToken": f.refreshToken(),
		"expiresAt":    time.Now().Add(f.lifetime).UTC().Format(time.RFC3339),
	}}
}

func (f *fake) accessToken() string  { return "access-" + strings.Repeat("i", f.tokens) }
func (f *fake) refreshToken() string { return "refresh-" + strings.Repeat("i", f.tokens) }

func (f *fake) viewer(authorization string) object {
	if f.tokens == 0 || authorization != "Bearer "+f.accessToken() {
		return object{"data": object{"viewer": nil}, "errors": []object{
			{"message": "The token is not valid.", "extensions": object{"code": "UNAUTHENTICATED"}},
		}}
	}
	return object{"data": object{"viewer": object{
		"user": object{"email": "scale@igny8.com", "role": "OWNER"},
		"account": object{"name": demoAccount, "status": "ACTIVE", "plan": object{
			"name": "Scale", "slug": "scale", "selfServe": true, "price": object{"amount": "229.00"},
		}},
	}}}
}

func reply(w http.ResponseWriter, body object) {
	_ = json.NewEncoder(w).Encode(body)
}

// fields names the root fields that the fake was asked for, each once.
func (f *fake) fields() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := map[string]bool{}
	for _, operation := range f.operations {
		names[operation.field] = true
	}
	return slices.Sorted(maps.Keys(names))
}
