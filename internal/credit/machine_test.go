package credit_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// machineTime is how long the state machine runs, beyond its first hundred sequences.
const machineTime = 8 * time.Second

// machine drives an account and its model side by side.
type machine struct {
	*tenant

	m        *model
	holdIDs  []gid.CreditHold
	lineIDs  []gid.CreditTransaction
	answered []func(rt *rapid.T)
	keys     int
	steps    *atomic.Int64
}

func TestCredits_DoWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	var sequences, steps atomic.Int64
	until := time.Now().Add(machineTime)
	for worker := range 2 {
		t.Run(strconv.Itoa(worker), func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			for first := true; first || time.Now().Before(until); first = false {
				rapid.Check(t, func(rt *rapid.T) {
					sequences.Add(1)
					s := &machine{tenant: newTenant(t, db), m: &model{now: now}, steps: &steps}
					s.give(rt)
					rt.Repeat(map[string]func(*rapid.T){
						"": s.check, "give": s.give, "spend": s.spend, "reserve": s.reserve, "capture": s.capture, "release": s.release,
						"refund": s.refund, "adjust": s.adjust, "time passes": s.pass, "jobs": s.jobs, "replay": s.replay,
					})
					v, err := credit.Verify(s.ctx(), db.App, s.id)
					if err != nil || !v.OK() || v.CheckedLines != s.m.seq {
						rt.Fatalf("verification: %v, %+v", err, v)
					}
				})
			}
		})
	}
	t.Cleanup(func() { t.Logf("%d sequences, %d steps", sequences.Load(), steps.Load()) })
}

// check compares the database with the model.
func (s *machine) check(rt *rapid.T) {
	s.steps.Add(1)
	var got string
	s.scan(&got, `SELECT format('balance %s held %s seq %s grants', balance, held, last_seq)
		|| coalesce((SELECT string_agg(' ' || remaining, '' ORDER BY id) FROM igny8_credit_grants WHERE tenant_id = ?0), '')
		|| ' holds' || coalesce((SELECT string_agg(' ' || status, '' ORDER BY id) FROM igny8_credit_holds WHERE tenant_id = ?0), '')
		FROM igny8_credit_accounts WHERE tenant_id = ?0`, s.id)
	if want := s.m.String(); got != want {
		rt.Fatalf("the database has\n%s\nand the model\n%s", got, want)
	}
	if s.m.available() < 0 {
		rt.Fatalf("%d are available", s.m.available())
	}
}

func (s *machine) key() string {
	s.keys++
	return fmt.Sprint("k", s.keys)
}

// answer checks a command's outcome: the model's next state where it succeeds, the code otherwise. A
// success is replayed later and must be answered the same.
func (s *machine) answer(rt *rapid.T, next *model, code fault.Code, call func() (*credit.Result, error)) *credit.Result {
	r, err := call()
	if code != "" {
		if !fault.Is(err, code) {
			rt.Fatalf("%v, want %s", err, code)
		}
		return nil
	}
	if err != nil {
		rt.Fatalf("refused: %v", err)
	}
	s.m = next
	if r.Credits.Balance != next.balance() || r.Credits.Held != next.held() {
		rt.Fatalf("answered %+v", r.Credits)
	}
	s.answered = append(s.answered, func(rt *rapid.T) {
		again, err := call()
		if err != nil {
			rt.Fatalf("the replay is refused: %v", err)
		}
		if diff := cmp.Diff(r, again, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
			rt.Fatalf("the replay differs (-first +again):\n%s", diff)
		}
	})
	return r
}

func (s *machine) replay(rt *rapid.T) {
	if len(s.answered) == 0 {
		rt.Skip("nothing was answered yet")
	}
	rapid.SampledFrom(s.answered).Draw(rt, "request")(rt)
}

func (s *machine) pass(rt *rapid.T) {
	s.m.now = s.m.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(rt, "minutes")) * time.Minute)
}

func (s *machine) jobs(rt *rapid.T) {
	if _, err := credit.ExpireHolds(s.t.Context(), s.db.App, s.m.now); err != nil {
		rt.Fatal(err)
	}
	if _, err := credit.ExpireGrants(s.t.Context(), s.db.App, s.m.now); err != nil {
		rt.Fatal(err)
	}
	// A hold that expires is followed by what it kept alive; an account with nothing due is left alone.
	s.m.sweep()
}

func (s *machine) give(rt *rapid.T) {
	kind := rapid.SampledFrom([]credit.Kind{credit.Trial, credit.Promotion, credit.Subscription, credit.Purchase}).Draw(rt, "kind")
	amount := rapid.Int64Range(1, 60).Draw(rt, "credits")
	var expires *time.Time
	if rapid.Bool().Draw(rt, "expires") {
		at := s.m.now.Add(time.Duration(rapid.IntRange(1, 120).Draw(rt, "minutes")) * time.Minute)
		expires = &at
	}
	s.tenant.give(kind, amount, s.m.now, expires)
	s.m.grants = append(s.m.grants, modelGrant{priority: kind.Priority(), granted: s.m.now, expires: expires, left: amount})
	s.m.seq++
}

// work draws something to pay for, with its price as the contract has it.
func work(rt *rapid.T) (op credit.Operation, quantity, required int64, cost credit.Cost) {
	switch rapid.IntRange(0, 2).Draw(rt, "work") {
	case 0:
		return credit.Clustering, 1, 10, credit.Cost{Credits: 10, UnitSize: 1}
	case 1:
		q := rapid.Int64Range(1, 15).Draw(rt, "ideas")
		return credit.IdeaGeneration, q, 2 * q, credit.Cost{Credits: 2, UnitSize: 1}
	default:
		q := rapid.Int64Range(1, 3000).Draw(rt, "words")
		return credit.ContentGeneration, q, (q + 99) / 100, credit.Cost{Credits: 1, UnitSize: 100}
	}
}

