package gqlhttp_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"pgregory.net/rapid"
)

// shape is a field of the test schema as the writer of documents knows it.
type shape struct {
	name      string
	of        string   // its type, if that has fields
	arguments []string // as they may be written; each is either all there or not there at all
}

// shapes are the fields by type. Resolvers that wait for the deadline are left out.
var shapes = map[string][]shape{
	"Query": {
		{name: "hello"},
		{name: "echo", arguments: []string{
			"int: 1", "string: \"x\"", "any: [1, {a: null}]", "colour: RED", "ints: 3", "id: 4", "date: \"2026-11-22\"", "date: \"no\"",
		}},
		{name: "person", of: "Person"},
		{name: "people", of: "Person", arguments: []string{"first: 2", "first: 100", "first: 101", "first: $a"}},
		{name: "node", of: "Named", arguments: []string{"id: 1", "id: \"robot\""}},
		{name: "fail", arguments: []string{"how: FAULT", "how: FAULT_LIST", "how: PLAIN", "how: PANIC", "how: CODED", "how: UNCODED"}},
		{name: "failMany", of: "Failing", arguments: []string{"count: 3", "count: 90"}},
		{name: "strictFailing", of: "Failing"},
		{name: "filter", arguments: []string{"filter: {near: {x: 1}}", "filter: {and: [{ids: [1]}]}", "filter: {}"}},
		{name: "select", arguments: []string{"by: {id: 1}", "by: {name: \"x\"}", "by: {}"}},
		{name: "__schema", of: "__Schema"},
		{name: "__type", of: "__Type", arguments: []string{"name: \"Person\""}},
	},
	"Mutation":     {{name: "add", arguments: []string{"point: {x: 1}", "point: {x: 1, y: 2}"}}},
	"Subscription": {{name: "ticks"}},
	"Person": {
		{name: "id"},
		{name: "name"},
		{name: "friends", of: "Person", arguments: []string{"first: 3", "first: 50"}},
		{name: "pet", of: "Pet"},
	},
	"Named":   {{name: "id"}, {name: "name"}},
	"Pet":     {{name: "__typename"}},
	"Cat":     {{name: "name"}, {name: "lives"}},
	"Failing": {{name: "strict"}, {name: "boom", arguments: []string{"how: PLAIN", "how: FAULT"}}},
	"__Schema": {
		{name: "types", of: "__Type"}, {name: "queryType", of: "__Type"}, {name: "description"},
	},
	"__Type": {
		{name: "name"},
		{name: "ofType", of: "__Type"},
		{name: "fields", of: "__Field"},
		{name: "interfaces", of: "__Type"},
		{name: "possibleTypes", of: "__Type"},
	},
	"__Field": {{name: "name"}, {name: "type", of: "__Type"}},
}

var (
	typeNames = []string{"Query", "Person", "Named", "Pet", "Cat", "Mutation", "__Type", "__Schema", "Failing", "Nobody", "Filter"}
	literals  = []string{
		"1", "-7", "2147483648", "99999999999999999999", "1.5", "1e999", `"x"`, `"\u0000"`, `"\uD800"`, `"""b"""`,
		"true", "null", "RED", "PANIC", "[[[[[[[[[[[1]]]]]]]]]]]", "{a: {b: []}}", "$a", "$b", "$undefined",
	}
	defaults      = []string{"", "", " = 1", " = null", ` = "x"`, " = true", " = [1 2]", " = {id: 1}", " = 2147483648"}
	variableTypes = []string{"Int", "Int!", "[Int!]", "String", "Boolean", "Boolean!", "Filter", "Selector!", "Any", "Date", "Nobody", "Person"}
	directives    = []string{"@skip(if: false)", "@include(if: true)", "@include(if: $b)", "@skip(if: $a)", "@defer", "@nobody", "@oneOf", "@skip"}
)

// writer writes documents that would be right, but for mistakes at a rate drawn for each: some are
// executed, the others are refused each for another reason, and sizes lie around the limits.
type writer struct {
	*rand.Rand
	strings.Builder
	wrong     int // mistakes in a hundred decisions
	left      int // selections that may still be written
	depth     int // how deep fields may nest
	aliases   int
	fragments []string
}

// newWriter lets rapid choose, and shrink, what the document is like; the many small decisions
// follow from a seed, because rapid prefers small numbers and they must be even.
func newWriter(t *rapid.T) *writer {
	return &writer{
		Rand:  rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
		wrong: rapid.SampledFrom([]int{0, 0, 0, 1, 5, 40}).Draw(t, "wrong"),
		left:  rapid.SampledFrom([]int{5, 20, 40, 100, 600}).Draw(t, "left"),
		depth: rapid.SampledFrom([]int{3, 4, 8, 16}).Draw(t, "depth"),
	}
}

