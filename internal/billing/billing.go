// Package billing owns the commercial side of an account: its one subscription with the history of
// periods, its payments and its invoices.
//
// What must always hold: the periods of an account form a chain without gap or overlap, which the
// database itself enforces; a payment is confirmed once, and all that follows from it (periods,
// status, plan, credits, invoice, audit event) happens with it or not at all; a bank's reference
// counts once among all accounts; invoice numbers have no gap within a year.
//
// What falls due by itself is a function of the agreement (event.go), and every command does it first.
//
// Locks are taken in one order: account, subscription, payment, credits, external reference, invoice
// number.
package billing

import (
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/period"
)

// Method is how something is paid.
type Method string

// The methods.
const (
	BankTransfer Method = "bank_transfer"
	Stripe       Method = "stripe"
)

// MarshalGQL writes the enum value.
func (m Method) MarshalGQL(w io.Writer) { enum.Marshal(w, m) }

// UnmarshalGQL reads the enum value.
func (m *Method) UnmarshalGQL(v any) error { return enum.Unmarshal(m, v) }

// SubscriptionStatus is where a subscription stands.
type SubscriptionStatus string

// The statuses of a subscription.
const (
	Trialing             SubscriptionStatus = "trialing"
	PendingReview        SubscriptionStatus = "pending"
	ActiveSubscription   SubscriptionStatus = "active"
	PastDue              SubscriptionStatus = "past_due"
	CancelledByAgreement SubscriptionStatus = "cancelled"
	ExpiredByItself      SubscriptionStatus = "expired"
)

// MarshalGQL writes the enum value.
func (s SubscriptionStatus) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *SubscriptionStatus) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Subscription is an account's one commercial agreement.
type Subscription struct {
	bun.BaseModel `bun:"table:igny8_subscriptions,alias:subscription"`

	TenantID             gid.Account        `bun:"tenant_id,pk"`
	ID                   gid.Subscription   `bun:"id,pk,autoincrement"`
	Status               SubscriptionStatus `bun:"status"`
	PaymentMethod        *Method            `bun:"payment_method"`
	Anchor               *time.Time         `bun:"anchor"`
	TrialEnd             *time.Time         `bun:"trial_end"`
	CancelAtPeriodEnd    bool               `bun:"cancel_at_period_end"`
	ExternalPaymentID    *string            `bun:"external_payment_id"`
	StripeSubscriptionID *string            `bun:"stripe_subscription_id"`
	// PendingPlanID is the plan that follows what is paid for; nil for the same.
	PendingPlanID *gid.Plan `bun:"pending_plan_id"`
	// AgreedMinor is what a month costs where staff agreed on it; nil for the catalogue's price.
	AgreedMinor    *int64          `bun:"agreed_minor"`
	AgreedCurrency *money.Currency `bun:"agreed_currency"`
	CancelledAt    *time.Time      `bun:"cancelled_at"`
	// DueAt is when something falls due next, nil for never.
	DueAt     *time.Time `bun:"due_at"`
	CreatedAt time.Time  `bun:"created_at"`
	UpdatedAt time.Time  `bun:"updated_at"`
}

// IsNode marks the type as having a global id.
func (*Subscription) IsNode() {}

// Tenant is the account that the agreement is with.
func (s *Subscription) Tenant() gid.Account { return s.TenantID }

// PeriodKind says what kind of period it is.
type PeriodKind string

// The kinds of periods.
const (
	TrialPeriod    PeriodKind = "trial"
	PaidPeriod     PeriodKind = "paid"
	FreePeriod     PeriodKind = "free"
	AssignedPeriod PeriodKind = "assigned"
	OpeningPeriod  PeriodKind = "opening"
	LapsedPeriod   PeriodKind = "lapsed"
)

// MarshalGQL writes the enum value.
func (k PeriodKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *PeriodKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// SubscriptionPeriod is one period of a subscription, half-open.
type SubscriptionPeriod struct {
	bun.BaseModel `bun:"table:igny8_subscription_periods,alias:period"`

	TenantID    gid.Account  `bun:"tenant_id,pk"`
	ID          gid.Period   `bun:"id,pk,autoincrement"`
	Kind        PeriodKind   `bun:"kind"`
	PlanID      gid.Plan     `bun:"plan_id"`
	Start       time.Time    `bun:"start_at"`
	End         time.Time    `bun:"end_at"`
	PreviousEnd *time.Time   `bun:"previous_end"`
	PaymentID   *gid.Payment `bun:"payment_id"`
	// PriceMinor is what was paid for this very period, without tax.
	PriceMinor int64 `bun:"price_minor"`
	// BegunAt is when its beginning was worked off: plan and credits.
	BegunAt   *time.Time `bun:"begun_at"`
	CreatedAt time.Time  `bun:"created_at"`
}

// IsNode marks the type as having a global id.
func (*SubscriptionPeriod) IsNode() {}

// Tenant is the account whose subscription the period is of.
func (p *SubscriptionPeriod) Tenant() gid.Account { return p.TenantID }

// Span is the time of the period.
func (p *SubscriptionPeriod) Span() period.Period { return period.Period{Start: p.Start, End: p.End} }

// PaymentStatus is where a payment stands.
type PaymentStatus string

// The statuses of a payment.
const (
	Pending   PaymentStatus = "pending"
	Confirmed PaymentStatus = "confirmed"
	Rejected  PaymentStatus = "rejected"
	Expired   PaymentStatus = "expired"
	Refunded  PaymentStatus = "refunded"
	Disputed  PaymentStatus = "disputed"
	// Withdrawn is a payment that the owner took back before anybody decided.
	Withdrawn PaymentStatus = "withdrawn"
)

// MarshalGQL writes the enum value.
func (s PaymentStatus) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *PaymentStatus) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Purpose is what a payment does when it is confirmed.
type Purpose string

