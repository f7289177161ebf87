package billing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/plan"
)

// tellStaff leaves a letter for staff, where an address of theirs is configured.
func (o Office) tellStaff(ctx context.Context, tx bun.Tx, a *agreement, n note, now time.Time) error {
	if o.StaffEmail == "" {
		return nil
	}
	return o.Mail.Post(ctx, tx, mail.Letter{Tenant: a.account.ID, Kind: n.kind, To: o.StaffEmail, Subject: n.subject, Text: n.text}, now)
}

// tellBoth leaves a letter for the owners and one for staff. Staff are told of bank transfers, which wait for them.
func (o Office) tellBoth(ctx context.Context, tx bun.Tx, a *agreement, owner, staff note, now time.Time) error {
	if err := o.tellOwner(ctx, tx, a, owner, now); err != nil {
		return err
	}
	if staff.kind == "" {
		return nil
	}
	return o.tellStaff(ctx, tx, a, staff, now)
}

func paymentDeclared(o Office, a *agreement, p *Payment) note {
	return note{
		kind: "payment_declared", subject: "We look out for your payment over " + p.Outstanding().String() + " for IGNY8",
		text: fmt.Sprintf(`The IGNY8 account %s said that %s sent the payment %s over %s on %s.

There is nothing more to do: once it has come we confirm it, and tell you. If that was not
you, or something of it is wrong, say it again here:

%s
`, a.account.Name, *p.PayerName, p.Reference, p.Outstanding(), day(*p.SentOn), o.Mail.App),
	}
}

func partReceived(o Office, a *agreement, p *Payment, r *Receipt) note {
	return note{
		kind: "payment_partly_received", subject: p.Outstanding().String() + " are missing of your payment for IGNY8",
		text: fmt.Sprintf(`For the payment %s of the IGNY8 account %s over %s there came %s on %s.

%s are missing. We keep what came, and confirm the payment once the rest is there too:

%s

If you do not want to pay the rest, answer this letter: what came is yours.

%s
`, p.Reference, a.account.Name, p.Amount(), r.Amount(), day(r.ReceivedOn), p.Outstanding(), p.Instructions, o.Mail.App),
	}
}

func excessReceived(o Office, a *agreement, p *Payment, r *Receipt) note {
	return note{
		kind: "payment_excess", subject: "You sent " + r.Rest().String() + " more than IGNY8 asked for",
		text: fmt.Sprintf(`The payment %s of the IGNY8 account %s over %s is confirmed. With the last transfer, of %s,
there came %s more than was asked for.

We keep that for you and decide soon whether it pays towards your next payment or goes back. If
you prefer one of the two, answer this letter.

%s
`, p.Reference, a.account.Name, p.Amount(), r.Amount(), r.Rest(), o.Mail.App),
	}
}

func lateReceived(o Office, a *agreement, p *Payment, r *Receipt) note {
	return note{
		kind: "payment_not_awaited", subject: "We received " + r.Amount().String() + " that IGNY8 did not wait for",
		text: fmt.Sprintf(`On %s there came %s for the payment %s of the IGNY8 account %s, which is %s and was not waited for.

We keep it for you and decide soon whether it pays towards your next payment or goes back. If
you prefer one of the two, answer this letter.

%s
`, day(r.ReceivedOn), r.Amount(), p.Reference, a.account.Name, p.Status, o.Mail.App),
	}
}

func receiptDecided(o Office, a *agreement, p *Payment, r *Receipt) note {
	n := note{kind: "receipt_credited", subject: r.Rest().String() + " pay towards your next payment for IGNY8"}
	became := "is now the balance of your account. It pays towards the next payment by itself."
	if r.Status == ReceiptReturned {
		n.kind, n.subject = "receipt_returned", "IGNY8 sent "+r.Rest().String()+" back to you"
		became = "was sent back to where it came from. Banks take some days for it."
		if r.ReturnID != nil {
			became += "\nThe bank knows it as " + *r.ReturnID + "."
		}
	}
	still := ""
	if p.Status == Pending {
		still = fmt.Sprintf("\nThe payment itself is still to be made:\n\n%s\n", p.Instructions)
	}
	n.text = fmt.Sprintf(`Of what came for the payment %s of the IGNY8 account %s, %s %s

%s
%s
%s
`, p.Reference, a.account.Name, r.Rest(), became, *r.Reason, still, o.Mail.App)
	return n
}

// stillHeld says what becomes of money that came in for a payment that ends without it.
func stillHeld(p *Payment) string {
	if p.HeldMinor == 0 {
		return ""
	}
	return fmt.Sprintf("\n%s came for it. We keep that for you and decide soon whether it pays towards your next\npayment or goes back.\n", p.Held())
}

// toStaff is a letter to staff about a bank transfer; none about anything else, of which nobody has to do anything.
func toStaff(o Office, a *agreement, p *Payment, kind, happened, todo string) note {
	if p.Method != BankTransfer {
		return note{}
	}
	return toStaffOf(o, a, p, kind, happened, todo)
}

