package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/mail"
)

// note is what a letter to the owners says.
type note struct{ kind, subject, text string }

// tellOwner leaves a letter for each owner and for whoever gets the account's bills.
func (o Office) tellOwner(ctx context.Context, tx bun.Tx, a *agreement, n note, now time.Time) error {
	readers, err := account.BillingReaders(ctx, tx, a.account)
	if err != nil {
		return err
	}
	for _, to := range readers {
		letter := mail.Letter{Tenant: a.account.ID, Kind: n.kind, To: to, Subject: n.subject, Text: n.text}
		if err := o.Mail.Post(ctx, tx, letter, now); err != nil {
			return err
		}
	}
	return nil
}

// notify writes a letter that falls due, once. One that comes so late that the next one is due as well is not
// written, but noted: three reminders at once remind of nothing.
func (o Office) notify(ctx context.Context, tx bun.Tx, a *agreement, e event, now time.Time) error {
	row := &notice{TenantID: a.account.ID, Kind: e.notice.Kind, For: e.notice.At, CreatedAt: now}
	result, err := tx.NewInsert().Model(row).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("note a letter: %w", err)
	}
	written, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("note a letter: %w", err)
	}
	a.noticed[e.notice.in()] = true
	if written == 0 {
		return nil // before the end of the history came nearer
	}
	if next, ok := a.next(); ok && !next.at.After(now) && (next.kind == noticeDue || next.kind == trialEnds || next.kind == periodEnds) {
		return nil
	}
	if e.notice.Kind == renewalSoon {
		return o.tellOwner(ctx, tx, a, renewalDue(o, a), now)
	}
	return o.tellOwner(ctx, tx, a, trialEnding(o, a), now)
}

// tellPastDue tells that a period ended that was not renewed, and how long that can be made good.
func (o Office) tellPastDue(ctx context.Context, tx bun.Tx, a *agreement, now time.Time) error {
	end := a.last().End
	if !now.Before(end.Add(Grace)) {
		return nil // the suspension is told by the account itself
	}
	return o.tellOwner(ctx, tx, a, note{
		kind: "past_due", subject: "Your IGNY8 plan has ended and was not renewed",
		text: fmt.Sprintf(`The plan of the IGNY8 account %s ended on %s and was not renewed.

It goes on without a gap if it is paid for by %s. After that the account is
suspended: nothing is lost, but nothing can be changed until it is paid for again.

%s
`, a.account.Name, day(end), day(end.Add(Grace)), o.Mail.App),
	}, now)
}

func trialEnding(o Office, a *agreement) note {
	end := a.last().End
	return note{
		kind: "trial_ending", subject: "Your IGNY8 trial ends on " + day(end),
		text: fmt.Sprintf(`The trial of the IGNY8 account %s ends on %s.

To go on, choose a plan here. Otherwise the account is suspended then: nothing is
lost, but nothing can be changed until a plan is chosen.

%s
`, a.account.Name, end.UTC().Format("2 January 2006, 15:04 UTC"), o.Mail.App),
	}
}

func renewalDue(o Office, a *agreement) note {
	end := a.last().End
	return note{
		kind: "renewal_due", subject: "Your IGNY8 plan is paid for until " + day(end),
		text: fmt.Sprintf(`The IGNY8 account %s is paid for until %s.

To renew it, ask for a bank transfer here. A payment that comes early is added to
what is paid for; nothing of it is lost.

%s
`, a.account.Name, end.UTC().Format("2 January 2006, 15:04 UTC"), o.Mail.App),
	}
}

func paymentAsked(o Office, a *agreement, p *Payment) note {
	return note{
		kind: "payment_requested", subject: "How to pay " + p.Amount().String() + " for IGNY8",
		text: fmt.Sprintf(`The IGNY8 account %s asked for a bank transfer.

%s

Once it is sent, say so here, and it is confirmed sooner:

%s
`, a.account.Name, p.Instructions, o.Mail.App),
	}
}

func paymentExpired(o Office, a *agreement, p *Payment) note {
	return note{
		kind: "payment_expired", subject: "A payment for IGNY8 was not made in time",
		text: fmt.Sprintf(`The payment %s of the IGNY8 account %s over %s was not made by %s, so it is
not waited for any more. If you sent it, answer this letter. A new one can be asked for here:

%s
%s`, p.Reference, a.account.Name, p.Amount(), day(p.ExpiresAt), o.Mail.App, stillHeld(p)),
	}
}

func paymentRejected(o Office, a *agreement, p *Payment) note {
	return note{
		kind: "payment_rejected", subject: "A payment for IGNY8 could not be confirmed",
		text: fmt.Sprintf(`The payment %s of the IGNY8 account %s over %s could not be confirmed:

%s

Another one can be asked for here:

%s
%s`, p.Reference, a.account.Name, p.Amount(), *p.RejectionReason, o.Mail.App, stillHeld(p)),
	}
}

func paymentConfirmed(o Office, a *agreement, p *Payment, i *Invoice) note {
	return note{
		kind: "payment_confirmed", subject: "Your payment for IGNY8 was confirmed",
		text: fmt.Sprintf(`Thank you: the payment %s of the IGNY8 account %s over %s was confirmed.

Its invoice has the number %s. You find it here:

%s
`, p.Reference, a.account.Name, p.Amount(), i.Number, o.Mail.App),
	}
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }
