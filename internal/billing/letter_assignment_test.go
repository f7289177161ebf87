package billing_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/mail"
)

func TestAssign_TellsStaffOnceThatItEndedUnpaid(t *testing.T) {
	t.Parallel()
	h := build(t)
	o := office
	o.StaffEmail = "billing@igny8.test"
	assigned := func(name, until string) (account.Actor, *billing.Payment) {
		owner := h.open(name)
		return owner, h.mustAssign(owner, "enterprise", 50000, "2026-01-20 00:00", until)
	}
	reject := func(p *billing.Payment, now time.Time) error {
		_, err := o.RejectPayment(as(t.Context(), h.staff), h.App, h.staff, now, p.ID, "not signed")
		return err
	}
	// atOnce are several jobs that look at the same instant.
	atOnce := func(owner account.Actor, now time.Time) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := o.Settle(t.Context(), h.App, owner.AccountID(), now); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	const whole, half, deadline, past = "2026-07-20 00:00", "2026-01-28 00:00", "2026-02-03 00:00", "suspended on 10 February 2026"
	early := at("2026-01-25 00:00")
	for _, c := range []struct {
		name, until string
		do          func(account.Actor, *billing.Payment) error
		// want is what the letter says of the plan; empty where there is none.
		want []string
	}{
		{"expired", whole, func(owner account.Actor, _ *billing.Payment) error { atOnce(owner, at(deadline)); return nil }, []string{"Enterprise Plan", "ended on 3 February 2026", past}},
		{"seen-late", whole, func(owner account.Actor, _ *billing.Payment) error { atOnce(owner, at("2026-05-01 00:00")); return nil }, []string{"ended on 3 February 2026"}},
		{"rejected", whole, func(_ account.Actor, p *billing.Payment) error { return reject(p, early) }, []string{"ended on 25 January 2026", "suspended on 1 February 2026"}},
		{"withdrawn", whole, func(owner account.Actor, p *billing.Payment) error {
			_, err := o.WithdrawPayment(as(t.Context(), owner), h.App, owner, early, p.ID)
			return err
		}, []string{"ended on 25 January 2026"}},
		{"cancelled", whole, func(owner account.Actor, p *billing.Payment) error {
			if _, err := o.CancelSubscription(as(t.Context(), owner), h.App, owner, early, ""); err != nil {
				return err
			}
			return reject(p, early)
		}, []string{"ended on 25 January 2026", "agreed on follows now"}},
		{"over-by-itself", half, func(_ account.Actor, p *billing.Payment) error { return reject(p, at("2026-01-30 00:00")) }, nil},
		{"replaced", whole, func(owner account.Actor, _ *billing.Payment) error {
			_, err := o.Assign(as(t.Context(), h.staff), h.App, h.staff, early, billing.Assignment{
				AccountID: owner.AccountID(), PlanSlug: "growth", Until: at(whole), Reason: "another contract", IdempotencyKey: "again",
			})
			return err
		}, nil},
		{"no-assignment", "", func(owner account.Actor, _ *billing.Payment) error {
			return reject(h.request(owner, "starter", 1, "k"), paid)
		}, nil},
	} {
		owner, p := h.open("first-"+c.name), (*billing.Payment)(nil)
		if c.until != "" {
			owner, p = assigned(c.name, c.until)
		}
		h.sent(early)
		if err := c.do(owner, p); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := o.Settle(t.Context(), h.App, owner.AccountID(), at("2026-06-01 00:00")); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		told := []mail.Message{}
		for _, l := range h.sent(at("2026-06-01 00:00"))[o.StaffEmail] {
			if strings.Contains(l.Subject, "which was assigned, was not paid for") {
				told = append(told, l)
			}
		}
		if len(told) != min(len(c.want), 1) {
			t.Fatalf("%s: %d letters: %+v", c.name, len(told), told)
		}
		for _, want := range c.want {
			if text := told[0].Subject + told[0].Text; !strings.Contains(text, want) || strings.Contains(text, "%!") {
				t.Errorf("%s: %q is not in:\n%s", c.name, want, text)
			}
		}
	}
	// Where no address of staff's is set up, nobody is told.
	_, p := assigned("quiet", whole)
	if _, err := office.RejectPayment(as(t.Context(), h.staff), h.App, h.staff, early, p.ID, "not signed"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_mails AS m JOIN igny8_payments AS p ON p.tenant_id = m.tenant_id WHERE p.id = ? AND m.kind LIKE 'staff%'`, p.ID); n != 0 {
		t.Errorf("%d letters", n)
	}
	// The letter is left with the end of the plan, or not at all.
	owner, p := assigned("killed", whole)
	h.killed("reject", owner, func(ctx context.Context) error {
		_, err := o.RejectPayment(ctx, h.App, h.staff, early, p.ID, "not signed")
		return err
	})
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_mails WHERE tenant_id = ? AND kind = 'staff_assignment_ended'`, owner.AccountID()); n != 1 {
		t.Errorf("%d letters after a rejection that was killed again and again", n)
	}
}
