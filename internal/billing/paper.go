package billing

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// Paper is all that a document says.
type Paper struct {
	*Invoice
	Lines []*InvoiceLine
	// Payment is what it bills, or what was refunded.
	Payment *Payment
	// Refers is the number of the invoice that a credit note takes back from; empty for an invoice.
	Refers string
}

// ReadPaper reads a document; nil where there is none with this id, or its account is gone for good.
func ReadPaper(ctx context.Context, db bun.IDB, tenant gid.Account, id gid.Invoice) (*Paper, error) {
	invoices := []*Invoice{}
	err := db.NewSelect().Model(&invoices).Where("invoice.tenant_id = ?", tenant).Where("invoice.id = ?", id).
		Where("EXISTS (SELECT FROM igny8_tenants AS a WHERE a.id = invoice.tenant_id AND a.purged_at IS NULL)").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read a document: %w", err)
	}
	if len(invoices) == 0 {
		return nil, nil
	}
	paper := &Paper{Invoice: invoices[0]}
	if paper.Lines, err = LinesOfInvoices(ctx, db, []InvoiceKey{paper.Key()}); err != nil {
		return nil, err
	}
	payments, err := PaymentsByIDs(ctx, db, tenant, []gid.Payment{paper.PaymentID})
	if err != nil {
		return nil, err
	}
	paper.Payment = payments[0] // a foreign key says so
	if paper.RefersToID != nil {
		of, err := InvoicesByIDs(ctx, db, tenant, []gid.Invoice{*paper.RefersToID})
		if err != nil {
			return nil, err
		}
		paper.Refers = of[0].Number // so does another
	}
	return paper, nil
}