// The purposes.
const (
	// ForPeriods appends periods.
	ForPeriods Purpose = "periods"
	// ForUpgrade moves what is paid for to a dearer plan.
	ForUpgrade Purpose = "upgrade"
	// ForAssignment pays for what staff assigned.
	ForAssignment Purpose = "assignment"
)

// MarshalGQL writes the enum value.
func (p Purpose) MarshalGQL(w io.Writer) { enum.Marshal(w, p) }

// UnmarshalGQL reads the enum value.
func (p *Purpose) UnmarshalGQL(v any) error { return enum.Unmarshal(p, v) }

// Payment is one declared or received sum of money.
type Payment struct {
	bun.BaseModel `bun:"table:igny8_payments,alias:payment"`

	TenantID gid.Account   `bun:"tenant_id,pk"`
	ID       gid.Payment   `bun:"id,pk,autoincrement"`
	Method   Method        `bun:"method"`
	Status   PaymentStatus `bun:"status"`
	PlanID   gid.Plan      `bun:"plan_id"`
	Months   int           `bun:"months"`
	// AmountMinor is to be paid: net, less what is credited, with tax, less what is applied.
	AmountMinor   int64 `bun:"amount_minor"`
	NetMinor      int64 `bun:"net_minor"`
	CreditedMinor int64 `bun:"credited_minor"`
	TaxMinor      int64 `bun:"tax_minor"`
	// TaxRate is in hundredths of a percent, as the account's was when the payment was asked for.
	TaxRate      *int  `bun:"tax_rate"`
	AppliedMinor int64 `bun:"applied_minor"`
	// RefundedMinor is what went back: of the money, and with it what came back to the account's balance.
	RefundedMinor     int64          `bun:"refunded_minor"`
	Purpose           Purpose        `bun:"purpose"`
	Currency          money.Currency `bun:"currency"`
	Reference         string         `bun:"reference"`
	Instructions      string         `bun:"instructions"`
	RequestedBy       gid.User       `bun:"requested_by"`
	ExpiresAt         time.Time      `bun:"expires_at"`
	DeclaredAt        *time.Time     `bun:"declared_at"`
	SentOn            *time.Time     `bun:"sent_on,type:date"`
	PayerName         *string        `bun:"payer_name"`
	ProofURL          *string        `bun:"proof_url"`
	ExternalPaymentID *string        `bun:"external_payment_id"`
	ReceivedOn        *time.Time     `bun:"received_on,type:date"`
	DecidedAt         *time.Time     `bun:"decided_at"`
	DecidedBy         *gid.User      `bun:"decided_by"`
	RejectionReason   *string        `bun:"rejection_reason"`
	CreatedAt         time.Time      `bun:"created_at"`
	UpdatedAt         time.Time      `bun:"updated_at"`
}

// IsNode marks the type as having a global id.
func (*Payment) IsNode() {}

// Tenant is the account that pays.
func (p *Payment) Tenant() gid.Account { return p.TenantID }

// Amount is the sum to be paid.
func (p *Payment) Amount() money.Money {
	return money.Money{Minor: p.AmountMinor, Currency: p.Currency}
}

// Price is of what is bought, without tax.
func (p *Payment) Price() money.Money { return money.Money{Minor: p.NetMinor, Currency: p.Currency} }

// Credited is the unused part of what was paid for the same time before.
func (p *Payment) Credited() money.Money {
	return money.Money{Minor: p.CreditedMinor, Currency: p.Currency}
}

// Tax is on the price less what is credited.
func (p *Payment) Tax() money.Money { return money.Money{Minor: p.TaxMinor, Currency: p.Currency} }

// FromBalance is how much of it the account's balance pays.
func (p *Payment) FromBalance() money.Money {
	return money.Money{Minor: p.AppliedMinor, Currency: p.Currency}
}

// Refunded is how much of it went back, to whoever paid and to the account's balance.
func (p *Payment) Refunded() money.Money {
	return money.Money{Minor: p.RefundedMinor, Currency: p.Currency}
}

// PeriodConnection is a page of periods.
type PeriodConnection = page.Connection[*SubscriptionPeriod]

// PeriodEdge is a period in a page.
type PeriodEdge = page.Edge[*SubscriptionPeriod]

// PaymentConnection is a page of payments.
type PaymentConnection = page.Connection[*Payment]

// PaymentEdge is a payment in a page.
type PaymentEdge = page.Edge[*Payment]
