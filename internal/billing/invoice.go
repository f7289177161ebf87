package billing

import (
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/page"
)

// InvoiceKind says what a document bills or takes back.
type InvoiceKind string

// The kinds. Each has numbers of its own, without gap within a year.
const (
	// Bill is the invoice of a confirmed payment.
	Bill InvoiceKind = "invoice"
	// CreditNote takes back from an invoice what was refunded.
	CreditNote InvoiceKind = "credit_note"
)

// MarshalGQL writes the enum value.
func (k InvoiceKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *InvoiceKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// Party is who sells or buys, as a document names them.
type Party struct {
	Name string
	// Address has a line for each line of it; empty where none is known.
	Address string
	TaxID   string
	// Email is where bills go; empty for a seller.
	Email string
}

// Invoice is the bill of a confirmed payment, or a credit note that takes back from one. What it says was frozen
// when it was issued; the sums of a credit note are what is taken back, as positive numbers.
type Invoice struct {
	bun.BaseModel `bun:"table:igny8_invoices,alias:invoice"`

	TenantID   gid.Account  `bun:"tenant_id,pk"`
	ID         gid.Invoice  `bun:"id,pk,autoincrement"`
	Number     string       `bun:"number"`
	Kind       InvoiceKind  `bun:"kind"`
	RefersToID *gid.Invoice `bun:"refers_to"`
	PaymentID  gid.Payment  `bun:"payment_id"`
	// NetMinor is the sum of the lines, TaxableMinor what of it the tax was reckoned on, TotalMinor both together.
	NetMinor         int64          `bun:"net_minor"`
	TaxableMinor     int64          `bun:"taxable_minor"`
	TaxMinor         int64          `bun:"tax_minor"`
	TaxRate          *int           `bun:"tax_rate"`
	TotalMinor       int64          `bun:"total_minor"`
	FromBalanceMinor int64          `bun:"from_balance_minor"`
	Currency         money.Currency `bun:"currency"`
	IssuedAt         time.Time      `bun:"issued_at"`
	SellerName       string         `bun:"seller_name"`
	SellerAddress    string         `bun:"seller_address"`
	SellerTaxID      string         `bun:"seller_tax_id"`
	BuyerName        string         `bun:"buyer_name"`
	BuyerAddress     string         `bun:"buyer_address"`
	BuyerEmail       string         `bun:"buyer_email"`
	BuyerTaxID       string         `bun:"buyer_tax_id"`
	// Note is the reason of a credit note.
	Note string `bun:"note"`
}

// IsNode marks the type as having a global id.
func (*Invoice) IsNode() {}

// Tenant is the account that is billed.
func (i *Invoice) Tenant() gid.Account { return i.TenantID }

// Net is the sum of the lines.
func (i *Invoice) Net() money.Money { return money.Money{Minor: i.NetMinor, Currency: i.Currency} }

// Taxable is what the tax was reckoned on.
func (i *Invoice) Taxable() money.Money {
	return money.Money{Minor: i.TaxableMinor, Currency: i.Currency}
}

// Tax is the tax on the taxable sum.
func (i *Invoice) Tax() money.Money { return money.Money{Minor: i.TaxMinor, Currency: i.Currency} }

// Total is the sum of the lines with tax.
func (i *Invoice) Total() money.Money { return money.Money{Minor: i.TotalMinor, Currency: i.Currency} }

// PaidFromBalance is how much of the total the account's balance paid, or how much of it came back there.
func (i *Invoice) PaidFromBalance() money.Money {
	return money.Money{Minor: i.FromBalanceMinor, Currency: i.Currency}
}

// Seller is who issued it.
func (i *Invoice) Seller() *Party {
	return &Party{Name: i.SellerName, Address: i.SellerAddress, TaxID: i.SellerTaxID}
}

// Buyer is whom it bills.
func (i *Invoice) Buyer() *Party {
	return &Party{Name: i.BuyerName, Address: i.BuyerAddress, TaxID: i.BuyerTaxID, Email: i.BuyerEmail}
}

// InvoiceLine is one line of an invoice.
type InvoiceLine struct {
	bun.BaseModel `bun:"table:igny8_invoice_lines,alias:line"`

	TenantID    gid.Account    `bun:"tenant_id,pk"`
	InvoiceID   gid.Invoice    `bun:"invoice_id,pk"`
	Position    int            `bun:"position,pk"`
	Description string         `bun:"description"`
	PeriodStart time.Time      `bun:"period_start"`
	PeriodEnd   time.Time      `bun:"period_end"`
	AmountMinor int64          `bun:"amount_minor"`
	Currency    money.Currency `bun:"currency,scanonly"`
}

// Amount is the sum of the line, in the invoice's currency.
func (l *InvoiceLine) Amount() money.Money {
	return money.Money{Minor: l.AmountMinor, Currency: l.Currency}
}

// InvoiceConnection is a page of invoices.
type InvoiceConnection = page.Connection[*Invoice]

// InvoiceEdge is an invoice in a page.
type InvoiceEdge = page.Edge[*Invoice]
