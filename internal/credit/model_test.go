package credit_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"igny8.com/accounts/internal/credit"
)

// model is an account's credits as simply as they can be said, in memory: what the database holds must
// be the same after every step.
type model struct {
	now time.Time
	seq int64
	// debt is what was spent of what was refunded.
	debt   int64
	grants []modelGrant
	holds  []modelHold
	// lines are the deductions.
	lines []modelLine
}

type modelGrant struct {
	priority int
	granted  time.Time
	expires  *time.Time
	left     int64
}

type modelHold struct {
	amount           int64
	quantity         int64
	cost             credit.Cost
	created, expires time.Time
	status           credit.HoldStatus
}

type modelLine struct {
	at    time.Time
	moves []modelMove
	given int64
}

type modelMove struct {
	grant int
	n     int64
}

func (m *model) clone() *model {
	c := *m
	c.grants, c.holds, c.lines = slices.Clone(m.grants), slices.Clone(m.holds), slices.Clone(m.lines)
	return &c
}

func (m *model) balance() (n int64) {
	for _, g := range m.grants {
		n += g.left
	}
	return n
}

func (m *model) held() (n int64) {
	for _, h := range m.holds {
		if h.status == credit.HoldOpen {
			n += h.amount
		}
	}
	return n
}

func (m *model) available() int64 { return m.balance() - m.held() }

func (m *model) over(g int) bool {
	return m.grants[g].expires != nil && !m.now.Before(*m.grants[g].expires)
}

// order is the grants' numbers in the order in which they burn.
func (m *model) order() []int {
	order := make([]int, len(m.grants))
	for i := range order {
		order[i] = i
	}
	far := m.now.AddDate(1000, 0, 0)
	end := func(g int) time.Time {
		if m.grants[g].expires == nil {
			return far
		}
		return *m.grants[g].expires
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if d := m.grants[a].priority - m.grants[b].priority; d != 0 {
			return d
		}
		if d := end(a).Compare(end(b)); d != 0 {
			return d
		}
		return m.grants[a].granted.Compare(m.grants[b].granted)
	})
	return order
}

func (m *model) sweep() {
	for i := range m.holds {
		if h := &m.holds[i]; h.status == credit.HoldOpen && !m.now.Before(h.expires) {
			h.status = credit.HoldExpired
		}
	}
	m.sweepGrants()
}

// sweepGrants writes off what is over, but for what older open holds still need.
func (m *model) sweepGrants() {
	var over []int
	for _, g := range m.order() {
		if m.over(g) && m.grants[g].left > 0 {
			over = append(over, g)
		}
	}
	slices.SortStableFunc(over, func(a, b int) int { return m.grants[a].expires.Compare(*m.grants[b].expires) })
	var kept int64
	for _, g := range over {
		var needed int64
		for _, h := range m.holds {
			if h.status == credit.HoldOpen && h.created.Before(*m.grants[g].expires) {
				needed += h.amount
			}
		}
		keep := min(max(needed-kept, 0), m.grants[g].left)
		kept += keep
		if keep < m.grants[g].left {
			m.grants[g].left = keep
			m.seq++
		}
	}
}

// burn takes one credit after the other.
func (m *model) burn(n int64, capture bool) (moves []modelMove) {
	for ; n > 0; n-- {
		best := -1
		for _, g := range m.order() {
			if m.grants[g].left > 0 && m.over(g) && capture && (best < 0 || m.grants[g].expires.Before(*m.grants[best].expires)) {
				best = g
			}
		}
		for _, g := range m.order() {
			if best < 0 && m.grants[g].left > 0 && !m.over(g) {
				best = g
			}
		}
		m.grants[best].left--
		if i := slices.IndexFunc(moves, func(v modelMove) bool { return v.grant == best }); i >= 0 {
			moves[i].n++
		} else {
			moves = append(moves, modelMove{best, 1})
		}
	}
	return moves
}

// payDebt has a new grant pay one credit after the other.
func (m *model) payDebt(grant int) {
	if m.debt > 0 {
		m.seq++
	}
	for ; m.debt > 0 && m.grants[grant].left > 0; m.debt-- {
		m.grants[grant].left--
	}
}

func (m *model) deduct(n int64, capture bool) {
	moves := m.burn(n, capture)
	m.seq++
	// A refund goes through them in the order of burning, whatever a capture took first.
	order := m.order()
	slices.SortFunc(moves, func(a, b modelMove) int {
		return slices.Index(order, a.grant) - slices.Index(order, b.grant)
	})
	m.lines = append(m.lines, modelLine{at: m.now, moves: moves})
}

// refund gives one credit after the other back, the last burnt first.
func (m *model) refund(line int, n int64) {
	l := &m.lines[line]
	again := map[int]int{}
	for ; n > 0; n-- {
		skip := l.given
		for _, v := range slices.Backward(l.moves) {
			if skip >= v.n {
				skip -= v.n
				continue
			}
			g := v.grant
			if m.over(g) {
				if _, ok := again[g]; !ok {
					until := m.now.Add(max(m.grants[g].expires.Sub(l.at), time.Hour))
					again[g] = len(m.grants)
					m.grants = append(m.grants, modelGrant{priority: credit.Refund.Priority(), granted: m.now, expires: &until})
				}
				g = again[g]
			}
			m.grants[g].left++
			break
		}
		l.given++
	}
	m.seq++
}

func (l *modelLine) total() (n int64) {
	for _, v := range l.moves {
		n += v.n
	}
	return n
}

// String is the state as the database's is written for comparison.
func (m *model) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "balance %d held %d seq %d debt %d grants", m.balance(), m.held(), m.seq, m.debt)
	for _, g := range m.grants {
		fmt.Fprintf(&b, " %d", g.left)
	}
	b.WriteString(" holds")
	for _, h := range m.holds {
		fmt.Fprintf(&b, " %s", h.status)
	}
	return b.String()
}
