//go:build linux

package torture_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// load is customers' clients that spend without pause, and the record of what they were told.
type load struct {
	url       string
	customers []*customer
	// again are the codes that a retry may meet. One of them is that the account's points are used up: these
	// clients ask for more than any plan has, and such a refusal comes before anything is done.
	again []string

	// drain asks clients to end when they have been told what became of their last movement; abandon
	// ends them where they are.
	drain, abandon context.CancelFunc
	spenders       sync.WaitGroup

	mu     sync.Mutex
	record map[*customer][]*movement
	wrong  []string       // what must never be answered, and was
	codes  map[string]int // why requests were sent again
}

func newLoad(url string, customers []*customer) *load {
	return &load{
		url: url, customers: customers, again: []string{unanswered, "UNAVAILABLE", "TIMEOUT", "THROTTLED"},
		record: map[*customer][]*movement{}, codes: map[string]int{},
	}
}

// clientsEach is how many clients spend one customer's credits at once, from one locked row.
const clientsEach = 4

// start lets clients spend. name tells their keys from those of earlier ones.
func (l *load) start(name string) {
	inTime, drain := context.WithCancel(context.Background())
	atAll, abandon := context.WithCancel(context.Background())
	l.drain, l.abandon = drain, abandon
	for i, who := range l.customers {
		for j := range clientsEach {
			s := &spender{
				load: l, who: who, client: who.client(l.url), name: fmt.Sprintf("%s-%d-%d", name, i, j),
				rng: rand.New(rand.NewPCG(*seed, uint64(i*clientsEach+j))),
			}
			l.spenders.Go(func() {
				for inTime.Err() == nil && s.next(atAll) {
				}
				s.client.http.CloseIdleConnections()
			})
		}
	}
}

// finish waits until every client knows what became of its last movement.
func (l *load) finish() {
	l.drain()
	l.spenders.Wait()
	l.abandon()
}

// leave ends the clients at once, some of them in doubt.
func (l *load) leave() {
	l.drain()
	l.abandon()
	l.spenders.Wait()
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, all := range l.record {
		n += len(all)
	}
	return n
}

// doubts is how many movements were sent more than once before they were answered.
func (l *load) doubts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, all := range l.record {
		for _, m := range all {
			n += min(m.doubts, 1)
		}
	}
	return n
}

// since is what a customer was told of after the first n movements.
func (l *load) since(who *customer, n int) []*movement {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record[who][n:]
}

func (l *load) complainf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 20
	if len(l.wrong) < most {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// spender is one client.
type spender struct {
	load   *load
	who    *customer
	client *client
	name   string
	rng    *rand.Rand
	n      int

	holds      []string    // open
	deductions []*movement // not refunded
	done       []*movement
}

// next makes one movement, or asks for one again, and says whether to go on.
func (s *spender) next(ctx context.Context) bool {
	switch dice := s.rng.IntN(100); {
	case dice < 10 && len(s.done) > 0:
		return s.again(ctx, s.done[s.rng.IntN(len(s.done))])
	case dice < 25 && len(s.deductions) > 0:
		return s.refund(ctx)
	case dice < 45 && len(s.holds) > 0:
		return s.close(ctx)
	case dice < 65:
		m, ok := s.move(ctx, "reserve", map[string]any{"operation": "IMAGE_GENERATION", "quantity": 1 + s.rng.IntN(4), "expiresIn": 86_400})
		if ok {
			s.holds = append(s.holds, m.told.Hold)
		}
		return ok
	default:
		m, ok := s.move(ctx, "spend", map[string]any{
			"operation": "CONTENT_GENERATION", "quantity": 1 + s.rng.IntN(2_000), "description": "An article",
			"metadata": map[string]any{"attempt": s.n},
		})
		if ok {
			s.deductions = append(s.deductions, m)
		}
		return ok
	}
}

func (s *spender) refund(ctx context.Context) bool {
	i := s.rng.IntN(len(s.deductions))
	m := s.deductions[i]
	s.deductions = append(s.deductions[:i], s.deductions[i+1:]...)
	input := map[string]any{"transactionId": m.told.Line, "reason": "It failed"}
	if s.rng.IntN(2) == 0 {
		input["amount"] = 1 + s.rng.Int64N(-m.told.Amount)
	}
	_, ok := s.move(ctx, "refund", input)
	return ok
}

// close captures the oldest hold, or releases it.
func (s *spender) close(ctx context.Context) bool {
	input := map[string]any{"holdId": s.holds[0]}
	s.holds = s.holds[1:]
	if s.rng.IntN(3) == 0 {
		_, ok := s.move(ctx, "release", input)
		return ok
	}
	if s.rng.IntN(2) == 0 {
		input["quantity"] = 1
	}
	m, ok := s.move(ctx, "capture", input)
	if ok {
		s.deductions = append(s.deductions, m)
	}
	return ok
}

// move sends a command until it is answered, and records what the answer says.
func (s *spender) move(ctx context.Context, command string, input map[string]any) (*movement, bool) {
	s.n++
	m := newMovement(command, fmt.Sprintf("%s-%d", s.name, s.n), input)
	data, ok := s.insist(ctx, m)
	if !ok {
		return nil, false
	}
	said, err := m.read(data)
	if err != nil {
		s.load.complainf("%v", err)
		return nil, false
	}
	m.answer, m.told = data, said
	s.done = append(s.done, m)
	s.load.mu.Lock()
	s.load.record[s.who] = append(s.load.record[s.who], m)
	s.load.mu.Unlock()
	return m, true
}

// again sends a movement that was answered before, and compares.
func (s *spender) again(ctx context.Context, m *movement) bool {
	data, ok := s.insist(ctx, m)
	if ok && !bytes.Equal(data, m.answer) {
		s.load.complainf("%s was answered with\n%s\nand then with\n%s", m.name(), m.answer, data)
		return false
	}
	return ok
}

// insist sends a command until it is answered. It gives up when ctx ends, or at a code that a retry must
// not meet, which is a complaint.
func (s *spender) insist(ctx context.Context, m *movement) (data []byte, ok bool) {
	const pause = 5 * time.Millisecond
	for {
		data, code := s.client.post(ctx, operations[m.command], m.input)
		if code == "" {
			return data, true
		}
		if ctx.Err() != nil {
			return nil, false
		}
		m.doubts++
		s.load.mu.Lock()
		s.load.codes[code]++
		s.load.mu.Unlock()
		if !slices.Contains(s.load.again, code) {
			s.load.complainf("%s is refused with %s", m.name(), code)
			return nil, false
		}
		select {
		case <-ctx.Done():
			return nil, false
		case <-time.After(pause):
		}
	}
}
