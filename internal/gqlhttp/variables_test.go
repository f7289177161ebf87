package gqlhttp_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"igny8.com/accounts/internal/gqlhttp"
)

// echoes is what the resolver saw, as JSON without the arguments that were absent.
func echoes(t *testing.T, got reply, field string) string {
	t.Helper()
	text, ok := got.field(t, field).(string)
	if !ok {
		t.Fatalf("no answer: %s", got.raw)
	}
	var seen map[string]any
	if err := json.Unmarshal([]byte(text), &seen); err != nil {
		return text
	}
	for name, v := range seen {
		if v == nil {
			delete(seen, name)
		}
	}
	return strings.TrimSpace(toJSON(t, seen))
}

func TestVariables_ReachTheResolverAsTheyAre(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for _, tt := range []struct{ declaration, field, variables, want string }{
		{"$v: Int", "echo(int: $v)", `{"v":2147483647}`, `{"int":2147483647}`},
		{"$v: Int", "echo(int: $v)", `{"v":-2147483648}`, `{"int":-2147483648}`},
		{"$v: Int", "echo(int: $v)", `{"v":null}`, `{}`},
		{"$v: Int", "echo(int: $v)", `{}`, `{}`},
		{"$v: Int = 5", "echo(int: $v)", `{}`, `{"int":5}`},
		{"$v: Int = 5", "echo(int: $v)", `{"v":null}`, `{}`},
		{"$v: Int! = 5", "required(int: $v)", `{}`, `5`},
		{"$v: Int", "required(int: $v)", `{}`, `3`},
		{"$v: Float", "echo(float: $v)", `{"v":1}`, `{"float":1}`},
		{"$v: Float", "echo(float: $v)", `{"v":-1.5e3}`, `{"float":-1500}`},
		{"$v: String", "echo(string: $v)", `{"v":"7"}`, `{"string":"7"}`},
		{"$v: String", "echo(string: $v)", `{"v":"\ud83d\ude00\ufffd"}`, `{"string":"😀�"}`},
		{"$v: Boolean", "echo(boolean: $v)", `{"v":false}`, `{"boolean":false}`},
		{"$v: ID", "echo(id: $v)", `{"v":"x"}`, `{"id":"x"}`},
		{"$v: ID", "echo(id: $v)", `{"v":12345678901234567890}`, `{"id":"12345678901234567890"}`},
		{"$v: Colour", "echo(colour: $v)", `{"v":"RED"}`, `{"colour":"RED"}`},
		{"$v: [Int!]", "echo(ints: $v)", `{"v":[1,2]}`, `{"ints":[1,2]}`},
		{"$v: [Int!]", "echo(ints: $v)", `{"v":3}`, `{"ints":[3]}`},
		{"$v: Any", "echo(any: $v)", `{"v":{"a":[1,{"b":null}]}}`, `{"any":{"Value":{"a":[1,{"b":null}]}}}`},
		{"$v: Date", "echo(date: $v)", `{"v":"2026-11-22"}`, `{"date":"2026-11-22T00:00:00Z"}`},
		{"$v: Selector!", "select(by: $v)", `{"v":{"id":7}}`, `{"id":"7"}`},
		{"$v: Filter!", "filter(filter: $v)", `{"v":{"near":{"x":1},"grid":[[1,2],[3]]}}`, `{"grid":[[1,2],[3]],"near":{"label":null,"x":1,"y":7}}`},
	} {
		body := `{"query":"query(` + tt.declaration + `) { x: ` + tt.field + ` }","variables":` + tt.variables + `}`
		if got := echoes(t, post(t, h, body), "x"); got != tt.want {
			t.Errorf("%s of %s: the resolver saw %s, want %s", tt.variables, tt.declaration, got, tt.want)
		}
	}
}

