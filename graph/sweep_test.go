package graph

import (
	"strings"
	"sync"
	"testing"

	"igny8.com/accounts/internal/postgres/pgtest"
)

// Whatever an account is given that is another's, it answers as for what never was; and what it has of its
// own is the same with a neighbour that has all of it too as without. The first wall holds that alone, and
// each statement's part of it is needed.
func TestSweep(t *testing.T) {
	t.Parallel()
	w := newNeighbourhood(t)
	without := w.answers(t)
	seen := &record{trials: map[string][]trial{}}
	t.Run("the first wall alone", func(t *testing.T) {
		t.Run("what is the neighbour's is like what never was", func(t *testing.T) {
			t.Parallel()
			w.sweepForeign(t, firstWall, seen)
		})
		t.Run("what is one's own is as without a mirror", func(t *testing.T) {
			t.Parallel()
			w.sweepOwn(t, w.behind, firstWall, without, seen)
		})
	})
	t.Run("all walls", func(t *testing.T) {
		t.Parallel()
		w.sweepForeign(t, allWalls, nil)
		w.sweepOwn(t, w.behind, allWalls, without, nil)
	})
	t.Run("the first wall alone, the mirror in front", func(t *testing.T) {
		t.Parallel()
		w.sweepOwn(t, w.before, firstWall, without, nil)
	})
	t.Run("any one query that forgets the account is seen", func(t *testing.T) {
		t.Parallel()
		w.prove(t, seen.trials)
	})
}

// record is which trials run statements of which shape with conditions on the account.
type record struct {
	mu     sync.Mutex
	trials map[string][]trial
}

// note notes what ran at a stage since it was last asked.
func (r *record) note(s *stage, p trial) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, shape := range s.predicates.Take() {
		r.trials[shape] = append(r.trials[shape], p)
	}
}

// answers are those to the caller's own probes where there is no mirror.
func (w *neighbourhood) answers(t *testing.T) []string {
	t.Helper()
	s := w.copied(t, w.alone, allWalls)
	probes := w.ownProbes()
	answers := make([]string, len(probes))
	for i, p := range probes {
		w.onStage(t, p, s, w.alone, allWalls, func(_ *testing.T, at *stage) { answers[i] = plain(p.run(at)) })
	}
	return answers
}

func (w *neighbourhood) sweepForeign(t *testing.T, standing walls, seen *record) {
	t.Helper()
	probes := w.foreignProbes(t)
	there, nowhere := w.copied(t, w.behind, standing), w.copied(t, w.behind, standing)
	before := there.rowsOf(w.neighbour, w.mirror)
	for _, p := range probes {
		answer, other := p.ask(there, p.theirs), p.ask(nowhere, p.never)
		seen.note(there, p)
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

func (w *neighbourhood) sweepOwn(t *testing.T, in *pgtest.DB, standing walls, without []string, seen *record) {
	t.Helper()
	s := w.copied(t, in, standing)
	for i, p := range w.ownProbes() {
		w.onStage(t, p, s, in, standing, func(t *testing.T, at *stage) {
			t.Helper()
			w.compare(t, at, p, standing, without[i], seen)
		})
	}
	t.Logf("%d operations were tried", len(without))
}

// onStage does something of a probe at the stage that all share, or, where it must be alone, at one of its own
// that is gone afterwards with its connections.
func (w *neighbourhood) onStage(
	t *testing.T, p probe, shared *stage, of *pgtest.DB, standing walls, do func(*testing.T, *stage),
) {
	t.Helper()
	if !p.alone {
		do(t, shared)
		return
	}
	t.Run(p.String(), func(t *testing.T) { do(t, w.copied(t, of, standing)) })
}

// compare says where a probe at a stage is otherwise than it is without a mirror.
func (w *neighbourhood) compare(t *testing.T, at *stage, p probe, standing walls, without string, seen *record) {
	t.Helper()
	var before map[string]string
	if p.changes() {
		before = at.rowsOf(w.neighbour, w.mirror)
	}
	answer := plain(p.run(at))
	seen.note(at, p)
	if answer != without {
		t.Errorf("%s answers\n%s\nand without a mirror\n%s", p, answer, without)
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
