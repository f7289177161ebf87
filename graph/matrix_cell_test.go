package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// operation is one way to ask for one field.
type operation struct {
	// name is the field: a root field's name or Type.field, and after a colon in which way it is asked.
	name    string
	query   string
	targets []string
	// vars are the query's variables; nil for none.
	vars func(c cell) map[string]any
	// path is where the outcome stands in data; a mutation's payload stands under its name.
	path string
	// shows is what must stand in a list for it to show the target; empty where the outcome is no list.
	shows string
	// node is of which kind the node is that is asked for; all kinds are asked for at once.
	node string
	// through are the fields on the way that may have doors, outermost first.
	through []string
	// only is the one principal that it is for; empty for all.
	only string
	// byStaff says that it is staff's own way to see accounts.
	byStaff bool
}

// base is the field's name.
func (op *operation) base() string {
	name, _, _ := strings.Cut(op.name, ":")
	return name
}

func (op *operation) mutates() bool { return strings.HasPrefix(op.query, "mutation") }

// cell is one try.
type cell struct {
	w      *realm
	by     *principal
	target string
}

// id is the target's id of the kind. That of "none" was never given.
func (c cell) id(kind string) string {
	c.w.t.Helper()
	if c.target == "none" {
		return never(c.w.of(kind, "foreign"))
	}
	if c.target == "self" {
		if id, ok := c.by.self[kind]; ok {
			return id
		}
		if id, ok := c.w.people["owner"].self[kind]; ok {
			return id
		}
		return c.w.of(kind, "own")
	}
	return c.w.of(kind, c.target)
}

type fields = map[string]any

func mutation(name, result, targets string, in func(c cell) fields) *operation {
	op := &operation{name: name, targets: strings.Fields(targets)}
	op.query, op.path = mutationText(op.base(), result), op.base()
	op.through = []string{"Mutation." + op.base()}
	op.vars = func(c cell) map[string]any { return input(in(c)) }
	return op
}

// mutationText writes a mutation that asks for what stands at result, a dotted path in the payload, and
// for the errors.
func mutationText(name, result string) string {
	selection := ""
	for _, part := range slices.Backward(strings.FieldsFunc(result, func(r rune) bool { return r == '.' })) {
		if selection != "" {
			selection = " { " + selection + " }"
		}
		selection = part + selection
	}
	return fmt.Sprintf("mutation($in: %sInput!) { %s(input: $in) { %s userErrors { message field code } } }",
		strings.ToUpper(name[:1])+name[1:], name, selection)
}

// lookUp asks for one value, which stands at path.
func lookUp(name, query, path, targets string) *operation {
	op := &operation{name: name, query: query, path: path, targets: strings.Fields(targets)}
	root, _, _ := strings.Cut(path, ".")
	op.through = []string{"Query." + root}
	if strings.Contains(op.base(), ".") {
		op.through = append(op.through, op.base())
	}
	return op
}

// byID has the query's $id be the target's of the kind.
func (op *operation) byID(kind string) *operation {
	op.vars = func(c cell) map[string]any { return map[string]any{"id": c.id(kind)} }
	return op
}

// inRange has the query's $from and $to be around what was done, and leaves its other variables.
func (op *operation) inRange() *operation {
	others := op.vars
	op.vars = func(c cell) map[string]any {
		given := map[string]any{"from": c.w.clock.day(-2), "to": c.w.clock.day(2)}
		if others != nil {
			maps.Copy(given, others(c))
		}
		return given
	}
	return op
}

// showing has the outcome say whether a list holds the target of the kind.
func (op *operation) showing(kind string) *operation {
	op.shows = kind
	return op
}

func always(in fields) func(cell) fields { return func(cell) fields { return in } }

// onlyID is the input of an operation that takes the id of its target alone.
func onlyID(field, kind string) func(cell) fields {
	return func(c cell) fields { return fields{field: c.id(kind)} }
}

// try executes a row's operation in the realm and puts it back as it was.
func (w *realm) try(r *row) string {
	w.t.Helper()
	c := cell{w: w, by: w.people[r.by], target: r.target}
	if r.op.node != "" {
		return w.node(c.by, c.id(r.op.node))
	}
	text, outcome := w.execute(r.op, c)
	if r.target == "foreign" && r.op.shows == "" && !staffMay(r.op, r.by) {
		nobodys := c
		nobodys.target = "none"
		there, _ := w.execute(r.op, nobodys)
		for _, kind := range slices.Sorted(maps.Keys(w.ids)) {
			there = strings.ReplaceAll(there, strconv.Quote(never(w.of(kind, "foreign"))), strconv.Quote(w.of(kind, "foreign")))
		}
		if there != text {
			w.t.Errorf("%s, by %s, %s: on another account's %s\nand on nothing at all %s", r.op.name, r.by, w.status, text, there)
		}
	}
	return outcome
}

func (w *realm) execute(op *operation, c cell) (text, outcome string) {
	w.t.Helper()
	var variables map[string]any
	if op.vars != nil {
		variables = op.vars(c)
	}
	text = w.ask(c.by, op.query, variables)
	outcome = op.read(w, c, text)
	w.watched = w.watched || c.by.name == "impersonator"
	if op.mutates() && (outcome == "ok" || strings.HasPrefix(outcome, "user:")) {
		changed := w.restore()
		// What is refused writes nothing but that staff tried and that a key was used.
		delete(changed, "igny8_site_api_keys")
		if w.watched {
			delete(changed, "igny8_audit_events")
		}
		w.watched = false
		if outcome != "ok" && len(changed) > 0 {
			w.t.Errorf("%s, %s, by %s, %s is refused and writes %v", op.name, c.target, c.by.name, w.status, changed)
		}
	}
	return text, outcome
}

// read tells the outcome of an answer.
func (op *operation) read(w *realm, c cell, text string) string {
	w.t.Helper()
	var ans answer
	if err := json.Unmarshal([]byte(text), &ans); err != nil {
		w.t.Fatalf("%v in %s", err, text)
	}
	if len(ans.Errors) > 0 {
		return fmt.Sprint(ans.Errors[0].Extensions["code"])
	}
	value := dig(ans.Data, op.path)
	switch {
	case value == nil:
		return "null"
	case op.shows != "" && !holds(value, c.id(op.shows)):
		return "null"
	case !op.mutates():
		return "ok"
	}
	payload, _ := value.(map[string]any)
	if code := dig(payload, "userErrors.0.code"); code != nil {
		return fmt.Sprintf("user:%s", code)
	}
	for field, v := range payload {
		if v == nil {
			w.t.Errorf("%s, %s, by %s, %s: no error and no %s: %s", op.name, c.target, c.by.name, w.status, field, text)
		}
	}
	return "ok"
}

// dig reads the value at a dotted path; nil where there is none.
func dig(v any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// holds says whether something within v has the id.
func holds(v any, id string) bool {
	switch x := v.(type) {
	case map[string]any:
		if x["id"] == id {
			return true
		}
		for _, inner := range x {
			if holds(inner, id) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(x, func(inner any) bool { return holds(inner, id) })
	}
	return false
}
