package credit_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestHold_SetsAsideUntilItIsCaptured(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 20, now, nil)
	held := did2(t)(a.reserve(now, credit.ContentGeneration, 1500, "r"))
	if h := held.Hold; h.Amount != 15 || h.Status != credit.HoldOpen || !h.ExpiresAt.Equal(now.Add(credit.DefaultHoldTime)) {
		t.Errorf("%+v", h)
	}
	if c := held.Credits; c.Balance != 20 || c.Held != 15 || c.Available() != 5 || held.Transaction != nil {
		t.Errorf("%+v", c)
	}
	_, err := a.spend(now, credit.Clustering, 1, "s")
	if e := credit.Insufficient(refused(t, err, fault.InsufficientCredits, "")); e.Required != 10 || e.Available != 5 {
		t.Errorf("required %d, available %d", e.Required, e.Available)
	}

	over := int64(1501)
	before := a.rows()
	_, err = a.capture(now, held.Hold.ID, &over, "c")
	refused(t, err, fault.Invalid, "quantity")
	if after := a.rows(); after != before {
		t.Errorf("a refused capture wrote\n%s\nbefore\n%s", after, before)
	}
	less := int64(701)
	// The price is the one of the reservation.
	a.exec(`INSERT INTO igny8_credit_cost_config (operation, credits, unit_size, effective_from) VALUES ('content_generation', 90, 1, ?)`, now)
	got := did2(t)(a.capture(now, held.Hold.ID, &less, "c"))
	if got.Transaction.Amount != -8 || got.Transaction.Seq != 2 || *got.Hold.CapturedQuantity != 701 ||
		got.Hold.Status != credit.HoldCaptured || *got.Hold.TransactionID != got.Transaction.ID {
		t.Errorf("%+v, %+v", got.Transaction, got.Hold)
	}
	if c := got.Credits; c.Balance != 12 || c.Held != 0 {
		t.Errorf("%+v", c)
	}
	_, err = a.capture(now, held.Hold.ID, &less, "c2")
	refused(t, err, fault.InvalidState, "holdId")
	_, err = a.release(now, held.Hold.ID, "l")
	refused(t, err, fault.InvalidState, "holdId")
	_, err = a.release(now, held.Hold.ID+1, "l")
	refused(t, err, fault.NotFound, "holdId")

	// Each step is answered as it was answered first, whatever came after.
	again := did2(t)(a.reserve(now.Add(time.Hour), credit.ContentGeneration, 1500, "r"))
	if diff := cmp.Diff(held, again, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
		t.Errorf("reserving again (-first +again):\n%s", diff)
	}
	again = did2(t)(a.capture(now.Add(time.Hour), held.Hold.ID, &less, "c"))
	if diff := cmp.Diff(got, again, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
		t.Errorf("capturing again (-first +again):\n%s", diff)
	}
	_, err = a.capture(now, held.Hold.ID, nil, "c")
	refused(t, err, fault.IdempotencyConflict, "idempotencyKey")
	a.sound()
}

func TestHold_IsReleasedOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 20, now, nil)
	held := did2(t)(a.reserve(now, credit.IdeaGeneration, 10, "r")).Hold
	first := did2(t)(a.release(now, held.ID, "l"))
	if first.Hold.Status != credit.HoldReleased || first.Credits.Held != 0 || first.Credits.Available() != 20 {
		t.Errorf("%+v, %+v", first.Hold, first.Credits)
	}
	again := did2(t)(a.release(now, held.ID, "l"))
	if diff := cmp.Diff(first, again, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
		t.Errorf("releasing again (-first +again):\n%s", diff)
	}
	_, err := a.capture(now, held.ID, nil, "c")
	refused(t, err, fault.InvalidState, "holdId")
	a.sound()
}

func TestHold_RefusesATimeOutOfBounds(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 20, now, nil)
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond, credit.MaxHoldTime + time.Second} {
		_, err := credit.Reserve(a.ctx(), db.App, a.owner, now, anySite,
			credit.Reservation{Operation: credit.Clustering, Quantity: 1, ExpiresIn: &d, IdempotencyKey: "k"})
		refused(t, err, fault.Invalid, "expiresIn")
	}
}

func TestHolds_ExpireOnceByJobOrByTheNextMovement(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	byJob, byMovement := newTenant(t, db), newTenant(t, db)
	for _, a := range []*tenant{byJob, byMovement} {
		a.give(credit.Purchase, 10, now, nil)
		did2(t)(a.reserve(now, credit.Clustering, 1, "r"))
	}
	end := now.Add(credit.DefaultHoldTime)
	if n, err := credit.ExpireHolds(t.Context(), db.App, end.Add(-1)); n != 0 || err != nil {
		t.Errorf("before the time: %d, %v", n, err)
	}
	// The movement finds the credits free although no job ran.
	did2(t)(byMovement.spend(end, credit.Clustering, 1, "s"))
	if n, err := credit.ExpireHolds(t.Context(), db.App, end); n != 1 || err != nil {
		t.Errorf("%d, %v; want the one that the movement left", n, err)
	}
	if n, err := credit.ExpireHolds(t.Context(), db.App, end); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	for _, a := range []*tenant{byJob, byMovement} {
		var status string
		a.scan(&status, `SELECT status || ' ' || (closed_at = expires_at) FROM igny8_credit_holds WHERE tenant_id = ?`, a.id)
		if s := a.state(); status != "expired true" || s.Held != 0 {
			t.Errorf("%s, %+v", status, s)
		}
		a.sound()
	}
	// What is late is refused, even where nobody has expired it yet.
	byJob.t = t
	h := did2(t)(byJob.reserve(end, credit.Clustering, 1, "late")).Hold
	_, err := byJob.capture(h.ExpiresAt, h.ID, nil, "c")
	refused(t, err, fault.InvalidState, "holdId")
}