func TestVariables_RefuseWhatTheTypeDoesNotHold(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	const secret = "hunter2"
	for _, tt := range []struct {
		typ, value string
		field      []any // blamed, below the variable
	}{
		{"Int", `"5"`, nil},
		{"Int", `"hunter2"`, nil},
		{"Int", `2147483648`, nil},
		{"Int", `-2147483649`, nil},
		{"Int", `1.0`, nil},
		{"Int", `1e3`, nil},
		{"Int", `true`, nil},
		{"Int", `[1]`, nil},
		{"Int!", `null`, nil},
		{"Float", `"1.5"`, nil},
		{"Float", `true`, nil},
		{"String", `5`, nil},
		{"String", `false`, nil},
		{"String", `["x"]`, nil},
		{"Boolean", `"true"`, nil},
		{"Boolean", `1`, nil},
		{"ID", `1.5`, nil},
		{"ID", `1e2`, nil},
		{"ID", `true`, nil},
		{"ID", `{"hunter2":"hunter2"}`, nil},
		{"Colour", `"red"`, nil},
		{"Colour", `"BLUE"`, nil},
		{"Colour", `0`, nil},
		{"[Int!]", `[1,null]`, []any{"1"}},
		{"[Int!]", `[1,"2"]`, []any{"1"}},
		{"[Int!]", `"1"`, nil},
		{"Point", `"hunter2"`, nil},
		{"Point", `[]`, nil},
		{"Point", `{}`, []any{"x"}},
		{"Point", `{"x":null}`, []any{"x"}},
		{"Point", `{"x":1,"y":null}`, []any{"y"}},
		{"Point", `{"x":1,"z":2}`, nil},
		{"Point", `{"x":1,"hunter2 hunter2":2}`, nil},
		{"Point", `{"x":1,"__typename":"Point"}`, nil},
		{"Filter!", `{"near":{"x":"1"}}`, []any{"near", "x"}},
		{"Filter!", `{"grid":[[1],[null]]}`, []any{"grid", "1", "0"}},
		{"Filter!", `{"and":[{"and":[{"strict":"yes"}]}]}`, []any{"and", "0", "and", "0", "strict"}},
		{"Selector!", `{}`, nil},
		{"Selector!", `{"id":"1","name":"x"}`, nil},
		{"Selector!", `{"id":null}`, []any{"id"}},
		{"Selector!", `{"id":"1","name":null}`, nil},
	} {
		query := `query($v: ` + tt.typ + `) { ` + places[strings.TrimSuffix(tt.typ, "!")] + ` }`
		got := post(t, h, `{"query":"`+query+`","variables":{"v":`+tt.value+`}}`)
		if got.code() != "BAD_USER_INPUT" || got.status != 400 || got.Data != nil {
			t.Errorf("%s as %s: status %d: %s", tt.value, tt.typ, got.status, got.raw)
			continue
		}
		e := got.Errors[0].Extensions
		field, _ := e["field"].([]any)
		if e["variable"] != "v" || tt.field != nil && !slices.Equal(field, tt.field) {
			t.Errorf("%s as %s: blames %v at %v, want %v", tt.value, tt.typ, e["variable"], field, tt.field)
		}
		if strings.Contains(got.raw, secret) {
			t.Errorf("the value is repeated: %s", got.raw)
		}
	}
}

// places are fields that take a variable of a type.
var places = map[string]string{
	"Int": "echo(int: $v)", "Float": "echo(float: $v)", "String": "echo(string: $v)", "Boolean": "echo(boolean: $v)",
	"ID": "echo(id: $v)", "Colour": "echo(colour: $v)", "[Int!]": "echo(ints: $v)",
	"Point": "filter(filter: {near: $v})", "Filter": "filter(filter: $v)", "Selector": "select(by: $v)",
}

