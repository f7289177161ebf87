package billing

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
)

// billed is what a confirmed payment bought: its lines, and how much of their sum bought nothing and became the
// account's balance instead, which no tax is on.
type billed struct {
	lines   []*InvoiceLine
	untaxed int64
	// tax is on the rest.
	tax int64
}

// issueInvoice bills a payment. The parts add up to what was paid.
func (o Office) issueInvoice(ctx context.Context, tx bun.Tx, a *agreement, p *Payment, b billed, now time.Time) (*Invoice, error) {
	invoice := &Invoice{
		Kind: Bill, PaymentID: p.ID, TaxMinor: b.tax, TaxRate: p.TaxRate,
		TotalMinor: p.AmountMinor + p.AppliedMinor, FromBalanceMinor: p.AppliedMinor, Currency: p.Currency,
	}
	invoice.NetMinor = invoice.TotalMinor - b.tax
	invoice.TaxableMinor = invoice.NetMinor - b.untaxed
	return invoice, o.issue(ctx, tx, a.account, invoice, b.lines, now)
}

// issue numbers and writes a document, with seller and buyer as they are now. The year's counter is locked until
// the commit: a rollback gives its number back, so that none is missing.
func (o Office) issue(
	ctx context.Context, tx bun.Tx, buyer *account.Account, i *Invoice, lines []*InvoiceLine, now time.Time,
) error {
	series, counter := "IG", "igny8_invoice_numbers"
	if i.Kind == CreditNote {
		series, counter = "CN", "igny8_credit_note_numbers"
	}
	var n int64
	err := tx.NewRaw(
		`INSERT INTO ? AS numbers (year, last_number) VALUES (?, 1)
		 ON CONFLICT (year) DO UPDATE SET last_number = numbers.last_number + 1 RETURNING last_number`,
		bun.Ident(counter), now.UTC().Year()).Scan(ctx, &n)
	if err != nil {
		return fmt.Errorf("number invoice: %w", err)
	}
	i.TenantID, i.Number, i.IssuedAt = buyer.ID, fmt.Sprintf("%s-%d-%06d", series, now.UTC().Year(), n), now
	i.SellerName, i.SellerAddress, i.SellerTaxID = o.Seller.Name, o.Seller.Address, o.Seller.TaxID
	i.BuyerName, i.BuyerAddress = buyer.Name, addressLines(buyer.BillingAddress)
	if buyer.BillingEmail != nil {
		i.BuyerEmail = *buyer.BillingEmail
	}
	if buyer.TaxID != nil {
		i.BuyerTaxID = *buyer.TaxID
	}
	if _, err := tx.NewInsert().Model(i).Returning("id").Exec(ctx); err != nil {
		return fmt.Errorf("insert invoice: %w", err)
	}
	for at, line := range lines {
		line.TenantID, line.InvoiceID, line.Position = i.TenantID, i.ID, at+1
	}
	if _, err := tx.NewInsert().Model(&lines).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("insert invoice lines: %w", err)
	}
	return nil
}

// addressOrder is how the known parts of an address follow one another on a letter.
var addressOrder = []string{
	"name", "company", "line1", "address_line1", "street", "line2", "address_line2", "postal_code", "zip", "city", "state", "region", "country",
}

// addressLines writes an address as the lines of a letter: the known parts in their order, then the others by name.
func addressLines(address json.RawMessage) string {
	parts := map[string]any{}
	read := json.NewDecoder(bytes.NewReader(address))
	read.UseNumber()
	if len(address) == 0 || read.Decode(&parts) != nil {
		return "" // an address of another form is none that can be printed
	}
	var lines []string
	add := func(name string) {
		if part, ok := parts[name]; ok && part != nil {
			if text := strings.TrimSpace(fmt.Sprint(part)); text != "" {
				lines = append(lines, text)
			}
			delete(parts, name)
		}
	}
	for _, name := range addressOrder {
		add(name)
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		add(name)
	}
	return strings.Join(lines, "\n")
}

// share is part i of total parted into n: whole minor units that differ by one at most and add up to
// the total.
func share(total int64, n, i int) int64 {
	parts, at := int64(n), int64(i)
	return total*(at+1)/parts - total*at/parts
}
