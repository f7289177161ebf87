package credit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

const (
	// sequences are how many the state machine runs at least on rows in memory, and databaseTime how long it
	// runs on Postgres, beyond its first hundred sequences.
	sequences    = 10_000
	databaseTime = 6 * time.Second
	// stepsVariable asks for so many steps in memory, rather than sequences.
	stepsVariable = "IGNY8_MACHINE_STEPS"
)

// world is where the machine's movements happen.
type world interface {
	perform(group []*credit.Movement) error
	give(kind credit.Kind, amount int64, at time.Time, expires *time.Time) error
	jobs(at time.Time) error
	// takeBack takes back so many credits of a payment that was refunded.
	takeBack(due int64, at time.Time) (taken, owed int64, err error)
	// String is the state, as the model writes its own.
	String() string
	// verify adds up the ledger, of so many lines.
	verify(lines int64) error
}

// All of the package's code runs against rows in memory, but for Postgres itself.
func TestCredits_InMemoryDoWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	wanted, _ := strconv.Atoi(os.Getenv(stepsVariable))
	owner := ownerOf(1, 1)
	ran, steps := 0, 0
	begun := time.Now()
	for (wanted == 0 && ran < sequences) || steps < wanted {
		rapid.Check(t, func(rt *rapid.T) {
			ran++
			s := &machine{world: inMemory{credit.NewMemory(1), t.Context()}, id: 1, owner: owner, m: &model{now: now}}
			s.run(rt)
			steps += s.steps
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d sequences, %d steps in %s", ran, steps, time.Since(begun).Round(time.Millisecond))
}

func TestCredits_DoWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ran, steps := 0, 0
	until := time.Now().Add(databaseTime)
	for ran == 0 || time.Now().Before(until) {
		rapid.Check(t, func(rt *rapid.T) {
			ran++
			a := newTenant(t, db)
			s := &machine{world: inPostgres{a}, id: a.id, owner: a.owner, m: &model{now: now}}
			s.run(rt)
			steps += s.steps
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d sequences, %d steps", ran, steps)
}

type inMemory struct {
	*credit.Memory

	ctx context.Context //nolint:containedctx // the test's
}

func (w inMemory) perform(group []*credit.Movement) error { return w.Perform(w.ctx, group) }
func (w inMemory) jobs(at time.Time) error                { return w.Sweep(w.ctx, at) }
func (w inMemory) takeBack(due int64, at time.Time) (taken, owed int64, err error) {
	return credit.TakeBackSo(w.ctx, w.Memory, credit.Reversing{Tenant: w.Tenant, PaymentID: 1, IdempotencyKey: takenKey(), At: at}, due)
}

func (w inMemory) give(kind credit.Kind, amount int64, at time.Time, expires *time.Time) error {
	return w.Give(w.ctx, &credit.Grant{Kind: kind, Amount: amount, ExpiresAt: expires}, at)
}
func (w inMemory) verify(int64) error { return w.Verify() }

type inPostgres struct{ a *tenant }

func (w inPostgres) perform(group []*credit.Movement) error {
	return credit.Perform(w.a.ctx(), w.a.db.App, w.a.id, group)
}

func (w inPostgres) give(kind credit.Kind, amount int64, at time.Time, expires *time.Time) error {
	w.a.give(kind, amount, at, expires)
	return nil
}

// takeBack is of a payment that granted nothing itself: what it is due is given.
func (w inPostgres) takeBack(due int64, at time.Time) (taken, owed int64, err error) {
	var payment gid.Payment
	w.a.scan(&payment, `INSERT INTO igny8_payments (tenant_id, method, plan_id, months, net_minor, amount_minor, currency, reference, requested_by, expires_at)
		VALUES (?0, 'bank_transfer', 2, 1, 8900, 8900, 'USD', ?1, ?2, now()) RETURNING id`, w.a.id, takenKey(), w.a.owner.User.ID)
	err = postgres.InTx(w.a.ctx(), w.a.db.App, func(ctx context.Context, tx bun.Tx) error {
		var err error
		taken, owed, err = credit.TakeBackSo(ctx, postgres.Joined(tx), credit.Reversing{
			Tenant: w.a.id, PaymentID: payment, IdempotencyKey: takenKey(), By: audit.By{Kind: audit.System}, At: at,
		}, due)
		return err
	})
	return taken, owed, err
}

// takenKey is another one each time.
func takenKey() string { return fmt.Sprintf("taken:%d", serial.Add(1)) }

func (w inPostgres) jobs(at time.Time) error {
	_, err := credit.ExpireHolds(w.a.t.Context(), w.a.db.App, at)
	_, err2 := credit.ExpireGrants(w.a.t.Context(), w.a.db.App, at)
	return errors.Join(err, err2)
}

func (w inPostgres) String() string {
	var got string
	w.a.scan(&got, `SELECT format('balance %s held %s seq %s debt %s grants', balance, held, last_seq, debt)
		|| coalesce((SELECT string_agg(' ' || remaining, '' ORDER BY id) FROM igny8_credit_grants WHERE tenant_id = ?0), '')
		|| ' holds' || coalesce((SELECT string_agg(' ' || status, '' ORDER BY id) FROM igny8_credit_holds WHERE tenant_id = ?0), '')
		FROM igny8_credit_accounts WHERE tenant_id = ?0`, w.a.id)
	return got
}

func (w inPostgres) verify(lines int64) error {
	v, err := credit.Verify(w.a.ctx(), w.a.db.App, w.a.id)
	if err != nil || !v.OK() || v.CheckedLines != lines {
		return fmt.Errorf("%w: %+v of %d lines", err, v, lines)
	}
	return nil
}

// machine drives an account and its model side by side.
type machine struct {
	world

	id       gid.Account
	owner    account.Actor
	m        *model
	holdIDs  []gid.CreditHold
	lineIDs  []gid.CreditTransaction
	answered []answered
	keys     int
	steps    int
	// tight is a time in which all grants end, one soon after the other, and holds, which there are more of,
	// outlive them.
	tight bool
}

// answered is a movement that succeeded: it is asked for again later and must be answered the same.
type answered struct {
	again func() (*credit.Movement, error)
	first *credit.Result
}

// planned is a movement of a group with what the model says of it.
type planned struct {
	build func() (*credit.Movement, error)
	code  fault.Code
	// balance and held are the account's right after it, where it succeeds.
	balance, held int64
	// then is told the result of one that succeeds.
	then func(*credit.Result)
	// same is the member of the group, and first the result, that it must be answered like.
	same  int
	first *credit.Result
}

// run is one sequence.
func (s *machine) run(rt *rapid.T) {
	s.tight = rapid.Bool().Draw(rt, "tight")
	s.giveSome(rt)
	if s.tight {
		s.giveSome(rt)
	}
	for range rapid.IntRange(1, 12).Draw(rt, "groups") {
		switch rapid.IntRange(0, 9).Draw(rt, "step") {
		case 0:
			s.giveSome(rt)
		case 1:
			if err := s.jobs(s.m.now); err != nil {
				rt.Fatal(err)
			}
			// A hold that expires is followed by what it kept alive; an account with nothing due is left alone.
			s.m.sweep()
			s.steps++
		case 2, 3:
			s.pass(rt)
		case 4:
			s.takeSome(rt)
		default:
			s.group(rt)
		}
		if got, want := s.String(), s.m.String(); got != want {
			rt.Fatalf("the account has\n%s\nand the model\n%s", got, want)
		}
		if s.m.available() < 0 {
			rt.Fatalf("%d are available", s.m.available())
		}
	}
	if err := s.verify(s.m.seq); err != nil {
		rt.Fatalf("verification: %v", err)
	}
}

// group runs movements that share a transaction: each does what it would do alone after the one before it,
// and those that are refused leave no trace.
func (s *machine) group(rt *rapid.T) {
	plans := make([]*planned, 0, 6)
	group := make([]*credit.Movement, 0, 6)
	for range rapid.IntRange(1, 6).Draw(rt, "members") {
		if rapid.IntRange(0, 7).Draw(rt, "time passes") == 0 {
			s.pass(rt)
		}
		p := s.plan(rt, plans)
		if p == nil {
			continue
		}
		p.balance, p.held = s.m.balance(), s.m.held()
		m, err := p.build()
		if err != nil {
			rt.Fatal(err)
		}
		plans, group = append(plans, p), append(group, m)
	}
	if len(group) == 0 {
		return
	}
	s.steps += len(group)
	if err := s.perform(group); err != nil {
		rt.Fatalf("the group failed: %v", err)
	}
	for i, p := range plans {
		s.judge(rt, plans, group, i, p)
	}
}

func (s *machine) judge(rt *rapid.T, plans []*planned, group []*credit.Movement, i int, p *planned) {
	r, err := group[i].Outcome()
	if p.code != "" {
		if !fault.Is(err, p.code) {
			rt.Fatalf("member %d of %d: %v, want %s", i, len(group), err, p.code)
		}
		return
	}
	if err != nil {
		rt.Fatalf("member %d of %d is refused: %v", i, len(group), err)
	}
	first := p.first
	if p.same >= 0 {
		first, _ = group[p.same].Outcome()
	}
	if first != nil {
		if diff := cmp.Diff(first, r, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
			rt.Fatalf("the replay differs (-first +again):\n%s", diff)
		}
		return
	}
	if r.Credits.Balance != p.balance || r.Credits.Held != p.held {
		rt.Fatalf("member %d of %d: answered %+v, want %d and %d", i, len(group), r.Credits, p.balance, p.held)
	}
	s.answered = append(s.answered, answered{p.build, r})
	p.then(r)
}

// plan draws a movement and has the model do it; nil where what it drew has nothing to work on.
func (s *machine) plan(rt *rapid.T, before []*planned) *planned {
	p := &planned{same: -1, then: func(*credit.Result) {}}
	next := s.m.clone()
	next.sweep()
	movement := rapid.IntRange(0, 8).Draw(rt, "movement")
	if s.tight && movement < 2 {
		movement += 2
	}
	switch movement {
	case 0, 1:
		s.planSpend(rt, p, next)
	case 2:
		s.planReserve(rt, p, next)
	case 3:
		if len(s.holdIDs) == 0 {
			return nil
		}
		s.planCapture(rt, p, next)
	case 4:
		if len(s.holdIDs) == 0 {
			return nil
		}
		s.planRelease(rt, p, next)
	case 5:
		if len(s.lineIDs) == 0 {
			return nil
		}
		s.planRefund(rt, p, next)
	case 6:
		s.planAdjust(rt, p, next)
	case 7:
		if len(s.answered) == 0 {
			return nil
		}
		a := rapid.SampledFrom(s.answered).Draw(rt, "request")
		p.build, p.first = a.again, a.first
		return p
	default: // what a member of this very group asks for
		if len(before) == 0 {
			return nil
		}
		i := rapid.IntRange(0, len(before)-1).Draw(rt, "member")
		if before[i].code != "" { // a refusal is not kept, and what is refused now may not be by then
			return nil
		}
		p.build, p.first, p.same = before[i].build, before[i].first, i
		return p
	}
	if p.code == "" {
		s.m = next
	}
	return p
}

func (s *machine) key() string {
	s.keys++
	return fmt.Sprint("k", s.keys)
}

func (s *machine) pass(rt *rapid.T) {
	s.m.now = s.m.now.Add(s.minutes(rt, 1, 90, 1, 10))
}

// minutes draws a time; the last two are its bounds where times are tight.
func (s *machine) minutes(rt *rapid.T, least, most, tightLeast, tightMost int) time.Duration {
	if s.tight {
		least, most = tightLeast, tightMost
	}
	return time.Duration(rapid.IntRange(least, most).Draw(rt, "minutes")) * time.Minute
}

func (s *machine) giveSome(rt *rapid.T) {
	kind := rapid.SampledFrom([]credit.Kind{credit.Trial, credit.Promotion, credit.Subscription, credit.Purchase}).Draw(rt, "kind")
	amount := rapid.Int64Range(1, 60).Draw(rt, "credits")
	var expires *time.Time
	if s.tight || rapid.Bool().Draw(rt, "expires") {
		at := s.m.now.Add(s.minutes(rt, 1, 120, 1, 30))
		expires = &at
	}
	if err := s.give(kind, amount, s.m.now, expires); err != nil {
		rt.Fatal(err)
	}
	s.m.grants = append(s.m.grants, modelGrant{priority: kind.Priority(), granted: s.m.now, expires: expires, left: amount})
	s.m.seq++
	s.m.payDebt(len(s.m.grants) - 1)
	s.steps++
}

// takeSome refunds what granted some of the credits, spent or not.
func (s *machine) takeSome(rt *rapid.T) {
	due := rapid.Int64Range(0, 80).Draw(rt, "due")
	taken, owed, err := s.takeBack(due, s.m.now)
	if err != nil {
		rt.Fatal(err)
	}
	s.m.sweep()
	if want := min(due, s.m.available()); taken != want || owed != due-want {
		rt.Fatalf("of %d, %d were taken and %d are owed; %d were available", due, taken, owed, want)
	}
	if taken > 0 {
		s.m.burn(taken, false)
		s.m.seq++
	}
	s.m.debt += owed
	s.steps++
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

func (s *machine) planSpend(rt *rapid.T, p *planned, next *model) {
	op, quantity, required, _ := work(rt)
	key, at := s.key(), s.m.now
	if required > next.available() {
		p.code = fault.InsufficientCredits
	} else {
		next.deduct(required, false)
	}
	p.build = func() (*credit.Movement, error) {
		return credit.ToSpend(context.Background(), s.owner, at, anySite,
			credit.Spending{Operation: op, Quantity: &quantity, IdempotencyKey: key})
	}
	p.then = func(r *credit.Result) { s.lineIDs = append(s.lineIDs, r.Transaction.ID) }
}

func (s *machine) planReserve(rt *rapid.T, p *planned, next *model) {
	op, quantity, required, cost := work(rt)
	key, at := s.key(), s.m.now
	life := s.minutes(rt, 1, 180, 60, 180)
	if required > next.available() {
		p.code = fault.InsufficientCredits
	}
	next.holds = append(next.holds, modelHold{
		amount: required, quantity: quantity, cost: cost, created: at, expires: at.Add(life), status: credit.HoldOpen,
	})
	p.build = func() (*credit.Movement, error) {
		return credit.ToReserve(context.Background(), s.owner, at, anySite,
			credit.Reservation{Operation: op, Quantity: quantity, ExpiresIn: &life, IdempotencyKey: key})
	}
	p.then = func(r *credit.Result) { s.holdIDs = append(s.holdIDs, r.Hold.ID) }
}

// hold draws one of the holds that were made before this group, open or not.
func (s *machine) hold(rt *rapid.T) int { return rapid.IntRange(0, len(s.holdIDs)-1).Draw(rt, "hold") }

func (s *machine) planCapture(rt *rapid.T, p *planned, next *model) {
	i := s.hold(rt)
	key, at := s.key(), s.m.now
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
		p.code = fault.InvalidState
	case required > h.amount:
		p.code = fault.Invalid
	default:
		h.status = credit.HoldCaptured
		next.deduct(required, true)
		next.sweepGrants()
	}
	p.build = func() (*credit.Movement, error) {
		return credit.ToCapture(s.owner, at, credit.Capture{HoldID: s.holdIDs[i], Quantity: asked, IdempotencyKey: key})
	}
	p.then = func(r *credit.Result) { s.lineIDs = append(s.lineIDs, r.Transaction.ID) }
}

func (s *machine) planRelease(rt *rapid.T, p *planned, next *model) {
	i := s.hold(rt)
	key, at := s.key(), s.m.now
	if next.holds[i].status == credit.HoldOpen {
		next.holds[i].status = credit.HoldReleased
		next.sweepGrants()
	} else {
		p.code = fault.InvalidState
	}
	p.build = func() (*credit.Movement, error) {
		return credit.ToRelease(s.owner, at, credit.Release{HoldID: s.holdIDs[i], IdempotencyKey: key})
	}
}

func (s *machine) planRefund(rt *rapid.T, p *planned, next *model) {
	i := rapid.IntRange(0, len(s.lineIDs)-1).Draw(rt, "line")
	key, at := s.key(), s.m.now
	left := next.lines[i].total() - next.lines[i].given
	amount := left
	var asked *int64
	if rapid.Bool().Draw(rt, "a part") {
		amount = rapid.Int64Range(1, 12).Draw(rt, "credits")
		asked = &amount
	}
	switch {
	case left == 0:
		p.code = fault.InvalidState
	case amount > left:
		p.code = fault.Invalid
	default:
		next.refund(i, amount)
	}
	p.build = func() (*credit.Movement, error) {
		return credit.ToRefund(s.owner, at,
			credit.Refunding{TransactionID: s.lineIDs[i], Amount: asked, Reason: "it failed", IdempotencyKey: key})
	}
}

func (s *machine) planAdjust(rt *rapid.T, p *planned, next *model) {
	amount := rapid.Int64Range(-40, 40).Filter(func(n int64) bool { return n != 0 }).Draw(rt, "credits")
	key, at := s.key(), s.m.now
	switch {
	case amount > 0:
		next.grants = append(next.grants, modelGrant{priority: credit.Adjustment.Priority(), granted: at, left: amount})
		next.seq++
		next.payDebt(len(next.grants) - 1)
	case -amount > next.available():
		p.code = fault.InsufficientCredits
	default:
		next.burn(-amount, false)
		next.seq++
	}
	p.build = func() (*credit.Movement, error) {
		return credit.ToAdjust(s.owner, at, credit.Adjusting{AccountID: s.id, Amount: amount, Reason: "a correction", IdempotencyKey: key})
	}
}
