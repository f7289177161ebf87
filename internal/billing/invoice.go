package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// issueInvoice bills a payment by lines. The year's counter is locked until the commit: a rollback gives its
// number back, so that none is missing.
func issueInvoice(ctx context.Context, tx bun.Tx, p *Payment, lines []*InvoiceLine, now time.Time) (*Invoice, error) {
	var n int64
	err := tx.NewRaw(
		`INSERT INTO igny8_invoice_numbers AS numbers (year, last_number) VALUES (?, 1)
		 ON CONFLICT (year) DO UPDATE SET last_number = numbers.last_number + 1 RETURNING last_number`,
		now.UTC().Year()).Scan(ctx, &n)
	if err != nil {
		return nil, fmt.Errorf("number invoice: %w", err)
	}
	invoice := &Invoice{
		TenantID: p.TenantID, Number: fmt.Sprintf("IG-%d-%06d", now.UTC().Year(), n), PaymentID: p.ID,
		TotalMinor: p.AmountMinor + p.AppliedMinor, Currency: p.Currency, IssuedAt: now,
	}
	if _, err := tx.NewInsert().Model(invoice).Returning("id").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert invoice: %w", err)
	}
	for i, line := range lines {
		line.TenantID, line.InvoiceID, line.Position = p.TenantID, invoice.ID, i+1
	}
	if _, err := tx.NewInsert().Model(&lines).Returning("NULL").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert invoice lines: %w", err)
	}
	return invoice, nil
}

// share is part i of total parted into n: whole minor units that differ by one at most and add up to
// the total.
func share(total int64, n, i int) int64 {
	parts, at := int64(n), int64(i)
	return total*(at+1)/parts - total*at/parts
}
