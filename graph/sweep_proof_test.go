package graph

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres/pgtest"
)

// sweepVariable set to full lets the proof take the time that it needs, and has it show of each sign that it
// comes of the missing condition.
const sweepVariable = "IGNY8_SWEEP"

// proofTime is for how long the proof goes on otherwise.
const proofTime = 15 * time.Second

// prove takes the conditions on the account out of the statements of one shape after the other: the sweep
// sees each, but for those that are excused.
func (w *neighbourhood) prove(t *testing.T, trials map[string][]trial) {
	t.Helper()
	full := os.Getenv(sweepVariable) == "full"
	deadline := time.Now().Add(proofTime)
	shapes := order(trials)
	todo := make(chan string, len(shapes))
	for _, shape := range shapes {
		todo <- shape
	}
	close(todo)
	var caught, excused, left atomic.Int64
	t.Run("tried", func(t *testing.T) {
		for range 3 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				c := &court{neighbourhood: w, t: t, kept: map[*pgtest.DB]*stage{}}
				for shape := range todo {
					if !full && time.Now().After(deadline) {
						left.Add(1)
						continue
					}
					sign, why := c.judge(shape, trials[shape], full), excuse(shape)
					switch {
					case sign != "" && why != "":
						t.Errorf("the sweep sees it where this forgets the account, so it needs no excuse:\n%s\n%s", shape, sign)
					case sign != "":
						caught.Add(1)
						t.Logf("%s\n  %s", shape, sign)
					case why != "":
						excused.Add(1)
					default:
						t.Errorf("the sweep does not see it where this forgets the account:\n%s\nof %v", shape, choice(trials[shape]))
					}
				}
			})
		}
	})
	for part := range excuses {
		if !slices.ContainsFunc(shapes, func(shape string) bool { return strings.Contains(shape, part) }) {
			t.Errorf("no statement needs the excuse of %q", part)
		}
	}
	t.Logf("%d statements have conditions on the account: %d are caught without, %d excused, %d not tried in this time",
		len(shapes), caught.Load(), excused.Load(), left.Load())
}

// order is in which shapes are tried: those first that something runs which changes nothing, because that is
// fast, and else in another order each time, so that in the end all are tried however little time there is.
func order(trials map[string][]trial) []string {
	shapes := slices.Sorted(maps.Keys(trials))
	rand.Shuffle(len(shapes), func(i, j int) { shapes[i], shapes[j] = shapes[j], shapes[i] })
	slow := map[string]int{}
	for _, shape := range shapes {
		if !slices.ContainsFunc(trials[shape], func(p trial) bool { return !p.changes() }) {
			slow[shape] = 1
		}
	}
	slices.SortStableFunc(shapes, func(a, b string) int { return slow[a] - slow[b] })
	return shapes
}

// trial is something that runs a statement, and is tried without the condition in it.
type trial interface {
	fmt.Stringer
	// try does it with the condition on the account taken out of the statements of one shape, and says
	// what the sweep sees of that.
	try(t *testing.T, c *court, in *pgtest.DB, shape string) string
	changes() bool
}

// someTrials is how many of those that run a statement are tried, of each kind.
const someTrials = 12

// court is where statements are tried, one after the other.
type court struct {
	*neighbourhood

	t *testing.T
	// kept are stages that no trial changes, by what they are copies of.
	kept map[*pgtest.DB]*stage
}

// judge says by what the sweep sees that the statements of a shape forget the account; nothing where it
// does not. To be sure of it, the same is seen to show nothing where they do not.
func (c *court) judge(shape string, trials []trial, sure bool) (sign string) {
	c.t.Helper()
	c.t.Run("", func(t *testing.T) {
		for _, p := range choice(trials) {
			for i, in := range []*pgtest.DB{c.behind, c.before} {
				found := p.try(t, c, in, shape)
				if found == "" {
					continue
				}
				sign = fmt.Sprintf("%s, the mirror %s: %s", p, []string{"behind", "in front"}[i], found)
				if sure {
					if found := p.try(t, c, in, ""); found != "" {
						t.Errorf("%s %s with all conditions in place", p, found)
					}
				}
				return
			}
		}
	})
	return sign
}

