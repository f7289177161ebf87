package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
)

// noteRefund issues the credit note of a refund. Each takes net and tax in proportion, from what the ones before
// left, so that those of a whole payment add up to its invoice.
func (o Office) noteRefund(ctx context.Context, tx bun.Tx, a *agreement, p *Payment, row *PaymentRefund, reason string, now time.Time) (*Invoice, error) {
	bills, err := InvoicesByPayments(ctx, tx, []PaymentKey{p.Key()})
	if err != nil {
		return nil, err
	}
	if len(bills) == 0 {
		return nil, fmt.Errorf("refund: payment %d has no invoice", p.ID)
	}
	bill := bills[0]
	lines, err := LinesOfInvoices(ctx, tx, []InvoiceKey{bill.Key()})
	if err != nil {
		return nil, err
	}
	total := row.AmountMinor + row.BalanceMinor
	share := func(of int64) int64 {
		return proportion(of, p.RefundedMinor+total, bill.TotalMinor) - proportion(of, p.RefundedMinor, bill.TotalMinor)
	}
	note := &Invoice{
		Kind: CreditNote, RefersToID: &bill.ID, PaymentID: p.ID, TaxRate: bill.TaxRate, TaxMinor: share(bill.TaxMinor),
		TaxableMinor: share(bill.TaxableMinor), TotalMinor: total, FromBalanceMinor: row.BalanceMinor, Currency: p.Currency, Note: reason,
	}
	note.NetMinor = total - note.TaxMinor
	back := &InvoiceLine{Description: "Refund of invoice " + bill.Number, PeriodStart: lines[0].PeriodStart, AmountMinor: note.NetMinor}
	for _, l := range lines {
		if l.PeriodStart.Before(back.PeriodStart) {
			back.PeriodStart = l.PeriodStart
		}
		back.PeriodEnd = latest(back.PeriodEnd, l.PeriodEnd)
	}
	if err := o.issue(ctx, tx, a.account, note, []*InvoiceLine{back}, now); err != nil {
		return nil, err
	}
	row.CreditNoteID = note.ID
	return note, nil
}

// takeCredits takes back what the payment had granted, in proportion to what of it went back.
func takeCredits(ctx context.Context, tx bun.Tx, p *Payment, row *PaymentRefund, note *Invoice, by audit.By, now time.Time) error {
	var before int64
	err := tx.NewRaw(`SELECT coalesce(sum(credits_taken + credits_owed), 0)::bigint FROM igny8_refunds WHERE tenant_id = ? AND payment_id = ?`,
		p.TenantID, p.ID).Scan(ctx, &before)
	if err != nil {
		return fmt.Errorf("read earlier refunds: %w", err)
	}
	row.CreditsTaken, row.CreditsOwed, err = credit.TakeBack(ctx, tx, credit.Reversing{
		Tenant: p.TenantID, PaymentID: p.ID, Part: p.RefundedMinor, Whole: p.AmountMinor + p.AppliedMinor, Before: before,
		Description: "Taken back with " + note.Number, IdempotencyKey: fmt.Sprintf("refund:%d", note.ID), By: by, At: now,
	})
	return err
}

func paymentRefunded(o Office, a *agreement, p *Payment, row *PaymentRefund, i *Invoice) note {
	text := fmt.Sprintf(`%s of the payment %s of the IGNY8 account %s goes back:

%s

The credit note has the number %s. You find it here:

%s
`, i.Total(), p.Reference, a.account.Name, i.Note, i.Number, o.Mail.App)
	if row.CreditsOwed > 0 {
		text += fmt.Sprintf("\nOf its credits, %d were spent already. The next credits that come pay for them first.\n", row.CreditsOwed)
	}
	return note{kind: "payment_refunded", subject: "A payment for IGNY8 was refunded", text: text}
}