func TestVariables_ReportAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	got := post(t, serve(gqlhttp.Config{}),
		`{"query":"query($a: Int!, $b: Point!) { required(int: $a) filter(filter: {near: $b}) }",`+
			`"variables":{"b":{"y":"1","z":2},"c":3,"hunter2 is my password":4}}`)
	if len(got.Errors) != 6 || slices.ContainsFunc(got.codes(), func(c string) bool { return c != "BAD_USER_INPUT" }) {
		t.Errorf("want $a, $b.x, $b.y, $b.z, $c and the last one blamed: %s", got.raw)
	}
	if strings.Contains(got.raw, "hunter2") {
		t.Errorf("what is no name is repeated: %s", got.raw)
	}
}

func TestVariables_ReportAtMostFiftyMistakes(t *testing.T) {
	t.Parallel()
	variables := map[string]any{strings.Repeat("long", 20): 1}
	for i := range 60 {
		variables["v"+strconv.Itoa(i)] = i
	}
	got := ask(t, serve(gqlhttp.Config{}), "{ hello }", variables)
	if len(got.Errors) != 50 || got.Extensions != nil {
		t.Errorf("%d errors and %v", len(got.Errors), got.Extensions)
	}
	got = ask(t, serve(gqlhttp.Config{}), "{ hello }", map[string]any{strings.Repeat("long", 20): 1})
	if got.code() != "BAD_USER_INPUT" || strings.Contains(got.raw, "longlong") {
		t.Errorf("what is too long for a name is repeated: %s", got.raw)
	}
}

func TestVariables_OfAnotherOperationAreIgnored(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	body := `{"query":"query A { hello } query B($i: Int) { echo(int: $i) }","operationName":"A","variables":{"i":1}}`
	if got := post(t, h, body); len(got.Errors) > 0 {
		t.Errorf("refused: %s", got.raw)
	}
	if got := post(t, h, strings.Replace(body, `{"i"`, `{"j"`, 1)); got.code() != "BAD_USER_INPUT" {
		t.Errorf("a variable of no operation: %s", got.raw)
	}
}

// gqlgen would take such a null for the zero value, and panics where it stands in @skip.
func TestVariables_RefuseNullWhereItsDefaultLetThemStand(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for _, query := range []string{
		"query($v: Boolean = true) { hello @skip(if: $v) }",
		"query($v: Int = 5) { required(int: $v) }",
		"query($v: Int) { required(int: $v) }",
		"query($v: Int = 5) { ...F } fragment F on Query { required(int: $v) }",
		"query($v: Int = 5) { filter(filter: {near: {x: $v}}) }",
		"query($v: Int = 5) { echo(ints: [1, $v]) }",
	} {
		if got := ask(t, h, query, map[string]any{"v": nil}); got.code() != "BAD_USER_INPUT" || got.status != 400 {
			t.Errorf("%s: status %d: %s", query, got.status, got.raw)
		}
		if got := ask(t, h, query); len(got.Errors) > 0 {
			t.Errorf("%s without the variable: %s", query, got.raw)
		}
	}
}