func (s *machine) spend(rt *rapid.T) {
	op, quantity, required, _ := work(rt)
	key, at := s.key(), s.m.now
	next, code := s.m.clone(), fault.Code("")
	next.sweep()
	if required > next.available() {
		code = fault.InsufficientCredits
	} else {
		next.deduct(required, false)
	}
	if r := s.answer(rt, next, code, func() (*credit.Result, error) { return s.tenant.spend(at, op, quantity, key) }); r != nil {
		s.lineIDs = append(s.lineIDs, r.Transaction.ID)
	}
}

func (s *machine) reserve(rt *rapid.T) {
	op, quantity, required, cost := work(rt)
	key, at := s.key(), s.m.now
	life := time.Duration(rapid.IntRange(1, 180).Draw(rt, "minutes")) * time.Minute
	next, code := s.m.clone(), fault.Code("")
	next.sweep()
	if required > next.available() {
		code = fault.InsufficientCredits
	}
	next.holds = append(next.holds, modelHold{
		amount: required, quantity: quantity, cost: cost, created: at, expires: at.Add(life), status: credit.HoldOpen,
	})
	r := s.answer(rt, next, code, func() (*credit.Result, error) {
		return credit.Reserve(s.ctx(), s.db.App, s.owner, at, anySite,
			credit.Reservation{Operation: op, Quantity: quantity, ExpiresIn: &life, IdempotencyKey: key})
	})
	if r != nil {
		s.holdIDs = append(s.holdIDs, r.Hold.ID)
	}
}

// hold draws one of the holds that were made, open or not.
func (s *machine) hold(rt *rapid.T) int {
	if len(s.holdIDs) == 0 {
		rt.Skip("there is no hold")
	}
	return rapid.IntRange(0, len(s.holdIDs)-1).Draw(rt, "hold")
}

func (s *machine) capture(rt *rapid.T) {
	i := s.hold(rt)
	key, at := s.key(), s.m.now
	next, code := s.m.clone(), fault.Code("")
	next.sweep()
	h := &next.holds[i]
	quantity := h.quantity
	var asked *int64
	if h.quantity > 1 && rapid.Bool().Draw(rt, "another quantity") {
		quantity = rapid.Int64Range(1, h.quantity+h.cost.UnitSize).Draw(rt, "quantity")
		asked = &quantity
	}
	required := (quantity + h.cost.UnitSize - 1) / h.cost.UnitSize * h.cost.Credits
	switch {
	case h.status != credit.HoldOpen:
		code = fault.InvalidState
	case required > h.amount:
		code = fault.Invalid
	default:
		h.status = credit.HoldCaptured
		next.deduct(required, true)
		next.sweepGrants()
	}
	r := s.answer(rt, next, code, func() (*credit.Result, error) { return s.tenant.capture(at, s.holdIDs[i], asked, key) })
	if r != nil {
		s.lineIDs = append(s.lineIDs, r.Transaction.ID)
	}
}

func (s *machine) release(rt *rapid.T) {
	i := s.hold(rt)
	key, at := s.key(), s.m.now
	next, code := s.m.clone(), fault.Code("")
	next.sweep()
	if next.holds[i].status == credit.HoldOpen {
		next.holds[i].status = credit.HoldReleased
		next.sweepGrants()
	} else {
		code = fault.InvalidState
	}
	s.answer(rt, next, code, func() (*credit.Result, error) { return s.tenant.release(at, s.holdIDs[i], key) })
}

func (s *machine) refund(rt *rapid.T) {
	if len(s.lineIDs) == 0 {
		rt.Skip("nothing was deducted")
	}
	i := rapid.IntRange(0, len(s.lineIDs)-1).Draw(rt, "line")
	key, at := s.key(), s.m.now
	next, code := s.m.clone(), fault.Code("")
	next.sweep()
	left := next.lines[i].total() - next.lines[i].given
	amount := left
	var asked *int64
	if rapid.Bool().Draw(rt, "a part") {
		amount = rapid.Int64Range(1, 12).Draw(rt, "credits")
		asked = &amount
	}
	switch {
	case left == 0:
		code = fault.InvalidState
	case amount > left:
		code = fault.Invalid
	default:
		next.refund(i, amount)
	}
	s.answer(rt, next, code, func() (*credit.Result, error) { return s.tenant.refund(at, s.lineIDs[i], asked, key) })
}

func (s *machine) adjust(rt *rapid.T) {
	amount := rapid.Int64Range(-40, 40).Filter(func(n int64) bool { return n != 0 }).Draw(rt, "credits")
	key, at := s.key(), s.m.now
	next, code := s.m.clone(), fault.Code("")
	next.sweep()
	switch {
	case amount > 0:
		next.grants = append(next.grants, modelGrant{priority: credit.Adjustment.Priority(), granted: at, left: amount})
		next.seq++
	case -amount > next.available():
		code = fault.InsufficientCredits
	default:
		next.burn(-amount, false)
		next.seq++
	}
	s.answer(rt, next, code, func() (*credit.Result, error) {
		return credit.Adjust(s.ctx(), s.db.App, s.owner, at,
			credit.Adjusting{AccountID: s.id, Amount: amount, Reason: "a correction", IdempotencyKey: key})
	})
}
