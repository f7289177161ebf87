package billing_test

import (
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres"
)

func TestPeriods_CannotOverlapOrLeaveAGap(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	end := start.AddDate(0, 0, 14)
	insert := func(from, to time.Time, previous *time.Time) error {
		_, err := h.Admin.NewRaw(`INSERT INTO igny8_subscription_periods (tenant_id, kind, plan_id, start_at, end_at, previous_end)
			VALUES (?, 'free', 1, ?, ?, ?)`, owner.AccountID(), from, to, previous).Exec(t.Context())
		return err
	}
	gap, overlap := end.Add(time.Second), end.Add(-time.Second)
	if err := insert(gap, gap.AddDate(0, 1, 0), &gap); !postgres.Violates(err, "igny8_subscription_periods_gap_fkey") {
		t.Errorf("a gap: %v", err)
	}
	if err := insert(gap, gap.AddDate(0, 1, 0), nil); !postgres.Violates(err, "igny8_subscription_periods_first_key") {
		t.Errorf("a second beginning: %v", err)
	}
	if err := insert(overlap, end.AddDate(0, 1, 0), &overlap); !postgres.Violates(err, "igny8_subscription_periods_overlap_excl") {
		t.Errorf("an overlap: %v", err)
	}
	_, err := h.Admin.NewRaw(`UPDATE igny8_subscription_periods SET end_at = end_at + interval '1 day' WHERE tenant_id = ?`,
		owner.AccountID()).Exec(t.Context())
	if err != nil {
		t.Errorf("the last period cannot be moved: %v", err)
	}
	if err := insert(end.AddDate(0, 0, 1), end.AddDate(0, 1, 1), new(end.AddDate(0, 0, 1))); err != nil {
		t.Errorf("the next period: %v", err)
	}
	_, err = h.Admin.NewRaw(`UPDATE igny8_subscription_periods SET end_at = end_at - interval '1 day' WHERE tenant_id = ? AND kind = 'trial'`,
		owner.AccountID()).Exec(t.Context())
	if !postgres.Violates(err, "igny8_subscription_periods_gap_fkey") {
		t.Errorf("a period was shortened before its successor: %v", err)
	}
}