func TestVariables_AreBounded(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	const query = `{"query":"query($v: Any, $w: [Int!]) { echo(any: $v, ints: $w) }","variables":`
	for code, variables := range map[string]string{
		"INPUT_DEPTH_LIMIT_EXCEEDED": `{"v":` + strings.Repeat("[", 11) + strings.Repeat("]", 11) + `}}`,
		"INPUT_LIST_LIMIT_EXCEEDED":  `{"w":[1` + strings.Repeat(",1", 200) + `]}}`,
		"INPUT_SIZE_LIMIT_EXCEEDED":  `{"v":[0` + strings.Repeat(`,[1`+strings.Repeat(",1", 199)+`]`, 10) + `]}}`,
		"BAD_REQUEST":                `{"v":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 41) + `}`,
	} {
		got := post(t, h, query+variables)
		if got.code() != code || got.status != 400 {
			t.Errorf("%s: status %d: %.300s", code, got.status, got.raw)
		}
		if e := got.Errors[0].Extensions; code != "BAD_REQUEST" && e["actual"].(float64) <= e["limit"].(float64) {
			t.Errorf("%s: %v", code, e)
		}
	}
	if got := post(t, h, query+`{"v":[[],{}`+strings.Repeat(",{},[]", 50)+`]}}`); len(got.Errors) > 0 {
		t.Errorf("a hundred values beside each other: %s", got.raw)
	}
	if got := post(t, h, query+`{"w":[1`+strings.Repeat(",1", 199)+`]}}`); len(got.Errors) > 0 {
		t.Errorf("a list of 200: %s", got.raw)
	}
}

func TestLiterals_AreAsStrictAsVariables(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for _, field := range []string{
		`echo(int: "5")`, `echo(int: 2147483648)`, `echo(int: -2147483649)`, `echo(int: 1.0)`, `echo(int: RED)`,
		`echo(int: 99999999999999999999)`, `echo(any: 99999999999999999999)`, `echo(id: 99999999999999999999)`, `echo(any: 1e999)`,
		`echo(float: "1")`, `echo(float: 1e999)`, `echo(string: 5)`, `echo(string: hunter2)`, `echo(string: ["x"])`,
		`echo(boolean: "hunter2")`, `echo(boolean: 1)`, `echo(id: 1.5)`, `echo(colour: "RED")`, `echo(colour: BLUE)`, `echo(ints: [1, null])`,
		`echo(ints: [[1]])`, `echo(ints: ["hunter2"])`, `echo(int: {a: 1})`, `filter(filter: null)`, `filter(filter: "hunter2")`,
		`filter(filter: [])`, `filter(filter: {nope: 1})`, `filter(filter: {near: {}})`, `filter(filter: {near: {x: 1, y: null}})`,
		`filter(filter: {near: {x: 1, x: 2}})`, `select(by: {})`, `select(by: {id: 1, name: "x"})`, `select(by: {id: null})`,
		`filter(filter: {and: [{ratio: "hunter2"}]})`, `hello @skip(if: "hunter2")`, `hello @skip`, `echo(nope: 1)`, `echo(int: $v)`,
	} {
		got := ask(t, h, "{ "+field+" }")
		if got.code() != "GRAPHQL_VALIDATION_FAILED" || got.status != 400 || len(got.Errors[0].Locations) == 0 {
			t.Errorf("%s: status %d: %s", field, got.status, got.raw)
		}
		if strings.Contains(got.raw, "hunter2") {
			t.Errorf("the value is repeated: %s", got.raw)
		}
	}
	for field, want := range map[string]string{
		`echo(int: -2147483648, float: 3, id: 7, ints: 3)`: `{"float":3,"id":"7","int":-2147483648,"ints":[3]}`,
		`echo(string: """x""", colour: GREEN)`:             `{"colour":"GREEN","string":"x"}`,
		`filter(filter: {near: {x: 1}})`:                   `{"near":{"label":null,"x":1,"y":7}}`,
	} {
		if got := echoes(t, ask(t, h, "{ x: "+field+" }"), "x"); got != want {
			t.Errorf("%s: the resolver saw %s, want %s", field, got, want)
		}
	}
	if got := ask(t, h, "query($id: ID) { select(by: {id: $id}) }", map[string]any{"id": "1"}); got.code() != "GRAPHQL_VALIDATION_FAILED" {
		t.Errorf("a nullable variable in an input of which one field is needed: %s", got.raw)
	}
}

func TestSyntaxErrors_DoNotRepeatStrings(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for _, query := range []string{`{ a "hunter2" }`, `"hunter2" 7`, `{ a(b: "hunter2" """hunter2""") }`, `{ a(b: "hunter2`, `"""hunter2""" "hunter2"`, `{ a(b: "\uhunter2") }`} {
		got := ask(t, h, query)
		if got.code() != "GRAPHQL_PARSE_FAILED" || got.status != 400 {
			t.Errorf("%s: status %d: %s", query, got.status, got.raw)
		}
		if strings.Contains(got.raw, "hunter2") {
			t.Errorf("the value is repeated: %s", got.raw)
		}
	}
}
