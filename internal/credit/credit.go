// Package credit owns credits: what operations cost, the grants that credits come in by, the holds
// that set them aside, and the ledger of every movement. It is the only writer of all of them.
//
// What must always hold, for each account: the balance is the sum of the ledger and the sum of what
// is left on the grants; what is held never exceeds it; the lines' seq counts 1, 2, 3 … without gap,
// and each line's balance_after is its predecessor's plus its own amount. Every movement carries an
// idempotency key and happens once; a refused one writes nothing.
//
// Every movement first locks the account's row in igny8_credit_accounts, behind the account itself
// where a command holds that; nobody changes an account's grants and holds without it. Behind that lock,
// holds and grants whose time is over are closed before anything else is judged (see book.sweep), so that
// what is available never depends on when a job last ran.
//
// Movements of one account that come at the same time share one transaction (gather.go): the book is
// opened once, each movement is judged and applied in memory after the other as if it were alone, and what
// they came to is written by one statement. A single movement is a group of one.
package credit

import (
	"encoding/json"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// Account is the state of an account's credits, in whole credits.
type Account struct {
	bun.BaseModel `bun:"table:igny8_credit_accounts,alias:credits"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	Balance  int64       `bun:"balance"`
	Held     int64       `bun:"held"`
	LastSeq  int64       `bun:"last_seq"`
	// Debt is how many credits were spent of what was refunded since.
	Debt int64 `bun:"debt"`
}

// Tenant is the account whose credits they are.
func (a *Account) Tenant() gid.Account { return a.TenantID }

// Available is what can be spent.
func (a *Account) Available() int64 { return a.Balance - a.Held }

// Kind says where a grant's credits came from.
type Kind string

// The kinds of grants.
const (
	Trial        Kind = "trial"
	Subscription Kind = "subscription"
	Purchase     Kind = "purchase"
	Promotion    Kind = "promotion"
	Refund       Kind = "refund"
	Adjustment   Kind = "adjustment"
	Opening      Kind = "opening"
)

// MarshalGQL writes the enum value.
func (k Kind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *Kind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// priorities order the burning of grants, lowest first: what was given burns before what a plan
// includes, and what was bought burns last.
var priorities = map[Kind]int{
	Trial: 10, Promotion: 20, Subscription: 30, Refund: 35, Opening: 40, Purchase: 50, Adjustment: 60,
}

// Priority is the kind's place in the order of burning, lower first.
func (k Kind) Priority() int { return priorities[k] }

// Grant is credits that came in together.
type Grant struct {
	bun.BaseModel `bun:"table:igny8_credit_grants,alias:credit_grant"`

	TenantID  gid.Account  `bun:"tenant_id,pk" json:"tenant_id"`
	ID        gid.Grant    `bun:"id,pk,autoincrement" json:"id"`
	Kind      Kind         `bun:"kind" json:"kind"`
	Amount    int64        `bun:"amount" json:"amount"`
	Remaining int64        `bun:"remaining" json:"remaining"`
	Priority  int          `bun:"priority" json:"priority"`
	PeriodID  *gid.Period  `bun:"period_id" json:"period_id"`
	PaymentID *gid.Payment `bun:"payment_id" json:"payment_id"`
	GrantedAt time.Time    `bun:"granted_at" json:"granted_at"`
	ExpiresAt *time.Time   `bun:"expires_at" json:"expires_at"`

	// Taken is how much one ledger line took from the grant, where a query asks for it.
	Taken int64 `bun:"taken,scanonly" json:"-"`
}

// IsNode marks the type as having a global id.
func (*Grant) IsNode() {}

// Tenant is the account that the credits belong to.
func (g *Grant) Tenant() gid.Account { return g.TenantID }

// Type says what kind of movement a ledger line is.
type Type string

// The types beyond those that share the name of a grant's kind.
const (
	Deduction  Type = "deduction"
	Expiration Type = "expiration"
	// Reversal takes back what a refunded payment had granted, DebtPaid what a grant paid of a debt.
	Reversal Type = "reversal"
	DebtPaid Type = "debt"
)

// MarshalGQL writes the enum value.
func (t Type) MarshalGQL(w io.Writer) { enum.Marshal(w, t) }

// UnmarshalGQL reads the enum value.
func (t *Type) UnmarshalGQL(v any) error { return enum.Unmarshal(t, v) }

// Operation is what credits are spent on.
type Operation string

// The operations.
const (
	Clustering            Operation = "clustering"
	IdeaGeneration        Operation = "idea_generation"
	ContentGeneration     Operation = "content_generation"
	ImageGeneration       Operation = "image_generation"
	ImagePromptExtraction Operation = "image_prompt_extraction"
)

// MarshalGQL writes the enum value.
func (o Operation) MarshalGQL(w io.Writer) { enum.Marshal(w, o) }

// UnmarshalGQL reads the enum value.
func (o *Operation) UnmarshalGQL(v any) error { return enum.Unmarshal(o, v) }

// Transaction is one line of the ledger.
type Transaction struct {
	bun.BaseModel `bun:"table:igny8_credit_transactions,alias:line"`

	TenantID     gid.Account           `bun:"tenant_id,pk" json:"tenant_id"`
	ID           gid.CreditTransaction `bun:"id,pk,autoincrement" json:"id"`
	Seq          int64                 `bun:"seq" json:"seq"`
	Type         Type                  `bun:"type" json:"type"`
	Amount       int64                 `bun:"amount" json:"amount"`
	BalanceAfter int64                 `bun:"balance_after" json:"balance_after"`
	Operation    *Operation            `bun:"operation" json:"operation"`
	Quantity     *int64                `bun:"quantity" json:"quantity"`
	// UnitCredits and UnitSize are the price that was charged: credits for each started unit of so many.
	UnitCredits *int64    `bun:"unit_credits" json:"unit_credits"`
	UnitSize    *int64    `bun:"unit_size" json:"unit_size"`
	SiteID      *gid.Site `bun:"site_id" json:"site_id"`
	// RefundsID is the deduction that a refund gives back.
	RefundsID      *gid.CreditTransaction `bun:"refunds_id" json:"refunds_id"`
	Description    string                 `bun:"description" json:"description"`
	Metadata       json.RawMessage        `bun:"metadata,type:jsonb,nullzero,default:'{}'" json:"metadata"`
	ActorKind      audit.ActorKind        `bun:"actor_kind" json:"actor_kind"`
	ActorID        *int64                 `bun:"actor_id" json:"actor_id"`
	IdempotencyKey string                 `bun:"idempotency_key" json:"idempotency_key"`
	CreatedAt      time.Time              `bun:"created_at" json:"created_at"`
}

// IsNode marks the type as having a global id.
func (*Transaction) IsNode() {}

// Tenant is the account whose ledger the line is in.
func (t *Transaction) Tenant() gid.Account { return t.TenantID }

// Actor is who caused the movement.
func (t *Transaction) Actor() *audit.Actor {
	return &audit.Actor{Tenant: t.TenantID, Kind: t.ActorKind, ID: t.ActorID}
}

// part is how much of a line went to or came from one grant.
type part struct {
	bun.BaseModel `bun:"table:igny8_credit_transaction_grants,alias:part"`

	TenantID      gid.Account           `bun:"tenant_id,pk" json:"tenant_id"`
	TransactionID gid.CreditTransaction `bun:"transaction_id,pk" json:"transaction_id"`
	GrantID       gid.Grant             `bun:"grant_id,pk" json:"grant_id"`
	Amount        int64                 `bun:"amount" json:"amount"`
}

// Connection is a page of ledger lines.
type Connection = page.Connection[*Transaction]

// Edge is a ledger line in a page.
type Edge = page.Edge[*Transaction]
