package graph

import (
	"strings"
	"testing"

	"igny8.com/accounts/internal/postgres/pgtest"
)

// Whatever an account is given that is another's, it answers as for what never was; and what it has of its
// own is the same with a neighbour that has all of it too as without.
func TestSweep(t *testing.T) {
	t.Parallel()
	w := newNeighbourhood(t)
	for what, standing := range map[string]walls{"all walls": allWalls, "the first wall alone": firstWall} {
		t.Run("what is the neighbour's is like what never was, behind "+what, func(t *testing.T) {
			t.Parallel()
			w.sweepForeign(t, standing)
		})
	}
	without := w.answers(t)
	for what, c := range map[string]struct {
		in       *pgtest.DB
		standing walls
	}{
		"behind all walls": {w.behind, allWalls},
		"behind the first wall alone, the mirror behind":   {w.behind, firstWall},
		"behind the first wall alone, the mirror in front": {w.before, firstWall},
	} {
		t.Run("what is one's own is as without a mirror, "+what, func(t *testing.T) {
			t.Parallel()
			w.sweepOwn(t, c.in, c.standing, without)
		})
	}
}

// answers are those to the caller's own probes where there is no mirror.
func (w *neighbourhood) answers(t *testing.T) []string {
	t.Helper()
	s := w.copied(t, w.alone, allWalls)
	probes := w.ownProbes()
	answers := make([]string, len(probes))
	for i, p := range probes {
		at := s
		if p.alone {
			at = w.copied(t, w.alone, allWalls)
		}
		answers[i] = plain(p.run(at))
	}
	return answers
}

func (w *neighbourhood) sweepForeign(t *testing.T, standing walls) {
	t.Helper()
	probes := w.foreignProbes(t)
	there, nowhere := w.copied(t, w.behind, standing), w.copied(t, w.behind, standing)
	before := there.rowsOf(w.neighbour, w.mirror)
	for _, p := range probes {
		answer, other := p.ask(there, p.theirs), p.ask(nowhere, p.never)
		if answer != other {
			t.Errorf("%s answers\n%s\nand for what never was\n%s", p, answer, other)
		}
		if found := w.betrayed(answer); len(found) > 0 {
			t.Errorf("%s tells %v: %s", p, found, answer)
		}
		if standing == firstWall {
			if others := there.strangers(p.standing()); len(others) > 0 {
				t.Errorf("%s reads rows of the accounts %v", p, others)
			}
		}
		if refusedWhole(answer) {
			t.Errorf("%s: %s", p, answer)
		}
		if p.accepted && p.who == p.giver() && !strings.Contains(answer, `"userErrors":[]`) {
			t.Errorf("%s is not accepted: %s", p, answer)
		}
	}
	if tables := differing(before, there.rowsOf(w.neighbour, w.mirror)); len(tables) > 0 {
		t.Errorf("the neighbour's rows were changed in %v", tables)
	}
	t.Logf("%d values were tried", len(probes))
}

// refusedWhole says that an operation could not run at all, so that it showed nothing.
func refusedWhole(answer string) bool {
	for _, code := range []string{"GRAPHQL_", "_EXCEEDED", "INTERNAL_SERVER_ERROR", "THROTTLED", "BAD_USER_INPUT", "BAD_REQUEST", "TIMEOUT", "UNAVAILABLE"} {
		if strings.Contains(answer, `"code":"`+code) || code == "_EXCEEDED" && strings.Contains(answer, code) {
			return true
		}
	}
	return false
}

func (w *neighbourhood) sweepOwn(t *testing.T, in *pgtest.DB, standing walls, without []string) {
	t.Helper()
	s := w.copied(t, in, standing)
	for i, p := range w.ownProbes() {
		at := s
		if p.alone {
			at = w.copied(t, in, standing)
		}
		var before map[string]string
		if p.changes() {
			before = at.rowsOf(w.neighbour, w.mirror)
		}
		answer := plain(p.run(at))
		if answer != without[i] {
			t.Errorf("%s answers\n%s\nand without a mirror\n%s", p, answer, without[i])
		}
		if found := w.betrayed(answer); len(found) > 0 {
			t.Errorf("%s tells %v: %s", p, found, answer)
		}
		if standing == firstWall {
			if others := at.strangers(p.who); len(others) > 0 {
				t.Errorf("%s reads rows of the accounts %v", p, others)
			}
		}
		if refusedWhole(answer) || p.writes && p.fails == strings.Contains(answer, `"userErrors":[]`) {
			t.Errorf("%s: %s", p, answer)
		}
		if p.changes() {
			if tables := differing(before, at.rowsOf(w.neighbour, w.mirror)); len(tables) > 0 {
				t.Errorf("%s changes the neighbour's rows in %v", p, tables)
			}
		}
	}
	t.Logf("%d operations were tried", len(without))
}
