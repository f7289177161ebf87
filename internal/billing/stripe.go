package billing

import (
	"encoding/json"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

// What a Stripe subscription, its invoices and a Checkout session say about themselves: written when an owner begins
// to pay, read when Stripe tells of it. The price stands there too, because a subscription keeps the one that was
// agreed to, whatever the catalogue says by then.
const (
	// MetaAccount is the global id of the account.
	MetaAccount = "igny8_account"
	// MetaPlan is the slug of the plan.
	MetaPlan = "igny8_plan"
	// MetaMonths is how many months one invoice pays for; 1 where it is absent.
	MetaMonths = "igny8_months"
	// MetaNet is the price without tax of what one invoice pays for, in minor units.
	MetaNet = "igny8_net"
	// MetaTaxRate is in hundredths of a percent; absent for no tax.
	MetaTaxRate = "igny8_tax_rate"
	// MetaCheckout is the number of the checkout that it began with.
	MetaCheckout = "igny8_checkout"
	// MetaPayment is the global id of the payment that a session of mode payment pays.
	MetaPayment = "igny8_payment"
	// MetaPush is the number of the push that made a refund.
	MetaPush = "igny8_push"
)

// CheckoutMode is what a Checkout session is for.
type CheckoutMode string

// The modes, named as Stripe does.
const (
	// ToSubscribe begins a subscription.
	ToSubscribe CheckoutMode = "subscription"
	// ToPay pays one payment.
	ToPay CheckoutMode = "payment"
)

// CheckoutStatus is where a Checkout session stands.
type CheckoutStatus string

// The statuses.
const (
	// CheckoutStarted waits for Stripe's answer.
	CheckoutStarted  CheckoutStatus = "started"
	CheckoutOpen     CheckoutStatus = "open"
	CheckoutComplete CheckoutStatus = "complete"
	CheckoutExpired  CheckoutStatus = "expired"
	CheckoutFailed   CheckoutStatus = "failed"
)

// Checkout is one time that an owner went to pay at Stripe. The address of its page is not kept.
type Checkout struct {
	bun.BaseModel `bun:"table:igny8_stripe_checkouts,alias:checkout"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	ID       int64       `bun:"id,pk,autoincrement"`
	// SessionID is nil until Stripe has answered.
	SessionID      *string        `bun:"session_id"`
	Mode           CheckoutMode   `bun:"mode"`
	PlanID         gid.Plan       `bun:"plan_id"`
	PaymentID      *gid.Payment   `bun:"payment_id"`
	Status         CheckoutStatus `bun:"status"`
	SubscriptionID *string        `bun:"subscription_id"`
	IdempotencyKey string         `bun:"idempotency_key"`
	Fingerprint    []byte         `bun:"fingerprint"`
	CreatedBy      gid.User       `bun:"created_by"`
	CreatedAt      time.Time      `bun:"created_at"`
	ExpiresAt      time.Time      `bun:"expires_at"`
	UpdatedAt      time.Time      `bun:"updated_at"`
}

// Collector is a subscription at Stripe as it was seen last. Only what changes it there, and what we had Stripe change,
// writes it, behind the account's lock.
type Collector struct {
	bun.BaseModel `bun:"table:igny8_stripe_subscriptions,alias:collector"`

	TenantID       gid.Account `bun:"tenant_id,pk"`
	SubscriptionID string      `bun:"subscription_id,pk"`
	CustomerID     string      `bun:"customer_id"`
	// Status is Stripe's word.
	Status string `bun:"status"`
	// Cancelling says that it ends with the period that it is paid for.
	Cancelling bool   `bun:"cancelling"`
	PlanSlug   string `bun:"plan_slug"`
	// AmountMinor is what a period costs, with tax.
	AmountMinor int64          `bun:"amount_minor"`
	Currency    money.Currency `bun:"currency"`
	PeriodEnd   *time.Time     `bun:"period_end"`
	// Version grows with each look, so that a look that was overtaken by a newer one is known.
	Version   int64     `bun:"version"`
	SeenAt    time.Time `bun:"seen_at"`
	CreatedAt time.Time `bun:"created_at"`
}

// Tenant is the account that it collects for.
func (c *Collector) Tenant() gid.Account { return c.TenantID }

// Collected is an invoice of a Stripe subscription as it was seen last.
type Collected struct {
	bun.BaseModel `bun:"table:igny8_stripe_invoices,alias:collected"`

	TenantID       gid.Account    `bun:"tenant_id,pk"`
	InvoiceID      string         `bun:"invoice_id,pk"`
	SubscriptionID string         `bun:"subscription_id"`
	Status         string         `bun:"status"`
	AmountMinor    int64          `bun:"amount_minor"`
	Currency       money.Currency `bun:"currency"`
	// PaymentID is what it became here, once it was paid.
	PaymentID *gid.Payment `bun:"payment_id"`
	// ToldAt is when the owner was told that it could not be paid.
	ToldAt *time.Time `bun:"told_at"`
	SeenAt time.Time  `bun:"seen_at"`
}

// PushKind is what we want Stripe to do.
type PushKind string

// The kinds.
const (
	// PushCancel has a subscription end with what is paid for, or takes that back: {"atPeriodEnd": bool}.
	PushCancel PushKind = "cancel"
	// PushEnd ends a subscription now.
	PushEnd PushKind = "end"
	// PushPlan has a subscription cost what another plan does from the next period on: {"plan": slug, "net": minor,
	// "currency": code, "taxRate": hundredths of a percent or null}; with "keepNet": true, what was agreed on for the
	// plan without tax stays.
	PushPlan PushKind = "plan"
	// PushRefund gives money of a payment back: {"amount": minor}.
	PushRefund PushKind = "refund"
	// PushCustomer deletes a customer: {"customer": id}. What is wanted is forgotten once it was done.
	PushCustomer PushKind = "customer"
)

// MarshalGQL writes the enum value.
func (k PushKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *PushKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// PushStatus is where a push stands.
type PushStatus string

// The statuses.
const (
	PushPending PushStatus = "pending"
	PushDone    PushStatus = "done"
	PushFailed  PushStatus = "failed"
	// PushSuperseded was not done because a newer one took its place.
	PushSuperseded PushStatus = "superseded"
)

// MarshalGQL writes the enum value.
func (s PushStatus) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *PushStatus) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Push is something that we want Stripe to do: left in the transaction of the change that makes it necessary, and done
// by a job after that.
type Push struct {
	bun.BaseModel `bun:"table:igny8_stripe_pushes,alias:push"`

	TenantID       gid.Account     `bun:"tenant_id,pk"`
	ID             int64           `bun:"id,pk,autoincrement"`
	Kind           PushKind        `bun:"kind"`
	SubscriptionID *string         `bun:"subscription_id"`
	PaymentID      *gid.Payment    `bun:"payment_id"`
	Wanted         json.RawMessage `bun:"wanted"`
	Status         PushStatus      `bun:"status"`
	Attempts       int             `bun:"attempts"`
	Error          *string         `bun:"error"`
	CreatedAt      time.Time       `bun:"created_at"`
	UpdatedAt      time.Time       `bun:"updated_at"`
}

// Tenant is the account whose subscription or payment it is about.
func (p *Push) Tenant() gid.Account { return p.TenantID }
