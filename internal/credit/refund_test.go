package credit_test

import (
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestRefund_GoesBackToTheGrantsItCameFrom(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Trial, 4, now, nil)
	a.give(credit.Subscription, 4, now, nil)
	a.give(credit.Purchase, 20, now, nil)
	line := did2(t)(a.spend(now, credit.Clustering, 1, "s")).Transaction
	if a.left() != "0 0 18" {
		t.Fatal(a.left())
	}
	three, five := int64(3), int64(5)
	first := did2(t)(a.refund(now, line.ID, &three, "1"))
	if a.left() != "0 1 20" || first.Transaction.Amount != 3 || *first.Transaction.RefundsID != line.ID ||
		*first.Transaction.Operation != credit.Clustering {
		t.Errorf("%s, %+v", a.left(), first.Transaction)
	}
	did2(t)(a.refund(now, line.ID, &three, "1"))
	did2(t)(a.refund(now, line.ID, &five, "2"))
	if a.left() != "2 4 20" {
		t.Error(a.left())
	}
	_, err := a.refund(now, line.ID, &three, "3")
	if f := refused(t, err, fault.Invalid, "amount"); f.Details["left"] != int64(2) {
		t.Errorf("%v", f.Details)
	}
	did2(t)(a.refund(now, line.ID, nil, "4"))
	if a.left() != "4 4 20" {
		t.Error(a.left())
	}
	_, err = a.refund(now, line.ID, nil, "5")
	refused(t, err, fault.InvalidState, "transactionId")
	_, err = a.refund(now, first.Transaction.ID, nil, "6")
	refused(t, err, fault.InvalidState, "transactionId")
	other := newTenant(t, db)
	other.give(credit.Purchase, 20, now, nil)
	for _, id := range []gid.CreditTransaction{line.ID, 987654321} {
		_, err = other.refund(now, id, nil, "7")
		refused(t, err, fault.NotFound, "transactionId")
	}
	a.sound()
}

func TestRefund_OfAnExpiredGrantLivesAsLongAsItHadToLive(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	end := now.Add(72 * time.Hour)
	a.give(credit.Trial, 30, now, &end)
	early := did2(t)(a.spend(now.Add(time.Hour), credit.Clustering, 1, "early")).Transaction
	late := did2(t)(a.spend(end.Add(-time.Second), credit.Clustering, 1, "late")).Transaction
	after := end.Add(time.Hour)
	for id, life := range map[gid.CreditTransaction]time.Duration{early.ID: 71 * time.Hour, late.ID: time.Hour} {
		r := did2(t)(a.refund(after, id, nil, gid.Format(id)))
		var until time.Time
		a.scan(&until, `SELECT expires_at FROM igny8_credit_grants g JOIN igny8_credit_transaction_grants p ON p.grant_id = g.id
			WHERE p.transaction_id = ? AND g.kind = 'refund' AND g.remaining = 10`, r.Transaction.ID)
		if !until.Equal(after.Add(life)) {
			t.Errorf("lives until %s, want %s", until, after.Add(life))
		}
	}
	if s := a.state(); s.Balance != 20 { // the 10 that were never spent have expired
		t.Errorf("%+v", s)
	}
	a.sound()
}

func TestAdjust_GivesAndTakesWithinWhatIsAvailable(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, office := newTenant(t, db), newTenant(t, db)
	staff := office.owner
	staff.User.Role = account.Developer
	a.give(credit.Trial, 10, now, nil)
	did2(t)(a.reserve(now, credit.ImageGeneration, 1, "r"))
	adjust := func(id gid.Account, amount int64, key string) (*credit.Result, error) {
		return credit.Adjust(postgres.WithStaff(office.ctx()), db.App, staff, now,
			credit.Adjusting{AccountID: id, Amount: amount, Reason: "a correction", IdempotencyKey: key})
	}
	_, err := adjust(a.id, -6, "k")
	if e := credit.Insufficient(refused(t, err, fault.InsufficientCredits, "")); e.Required != 6 || e.Available != 5 {
		t.Errorf("required %d, available %d", e.Required, e.Available)
	}
	r := did2(t)(adjust(a.id, -5, "k2"))
	if l := r.Transaction; l.Amount != -5 || l.Type != "adjustment" || l.ActorKind != "staff" || r.Credits.Balance != 5 {
		t.Errorf("%+v", l)
	}
	r = did2(t)(adjust(a.id, 100, "k3"))
	if again := did2(t)(adjust(a.id, 100, "k3")); again.Transaction.ID != r.Transaction.ID {
		t.Error("given twice")
	}
	if a.left() != "5 100" {
		t.Error(a.left())
	}
	_, err = adjust(987654321, 1, "k")
	refused(t, err, fault.NotFound, "accountId")
	for _, amount := range []int64{0, credit.MaxAdjustment + 1, -credit.MaxAdjustment - 1} {
		_, err = adjust(a.id, amount, "k")
		refused(t, err, fault.Invalid, "amount")
	}
	var events int
	a.scan(&events, `SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'credits.adjusted' AND actor_kind = 'staff'`, a.id)
	if events != 2 {
		t.Errorf("%d audit events", events)
	}
	a.sound()
	office.sound()
}

func TestLedger_IsOnlyEverAddedTo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Trial, 30, now, nil)
	did2(t)(a.spend(now, credit.Clustering, 1, "s"))
	before := a.rows()
	for _, table := range []string{"igny8_credit_transactions", "igny8_credit_transaction_grants", "igny8_credit_requests"} {
		for _, statement := range []string{"UPDATE " + table + " SET tenant_id = tenant_id", "DELETE FROM " + table, "TRUNCATE " + table + " CASCADE"} {
			if _, err := db.App.NewRaw(statement).Exec(a.ctx()); err == nil {
				t.Errorf("the service may %s", statement)
			}
			if _, err := db.Admin.NewRaw(statement).Exec(t.Context()); err == nil {
				t.Errorf("an administrator may %s by mistake", statement)
			}
		}
	}
	if after := a.rows(); after != before {
		t.Errorf("%s, before %s", after, before)
	}
}
