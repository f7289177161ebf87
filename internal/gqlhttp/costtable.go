package gqlhttp

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// CostTable lists in Markdown what each field of the schema costs that does not cost nothing.
func (w Weights) CostTable(schema *ast.Schema) string {
	var b strings.Builder
	b.WriteString("| field | costs |\n| --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		def := schema.Types[name]
		if def.Kind != ast.Object && def.Kind != ast.Interface || strings.HasPrefix(name, "__") {
			continue
		}
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			if formula := w.formula(schema, def, f); formula != "0" {
				fmt.Fprintf(&b, "| `%s.%s` | %s |\n", name, f.Name, formula)
			}
		}
	}
	return b.String()
}

// formula is what a field costs, with s for what is selected in it and n for the items of a page.
func (w Weights) formula(schema *ast.Schema, def *ast.Definition, f *ast.FieldDefinition) string {
	leaf := schema.Types[f.Type.Name()].IsLeafType()
	own := w.of(def.Name, f, leaf)
	if def == schema.Mutation {
		own += mutationCost
	}
	paged := f.Arguments.ForName("first") != nil
	switch {
	case leaf:
		return strconv.Itoa(own)
	case f.Type.Elem == nil && paged:
		return fmt.Sprintf("%d + s, lists in it having n items", own)
	case f.Type.Elem == nil && own == 0:
		return "0" // and what is selected in it
	case f.Type.Elem == nil:
		return fmt.Sprintf("%d + s", own)
	}
	items := strconv.Itoa(pricedList)
	switch {
	case f.Arguments.ForName("ids") != nil:
		items = "number of ids"
	case paged, isPage(schema, def):
		items = "n"
	}
	if own == 0 {
		return items + " × s"
	}
	return fmt.Sprintf("%s × (%d + s)", items, own)
}

// isPage says whether a type is what a field with a page answers: a connection.
func isPage(schema *ast.Schema, def *ast.Definition) bool {
	for _, t := range schema.Types {
		for _, f := range t.Fields {
			if f.Type.NamedType == def.Name && f.Arguments.ForName("first") != nil {
				return true
			}
		}
	}
	return false
}