func TestExpireHolds_LeavesALockedLedgerToWhoeverHasIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 10, now, nil)
	did2(t)(a.reserve(now, credit.Clustering, 1, "r"))
	tx, err := db.Admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.NewRaw(`SELECT 1 FROM igny8_credit_accounts WHERE tenant_id = ? FOR UPDATE`, a.id).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := now.Add(time.Hour)
	if n, err := credit.ExpireHolds(t.Context(), db.App, later); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n, err := credit.ExpireHolds(t.Context(), db.App, later); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestExpireGrants_WritesOffWhatIsLeft(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	end := now.Add(time.Hour)
	a.give(credit.Trial, 30, now, &end)
	a.give(credit.Purchase, 5, now, nil)
	did2(t)(a.spend(now, credit.Clustering, 1, "s"))
	if n, err := credit.ExpireGrants(t.Context(), db.App, end); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := credit.ExpireGrants(t.Context(), db.App, end); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	if s := a.state(); s.Balance != 5 || a.left() != "0 5" {
		t.Errorf("%+v, %s", s, a.left())
	}
	var line string
	a.scan(&line, `SELECT concat_ws(' ', seq, type, amount, balance_after, actor_kind) FROM igny8_credit_transactions WHERE tenant_id = ? ORDER BY seq DESC LIMIT 1`, a.id)
	if line != "4 expiration -20 5 system" {
		t.Error(line)
	}
	a.sound()
}

// A grant that ends while an operation runs stays good for that operation, and for nothing else.
func TestExpireGrants_KeepsWhatOlderHoldsSetAside(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	end := now.Add(time.Minute)
	a.give(credit.Subscription, 30, now, &end)
	a.give(credit.Trial, 20, now, nil) // burns first, and is live when the capture comes
	h := did2(t)(a.reserve(now, credit.Clustering, 1, "r")).Hold
	after := end.Add(time.Second)
	if n, err := credit.ExpireGrants(t.Context(), db.App, after); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if a.left() != "10 20" {
		t.Fatalf("%s, want the 10 that are held to be kept", a.left())
	}
	younger := did2(t)(a.reserve(after, credit.Clustering, 1, "younger")).Hold
	did2(t)(a.spend(after, credit.Clustering, 1, "s"))
	if a.left() != "10 10" {
		t.Errorf("%s: spending burnt what a hold keeps", a.left())
	}
	half := int64(1)
	got := did2(t)(a.capture(after, h.ID, &half, "c"))
	if a.left() != "0 10" || got.Credits.Balance != 10 || got.Credits.Held != 10 {
		t.Errorf("%s, %+v", a.left(), got.Credits)
	}
	did2(t)(a.capture(after, younger.ID, nil, "c2"))
	a.sound()

	// Where the hold comes to less, the rest expires with its end.
	b := newTenant(t, db)
	b.give(credit.Subscription, 30, now, &end)
	h = did2(t)(b.reserve(now, credit.ImageGeneration, 4, "r")).Hold
	one := int64(1)
	r := did2(t)(b.capture(after, h.ID, &one, "c"))
	if r.Transaction.Amount != -5 || r.Credits.Balance != 0 || b.left() != "0" {
		t.Errorf("%+v, %+v, %s", r.Transaction, r.Credits, b.left())
	}
	b.sound()
}

// Of two grants that ended, the hold that was made while both were good is paid from the one that ended first,
// though the other burns before it: that other one is all that the younger hold has.
func TestCapture_LeavesYoungerHoldsWhatWasKeptForThem(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	first, second := now.Add(time.Minute), now.Add(3*time.Minute)
	a.give(credit.Purchase, 10, now, &first)
	a.give(credit.Trial, 10, now, &second) // burns first, while both are good
	older := did2(t)(a.reserve(now, credit.Clustering, 1, "older")).Hold
	younger := did2(t)(a.reserve(first, credit.Clustering, 1, "younger")).Hold
	if s := a.state(); s.Balance != 20 || s.Held != 20 || a.left() != "10 10" {
		t.Fatalf("%+v, %s: all is to be kept", s, a.left())
	}
	got := did2(t)(a.capture(second, older.ID, nil, "c"))
	if c := got.Credits; c.Balance != 10 || c.Held != 10 || a.left() != "0 10" {
		t.Errorf("%+v, %s: the younger hold is to keep its 10", c, a.left())
	}
	if got := did2(t)(a.capture(second, younger.ID, nil, "c2")); got.Credits.Balance != 0 || got.Credits.Held != 0 {
		t.Errorf("%+v", got.Credits)
	}
	a.sound()
}

// Servers' clocks differ, and who took the time first may come to the lock last: nothing that is set aside
// expires for that.
func TestExpireGrants_LeavesWhatIsHeldWhenTimeGoesBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	end := now.Add(time.Minute)
	a.give(credit.Purchase, 10, now, &end)
	a.give(credit.Trial, 10, now, nil)
	older := did2(t)(a.reserve(now, credit.Clustering, 1, "older")).Hold
	younger := did2(t)(a.reserve(end, credit.Clustering, 1, "younger")).Hold
	// By its own clock the grant is good still, and the other one burns first.
	did2(t)(a.capture(end.Add(-1), older.ID, nil, "c"))
	if n, err := credit.ExpireGrants(t.Context(), db.App, end); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	_, err := a.spend(end, credit.Clustering, 1, "s")
	refused(t, err, fault.InsufficientCredits, "")
	if got := did2(t)(a.capture(end, younger.ID, nil, "c2")); got.Credits.Balance != 0 || got.Credits.Held != 0 {
		t.Errorf("%+v", got.Credits)
	}
	a.sound()
}
