package billing_test

import (
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
)

func TestGrantDue_GrantsEachPaidPeriodOnceAsItBegins(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	if err := h.confirm(t.Context(), facts(h.request(owner, "starter", 4, "k"), "B1"), paid); err != nil {
		t.Fatal(err)
	}
	granted := func() int {
		t.Helper()
		return count(t, h.DB, `SELECT count(*) FROM igny8_credit_grants WHERE tenant_id = ? AND kind = 'subscription'`, owner.AccountID())
	}
	run := func(now time.Time) {
		t.Helper()
		var wg sync.WaitGroup
		for range 8 { // several servers
			wg.Go(func() {
				if _, err := billing.GrantDue(t.Context(), h.App, now); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	second := time.Date(2026, 2, 28, 7, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		now  time.Time
		want int
	}{
		{second.Add(-time.Microsecond), 1},
		{second, 2},
		{second.AddDate(0, 0, 20), 2},
		// Nobody looked during the third period: what is over is not granted late, what runs is.
		{time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), 3},
		{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), 3},
	} {
		run(step.now)
		if got := granted(); got != step.want {
			t.Errorf("at %s there are %d grants, want %d", step.now, got, step.want)
		}
	}
	if n := count(t, h.DB, `SELECT balance FROM igny8_credit_accounts WHERE tenant_id = ?`, owner.AccountID()); n != 2000+3*1000 {
		t.Errorf("%d credits", n)
	}
}