// choice takes some of many trials, as different as they are, and those first that change nothing, which
// are fast.
func choice(trials []trial) []trial {
	chosen := map[int][]trial{}
	kinds := map[string]bool{}
	for _, p := range trials {
		if f, foreign := p.(foreignProbe); foreign {
			kind := fmt.Sprint(f.inlet, f.theirs)
			if kinds[kind] {
				continue
			}
			kinds[kind] = true
		}
		if kind := rank(p); len(chosen[kind]) < someTrials {
			chosen[kind] = append(chosen[kind], p)
		}
	}
	var all []trial
	for _, kind := range slices.Sorted(maps.Keys(chosen)) {
		all = append(all, chosen[kind]...)
	}
	return all
}

// rank tells trials apart by whether they change something, and by whose values they give.
func rank(p trial) int {
	rank := 0
	if _, foreign := p.(foreignProbe); foreign {
		rank++
	}
	if p.changes() {
		rank += 2
	}
	return rank
}

// What a key does is noted with the key, what staff do for an account in its log.

func (p probe) changes() bool { return p.writes || p.logs || p.who == "key" || p.who == "impersonator" }

func (p foreignProbe) changes() bool { return p.writes() || p.who == "key" || p.who == "impersonator" }

func (p probe) try(t *testing.T, c *court, in *pgtest.DB, shape string) string {
	t.Helper()
	with := c.scratch(t, in, shape, p.changes())
	var before map[string]string
	if p.changes() {
		before = with.rowsOf(c.neighbour, c.mirror)
	}
	answer := plain(p.run(with))
	if found := c.betrayed(answer); len(found) > 0 {
		return fmt.Sprintf("tells %v", found)
	}
	if others := with.strangers(p.who); len(others) > 0 {
		return fmt.Sprintf("reads rows of %v", others)
	}
	if p.changes() {
		if tables := differing(before, with.rowsOf(c.neighbour, c.mirror)); len(tables) > 0 {
			return fmt.Sprintf("changes %v", tables)
		}
	}
	if p.writes && p.fails == strings.Contains(answer, `"userErrors":[]`) {
		return "is refused or is not, as it should not be"
	}
	if other := plain(p.run(c.scratch(t, c.alone, shape, p.changes()))); answer != other {
		return "answers otherwise than without a mirror"
	}
	return ""
}

func (p foreignProbe) try(t *testing.T, c *court, in *pgtest.DB, shape string) string {
	t.Helper()
	there := c.scratch(t, in, shape, p.changes())
	before := there.rowsOf(c.neighbour, c.mirror)
	answer := p.ask(there, p.theirs)
	if others := there.strangers(p.standing()); len(others) > 0 {
		return fmt.Sprintf("reads rows of %v", others)
	}
	if found := c.betrayed(answer); len(found) > 0 {
		return fmt.Sprintf("tells %v", found)
	}
	if tables := differing(before, there.rowsOf(c.neighbour, c.mirror)); len(tables) > 0 {
		return fmt.Sprintf("changes %v", tables)
	}
	if answer != p.ask(c.scratch(t, in, shape, p.changes()), p.never) {
		return "answers otherwise than for what never was"
	}
	return ""
}

// scratch is a stage for one trial, where the statements of a shape forget the account: a new one where the
// trial changes something, or one that is kept.
func (c *court) scratch(t *testing.T, of *pgtest.DB, shape string, changes bool) *stage {
	t.Helper()
	s := c.kept[of]
	switch {
	case changes:
		s = c.copied(t, of, firstWall)
	case s == nil:
		s = c.copied(c.t, of, firstWall)
		c.kept[of] = s
	}
	s.asked, s.given = 0, nil
	s.predicates.Drop(shape)
	s.predicates.Owners()
	return s
}

// excuses are statements of which the sweep sees nothing, by what stands in them, with the reason why
// nothing is to be seen.
var excuses = map[string]string{
	"DELETE FROM igny8_login_directory WHERE email = ? AND": "the directory's key is the address, which is one person's",
	"DELETE FROM igny8_slug_directory WHERE slug = ? AND":   "the directory's key is the slug, which is one account's",
}

func excuse(shape string) string {
	for part, why := range excuses {
		if strings.Contains(shape, part) {
			return why
		}
	}
	return ""
}