// toStaffOf is a letter to staff: what happened, which payment it is, and what there is to do.
func toStaffOf(o Office, a *agreement, p *Payment, kind, happened, todo string) note {
	var facts strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&facts, "%-12s %s\n", name+":", value) }
	line("Payment", p.Reference+" ("+gid.Format(p.ID)+")")
	line("Account", a.account.Name+" ("+gid.Format(a.account.ID)+")")
	line("Amount", p.Amount())
	if p.HeldMinor > 0 {
		line("Held", p.Held())
	}
	if p.Status == Pending {
		line("Missing", p.Outstanding())
		line("Deadline", day(p.deadline()))
	}
	return note{
		kind: "staff_" + kind, subject: happened + ": " + p.Reference,
		text: fmt.Sprintf("%s.\n\n%s\n%s\n\n%s\n", happened, facts.String(), todo, o.Mail.App),
	}
}

func askedOfStaff(o Office, a *agreement, p *Payment) note {
	return toStaff(o, a, p, "payment_requested", "A bank transfer over "+p.Amount().String()+" was asked for",
		"There is nothing to do before it is declared as sent, or comes.")
}

func declaredToStaff(o Office, a *agreement, p *Payment) note {
	todo := fmt.Sprintf("%s says to have sent it on %s.", *p.PayerName, day(*p.SentOn))
	if p.ProofURL != nil {
		todo += " The proof that was given, an address that we have not opened:\n" + *p.ProofURL
	}
	return toStaff(o, a, p, "payment_declared", "A bank transfer over "+p.Outstanding().String()+" was declared as sent",
		todo+"\n\nLook for it in the bank's statement, and confirm or reject it, or record what came.")
}

func confirmedToStaff(o Office, a *agreement, p *Payment) note {
	if p.AmountMinor == 0 {
		return note{} // the balance paid all of it
	}
	return toStaff(o, a, p, "payment_confirmed", "A bank transfer over "+p.Amount().String()+" was confirmed", "There is nothing more to do.")
}

func rejectedToStaff(o Office, a *agreement, p *Payment) note {
	return toStaff(o, a, p, "payment_rejected", "A bank transfer over "+p.Amount().String()+" was rejected",
		"The reason: "+*p.RejectionReason+"\n\n"+decideOnHeld(p))
}

func expiredToStaff(o Office, a *agreement, p *Payment) note {
	return toStaff(o, a, p, "payment_expired", "A bank transfer over "+p.Amount().String()+" was not made in time", decideOnHeld(p))
}

func withdrawnToStaff(o Office, a *agreement, p *Payment) note {
	return toStaff(o, a, p, "payment_withdrawn", "A bank transfer over "+p.Amount().String()+" was withdrawn", decideOnHeld(p))
}

func decideOnHeld(p *Payment) string {
	if p.HeldMinor == 0 {
		return "There is nothing more to do."
	}
	return "Decide on what is held: credit it to the account, or send it back."
}

func assignmentEnded(o Office, a *agreement, p *Payment, of *plan.Plan) note {
	end := a.last().End
	next := fmt.Sprintf("The account is past due, and is suspended on %s unless its owner pays by then, or you assign a plan again.", day(end.Add(Grace)))
	if a.subscription.CancelAtPeriodEnd || a.followedByFree() {
		next = "What the account had agreed on follows now. If it is to keep the plan, assign it again."
	}
	return toStaffOf(o, a, p, "assignment_ended", "The plan "+of.Name+", which was assigned, was not paid for",
		"It ended on "+day(end)+". "+next)
}

func partToStaff(o Office, a *agreement, p *Payment, r *Receipt) note {
	return toStaff(o, a, p, "payment_partly_received", r.Amount().String()+" came of a bank transfer over "+p.Amount().String(),
		"The owner was asked for the rest. If it is not to be waited for, decide on what is held, or reject the payment.")
}

func excessToStaff(o Office, a *agreement, p *Payment, r *Receipt) note {
	return toStaff(o, a, p, "payment_excess", r.Rest().String()+" more than was asked for came with a bank transfer", decideOnHeld(p))
}

func lateToStaff(o Office, a *agreement, p *Payment, r *Receipt) note {
	return toStaff(o, a, p, "payment_not_awaited", r.Amount().String()+" came for a payment that is "+string(p.Status), decideOnHeld(p))
}

func decidedToStaff(o Office, a *agreement, p *Payment, r *Receipt) note {
	return toStaff(o, a, p, "receipt_"+string(r.Status), r.Rest().String()+" that was held was "+string(r.Status),
		"The reason: "+*r.Reason)
}

func secondNeeded(o Office, a *agreement, p *Payment, said *PaymentApproval) note {
	what := map[PaymentApprovalKind]string{
		ApprovedConfirmation: "confirm", ApprovedCredit: "credit", ApprovedReturn: "return", ApprovedRefund: "refund",
	}[said.Kind]
	return toStaffOf(o, a, p, "second_approval", "A second approval is needed to "+what+" "+said.Amount().String(),
		"One of you approved it. It takes somebody else, who says the same from what they see for themselves,\nby "+
			day(said.CreatedAt.Add(approvalHolds))+".")
}