func (w *writer) chance(percent int) bool     { return w.IntN(100) < percent }
func (w *writer) one(list []string) string    { return list[w.IntN(len(list))] }
func (w *writer) mistake() bool               { return w.chance(w.wrong) }
func (w *writer) print(s string, args ...any) { fmt.Fprintf(w, s, args...) }

func (w *writer) document() string {
	root := []string{"Query", "Query", "Query", "Query", "Mutation", "Subscription"}[w.IntN(6)]
	for range w.IntN(5) {
		if root == "Query" || w.mistake() {
			w.fragments = append(w.fragments, w.one(typeNames[:2]))
		}
	}
	w.print("%s Q0", strings.ToLower(root))
	if w.mistake() {
		w.print("($a: %s%s, $b: %s)", w.one(variableTypes), w.one(defaults), w.one(variableTypes))
	}
	w.print(" {")
	for i, on := range w.fragments { // a fragment that is not used is a mistake
		if on == "Person" {
			w.print(" person { ...F%d }", i)
		} else {
			w.print(" ...F%d", i)
		}
	}
	w.print(" ...")
	w.set(root, 0, 0)
	w.print(" }")
	if w.mistake() {
		w.print(" query Q%d { hello }", w.IntN(2))
	}
	for i, on := range w.fragments {
		w.print(" fragment F%d on %s", i, on)
		w.set(on, 0, i+1)
	}
	if w.mistake() {
		return w.String()[:w.IntN(w.Len())]
	}
	return w.String()
}

// set writes a selection set on a type; only fragments from the one numbered next on may be
// spread in it, or there would be a circle.
func (w *writer) set(on string, depth, next int) {
	w.print(" {")
	for i := range 1 + w.IntN(6) {
		w.left--
		if w.left < 0 {
			break
		}
		if on == "Mutation" && i > 0 && !w.mistake() {
			break
		}
		switch k := w.IntN(12); {
		case k == 0:
			w.print(" ... on %s", w.typeName(on))
			w.directive()
			w.set(on, depth, next)
		case k < 3:
			w.spread(on, next)
		default:
			w.field(on, depth, next)
		}
	}
	if on != "Subscription" {
		w.print(" __typename")
	} else {
		w.print(" ticks")
	}
	w.print(" }")
}

func (w *writer) typeName(right string) string {
	if w.mistake() {
		return w.one(typeNames)
	}
	return right
}

func (w *writer) spread(on string, next int) {
	for i := next; i < len(w.fragments); i++ {
		if w.fragments[i] == on {
			w.print(" ...F%d", i)
			w.directive()
			return
		}
	}
	if w.mistake() {
		w.print(" ...F%d", w.IntN(7))
	}
}

func (w *writer) field(on string, depth, next int) {
	known := shapes[w.typeName(on)]
	if known == nil {
		known = []shape{{name: "unknown"}}
	}
	f := known[w.IntN(len(known))]
	if f.of != "" && depth >= w.depth {
		f = shape{name: "__typename"}
	}
	// Without an alias, two fields with other arguments could not be merged.
	if w.chance(3) || len(f.arguments) > 0 && !w.mistake() {
		w.aliases++
		w.print(" a%d:", w.aliases)
	}
	w.print(" %s", f.name)
	if w.mistake() {
		w.print("(%s: %s)", w.one([]string{"int", "any", "filter", "by", "zzz"}), w.one(literals))
	} else if len(f.arguments) > 0 {
		w.print("(%s)", w.one(f.arguments))
	}
	w.directive()
	if f.of != "" {
		w.set(f.of, depth+1, next)
	}
}

func (w *writer) directive() {
	if w.chance(3) {
		w.print(" %s", w.one(directives[:2]))
	}
	for w.mistake() {
		w.print(" %s", w.one(directives))
	}
}

// variables are values for the variables that documents may declare.
func (w *writer) variables() map[string]any {
	values := []any{
		1, 1.5, 2147483648, "x", "7", nil, true,
		[]any{1, nil},
		map[string]any{"id": "1"},
		map[string]any{"id": nil, "name": "x"},
		map[string]any{"near": map[string]any{"x": "1"}},
		strings.Repeat("x", 5000),
	}
	return map[string]any{"a": values[w.IntN(len(values))], "b": values[w.IntN(len(values))]}
}
