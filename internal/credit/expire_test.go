package credit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// spoilt are accounts with a grant to expire, for which Postgres refuses the line.
func spoilt(t *testing.T, db *pgtest.DB, n int) []*tenant {
	t.Helper()
	bad := make([]*tenant, n)
	for i := range bad {
		bad[i] = newTenant(t, db)
		bad[i].give(credit.Trial, 20, now, new(now.AddDate(0, 0, 1)))
	}
	bad[0].exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`)
	bad[0].exec(fmt.Sprintf(`CREATE TRIGGER refuse BEFORE INSERT ON igny8_credit_transactions FOR EACH ROW
		WHEN (NEW.tenant_id <= %d AND NEW.type = 'expiration') EXECUTE FUNCTION refuse()`, bad[n-1].id))
	return bad
}

func TestExpireGrants_LeavesNobodyWaitingBehindAnAccountThatFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	bad := spoilt(t, db, 2)
	good := newTenant(t, db)
	good.give(credit.Trial, 30, now, new(now.AddDate(0, 0, 1)))

	n, err := credit.ExpireGrants(t.Context(), db.App, now.AddDate(0, 0, 2))
	if n != 1 || good.state().Balance != 0 {
		t.Errorf("%d lines, and %d credits of the account behind are left: %v", n, good.state().Balance, err)
	}
	for _, b := range bad {
		if err == nil || !strings.Contains(err.Error(), "account "+gid.Format(b.id)+":") {
			t.Errorf("the error does not name %s: %v", gid.Format(b.id), err)
		}
	}
}

func TestExpireGrants_GivesUpWhereNearlyEveryAccountFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	spoilt(t, db, 25)
	_, err := credit.ExpireGrants(t.Context(), db.App, now.AddDate(0, 0, 2))
	if err == nil {
		t.Fatal("no error")
	}
	if told := strings.Count(err.Error(), "account acct_"); told != 20 {
		t.Errorf("%d accounts were tried", told)
	}
}

func TestAlertLow_LeavesNobodyWaitingBehindAnAccountThatFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	bad, good := newTenant(t, db), newTenant(t, db)
	for _, a := range []*tenant{bad, good} {
		a.give(credit.Trial, 20, now, nil)
		did2(t)(a.spend(now, credit.IdeaGeneration, 10, "a"))
	}
	// An address that no letter can be written to.
	bad.exec(`UPDATE igny8_users SET email = 'nobody' WHERE tenant_id = ?`, bad.id)
	n, err := credit.AlertLow(context.WithoutCancel(t.Context()), db.App, newBox(t), now)
	if n != 1 || err == nil {
		t.Errorf("%d told: %v", n, err)
	}
}
