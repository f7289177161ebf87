package graph

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// foreignProbe is an inlet that is given the neighbour's value, and once more one that never was.
type foreignProbe struct {
	inlet
	rule

	who, query    string
	theirs, never string
	base          map[string]map[string]any
}

func (p foreignProbe) String() string {
	return fmt.Sprintf("%s by %s given %s", p.inlet, p.who, p.theirs)
}

// ask gives the inlet a value. What the answer repeats of it, and of others that were accepted before, is
// left out.
func (p foreignProbe) ask(s *stage, value string) string {
	answer := s.ask(p.who, p.query, p.variables(s.w.schema, p.base, value))
	if p.echoed {
		s.given = append(s.given, value, strings.ReplaceAll(value, " ", "-"))
	}
	for _, value := range s.given {
		answer = strings.ReplaceAll(answer, value, "…")
	}
	if p.accepted {
		// A name that was given stands in its row's cursor too.
		answer = cursorFields.ReplaceAllString(answer, "…")
	}
	return plain(answer)
}

var cursorFields = regexp.MustCompile(`"(?:cursor|startCursor|endCursor)":"[\w-]+"`)

// standing is who the operation takes the asker for: what is public asks nobody who they are.
func (p foreignProbe) standing() string {
	if p.field.Directives.ForName("public") != nil {
		return "nobody"
	}
	return p.who
}

// writes says that the operation may change something.
func (p foreignProbe) writes() bool { return p.of.Name == "Mutation" }

// foreignProbes give every inlet the neighbour's values, by everybody. The owner gives all, others one of
// each type.
func (w *neighbourhood) foreignProbes(t *testing.T) []foreignProbe {
	t.Helper()
	var probes []foreignProbe
	base := w.base()
	base["logIn"]["password"] = password + " not"
	for _, p := range inlets(w.schema) {
		r, _ := ruleOf(p.String())
		list := p.of.Name + "." + p.field.Name
		values := slices.DeleteFunc(slices.Clone(w.cursors[list]), func(c string) bool {
			return slices.Contains(w.ownCursors[list], c) && !forStaff(p.field) // staff's lists are one for all
		})
		switch {
		case r.never == nil: // named with a reason
			continue
		case r.theirs != nil:
			values = r.theirs(w)
		}
		if len(values) == 0 {
			t.Errorf("%s: the neighbour has nothing to give it", p)
		}
		public := p.field.Directives.ForName("public") != nil
		for _, who := range askers {
			fits := who != "nobody" && !public || public && (who == "nobody" || who == "owner")
			if !fits || who == "staff" && (forStaff(p.field) || p.field.Name == "endImpersonation") {
				continue
			}
			given := values
			if who != "owner" {
				given = eachKind(values)
			}
			for _, value := range given {
				probes = append(probes, foreignProbe{
					inlet: p, rule: r, who: who, query: p.query(w.schema, waysTo(w.own)), theirs: value, never: r.never(value), base: base,
				})
			}
		}
	}
	// What is given becomes the caller's own where it is accepted, so that goes last.
	slices.SortStableFunc(probes, func(a, b foreignProbe) int { return a.turn() - b.turn() })
	return probes
}

// giver is the first of those whose value has to be accepted.
func (p foreignProbe) giver() string {
	switch {
	case forStaff(p.field):
		return "" // they are not asked
	case p.field.Name == "recordSyncEvent":
		return "key"
	}
	return "owner"
}

// turn is when a probe comes: reads before what is refused, and that before what is accepted.
func (p foreignProbe) turn() int {
	switch {
	case p.of.Name != "Mutation":
		return 0
	case !p.accepted:
		return 1
	}
	return 2
}
