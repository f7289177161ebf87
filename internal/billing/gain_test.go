package billing_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/period"
)

// piece is a period that was paid for, with what its plan costs and includes.
type piece struct {
	Start    time.Time `bun:"start_at"`
	End      time.Time `bun:"end_at"`
	Price    int64     `bun:"price_minor"`
	Monthly  int64     `bun:"monthly"`
	Included int64     `bun:"included"`
	Granted  int64     `bun:"granted"`
}

// Up and down between plans, at whatever instants and however late each payment comes: no time costs less than its
// plan does, all that was paid is in a period or on the balance, and no month has more credits than the dearest
// plan that it was on includes.
func TestChange_UpAndBackGainsNeitherMoneyNorCredits(t *testing.T) {
	t.Parallel()
	h := build(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		owner, now := h.open(fmt.Sprint("gain", n)), paid
		key := 0
		renew := func(plan string, months int) {
			key++
			p, err := office.RequestTransfer(as(h.t.Context(), owner), h.App, owner, now,
				billing.Request{PlanSlug: plan, Months: months, IdempotencyKey: fmt.Sprint("r", key)})
			if !refused(t, err) && p.AmountMinor > 0 {
				h.confirmAt(p, now)
			}
		}
		renew(rapid.SampledFrom([]string{"starter", "growth"}).Draw(t, "first"), rapid.IntRange(1, 3).Draw(t, "months"))
		anchor := now
		for i := range rapid.IntRange(1, 8).Draw(t, "moves") {
			now = now.Add(time.Duration(rapid.Int64Range(0, 12*24*3600).Draw(t, "wait")) * time.Second)
			plan := rapid.SampledFrom([]string{"starter", "growth", "scale"}).Draw(t, "plan")
			if rapid.IntRange(0, 3).Draw(t, "renews") == 0 {
				renew(plan, 1)
				continue
			}
			p, _, err := office.Change(as(h.t.Context(), owner), h.App, owner, now,
				billing.ChangePlan{PlanSlug: plan, Months: 1, IdempotencyKey: fmt.Sprint("c", i)})
			if refused(t, err) || p == nil || p.AmountMinor == 0 {
				continue
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, 5*24*3600).Draw(t, "payment")) * time.Second)
			in := facts(p, fmt.Sprint("gain-", p.ID))
			in.ReceivedOn = now.Truncate(24 * time.Hour)
			refused(t, h.confirm(h.t.Context(), in, now))
		}
		h.gainedNothing(t, owner, anchor)
	})
}

func (h *house) gainedNothing(t *rapid.T, owner account.Actor, anchor time.Time) {
	pieces := []piece{}
	err := h.Admin.NewRaw(`SELECT start_at, end_at, d.price_minor, q.price_minor AS monthly, q.included_credits AS included,
			coalesce((SELECT sum(g.amount) FROM igny8_credit_grants AS g WHERE g.tenant_id = d.tenant_id AND g.period_id = d.id), 0)::bigint AS granted
		FROM igny8_subscription_periods AS d JOIN igny8_plans AS q ON q.id = d.plan_id
		WHERE d.tenant_id = ? AND kind = 'paid' ORDER BY start_at`, owner.AccountID()).Scan(h.t.Context(), &pieces)
	if err != nil {
		t.Fatal(err)
	}
	if n := count(h.t, h.DB, promises["money that is not accounted for"], owner.AccountID(), anchor); n != 0 {
		t.Fatalf("%d cents are not accounted for", n)
	}
	type month struct{ granted, most int64 }
	months := map[time.Time]month{}
	var begun time.Time
	for _, p := range pieces {
		// An anchor is set anew where the payments stopped for longer than the grace time.
		if begun.IsZero() || !p.Start.Equal(begun) {
			anchor = p.Start
		}
		begun = p.End
		whole := period.Chain(anchor, period.Around(anchor, p.Start), 1)[0]
		if p.Start.Before(whole.Start) || p.End.After(whole.End) {
			t.Fatalf("%v is not within %v", p, whole)
		}
		worth := (period.Period{Start: whole.Start, End: whole.End}).Used(p.Monthly, whole.Start.Add(p.End.Sub(p.Start)))
		const rounding = 6 // a cent each time that the month was parted
		if p.Price < worth-rounding || p.Price > worth+rounding {
			t.Fatalf("%s to %s cost %d, and is worth %d", p.Start, p.End, p.Price, worth)
		}
		m := months[whole.Start]
		m.granted, m.most = m.granted+p.Granted, max(m.most, p.Included)
		months[whole.Start] = m
	}
	for start, m := range months {
		if m.granted > m.most {
			t.Fatalf("the month from %s has %d credits, and its dearest plan includes %d", start, m.granted, m.most)
		}
	}
}
