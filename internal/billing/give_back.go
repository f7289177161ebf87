package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/money"
)

// giveBack is a refund that can be carried out and was not yet: nothing of it is written.
type giveBack struct {
	row *PaymentRefund
	// whole says that nothing of the payment is left then.
	whole bool
	// excess is what of the payment became the account's balance, in minor units, and goes back from there.
	excess int64
	// ahead are the periods that are removed where the time is given up, and cuts says that the one that runs ends.
	ahead []*SubscriptionPeriod
	cuts  bool
}

// givesBack says what a refund comes to. Errors: INVALID_STATE at paymentId, INVALID and CURRENCY_MISMATCH at amount.
func (a *agreement) givesBack(ctx context.Context, tx bun.Tx, p *Payment, in Refund, now time.Time) (*giveBack, error) {
	g := &giveBack{row: &PaymentRefund{TenantID: p.TenantID, PaymentID: p.ID, Currency: p.Currency, CreatedAt: now}}
	if err := a.backFrom(ctx, tx, p, in, g); err != nil {
		return nil, err
	}
	g.row.EndedTime = g.whole && p.Purpose != ForUpgrade
	if in.EndNow != nil {
		g.row.EndedTime = *in.EndNow
	}
	if g.row.EndedTime {
		return g, a.timeOf(p, g, now)
	}
	return g, nil
}

// backFrom says how much goes back, to whoever paid and to the account's balance, and whether that is all. What of
// the payment became the account's balance goes back from there.
func (a *agreement) backFrom(ctx context.Context, tx bun.Tx, p *Payment, in Refund, g *giveBack) error {
	// What the balance had paid goes back with the last of the money.
	left := p.AmountMinor - p.RefundedMinor
	var excess int64
	// What receipts brought beyond its sum is no part of it.
	err := tx.NewRaw(`SELECT coalesce(sum(amount_minor), 0)::bigint FROM igny8_balance_transactions
		WHERE tenant_id = ?0 AND payment_id = ?1 AND type = 'excess'
		AND seq NOT IN (SELECT balance_seq FROM igny8_receipts WHERE tenant_id = ?0 AND payment_id = ?1 AND balance_seq IS NOT NULL)`,
		p.TenantID, p.ID).Scan(ctx, &excess)
	if err != nil {
		return fmt.Errorf("read what became balance: %w", err)
	}
	g.row.AmountMinor, g.whole = left, true
	if in.Amount != nil {
		g.row.AmountMinor, g.whole = in.Amount.Minor, in.Amount.Minor == left
		switch {
		case in.Amount.Currency != p.Currency:
			return fault.New(fault.CurrencyMismatch, "the payment is in %s", p.Currency).At(amountField, "currencyCode")
		case in.Amount.Minor <= 0 || in.Amount.Minor > left || !g.whole && in.Amount.Minor > left-excess:
			most := money.Money{Minor: left, Currency: p.Currency}
			return fault.New(fault.Invalid, "more than nothing, and at most %s", most).At(amountField, amountField)
		}
	}
	if !g.whole {
		return nil
	}
	g.row.BalanceMinor, g.excess = p.AppliedMinor, excess
	if g.row.AmountMinor+g.row.BalanceMinor == 0 {
		return fault.New(fault.InvalidState, "nothing was paid").At("paymentId")
	}
	if excess > a.balance.minor {
		return fault.New(fault.InvalidState, "a part of it became the account's balance, which was used since; give back less").At("paymentId")
	}
	return nil
}

// returnBalance takes what the payment had brought to the account's balance from there, and gives back what that had paid.
func (a *agreement) returnBalance(ctx context.Context, tx bun.Tx, p *Payment, g *giveBack, now time.Time) error {
	if g.excess > 0 {
		if err := a.enter(ctx, tx, BalanceRefund, -g.excess, p.Currency, &p.ID, "went back with "+p.Reference, now); err != nil {
			return err
		}
	}
	if g.row.BalanceMinor > 0 {
		return a.enter(ctx, tx, BalanceReturned, g.row.BalanceMinor, p.Currency, &p.ID, "not used for "+p.Reference, now)
	}
	return nil
}

// timeOf finds the periods that a payment pays for from now on. Errors: INVALID_STATE at paymentId.
func (a *agreement) timeOf(p *Payment, g *giveBack, now time.Time) error {
	found := false
	for _, q := range a.chain {
		switch own := q.PaymentID != nil && *q.PaymentID == p.ID; {
		case !q.End.After(now):
		case own && q.Start.After(now):
			g.ahead, found = append(g.ahead, q), true
		case own:
			g.cuts, found = true, true
		case found:
			return fault.New(fault.InvalidState, "a later payment pays for the time after it: refund that one first, or leave the time").At("paymentId")
		}
	}
	return nil
}

// giveUpTime ends what a payment pays for: periods that have not begun are removed, and the one that runs ends now,
// and the agreement with it. Stripe collects no more for it either.
func (a *agreement) giveUpTime(ctx context.Context, tx bun.Tx, g *giveBack, now time.Time) error {
	a.stops = true
	if err := a.remove(ctx, tx, g.ahead); err != nil || !g.cuts {
		return err
	}
	if _, err := a.cutLast(ctx, tx, now); err != nil {
		return err
	}
	const reason = "The payment was refunded."
	cancelled := a.subscription.CancelAtPeriodEnd
	a.subscription.PendingPlanID, a.subscription.CancelAtPeriodEnd = nil, false
	switch {
	case a.account.System:
		return a.write(ctx, tx, now)
	case a.account.Status == account.Active && cancelled:
		return a.cancel(ctx, tx, reason, now)
	case a.account.Status == account.Active:
		a.subscription.Status = ExpiredByItself
		return a.move(ctx, tx, account.StaffDecision, reason, now)
	case a.subscription.Status == ActiveSubscription:
		a.subscription.Status = ExpiredByItself
	}
	return a.write(ctx, tx, now)
}
