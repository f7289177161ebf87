// Package account owns accounts and their people, who is acting in a request, and the gate that
// every request for an account passes.
//
// An account is the tenant that everything else hangs on. What must always hold: a user belongs to
// one account and one role; an account keeps an owner, and the owner that it names is one; nobody gives
// a role above their own or changes somebody above them, and an account has no more people than its plan
// allows, however many try at once; status moves only along the table in status.go; the gate judges by
// what the database says now, never by what a token said when it was issued.
package account

import (
	"encoding/json"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// Account is a customer.
type Account struct {
	bun.BaseModel `bun:"table:igny8_tenants,alias:account"`

	ID               gid.Account     `bun:"id,pk"`
	Name             string          `bun:"name"`
	Slug             string          `bun:"slug"`
	PlanID           gid.Plan        `bun:"plan_id"`
	OwnerID          *gid.User       `bun:"owner_id"`
	Status           Status          `bun:"status"`
	StatusReason     string          `bun:"status_reason"`
	System           bool            `bun:"is_system"`
	BillingEmail     *string         `bun:"billing_email"`
	BillingAddress   json.RawMessage `bun:"billing_address,type:jsonb,nullzero,default:'{}'"`
	StripeCustomerID *string         `bun:"stripe_customer_id"`
	// TaxRate is in hundredths of a percent, nil for no tax. TaxID is the account's at its tax office.
	TaxRate               *int       `bun:"tax_rate"`
	TaxID                 *string    `bun:"tax_id"`
	DeletionRetentionDays int        `bun:"deletion_retention_days,nullzero,default:14"`
	CreatedAt             time.Time  `bun:"created_at"`
	UpdatedAt             time.Time  `bun:"updated_at"`
	DeletedAt             *time.Time `bun:"deleted_at"`
	DeletedBy             *gid.User  `bun:"deleted_by"`
	RestoreUntil          *time.Time `bun:"restore_until"`
	// ClockAt is where the test clock of a sandbox account stands; nil for an account that lives by the real time.
	ClockAt *time.Time `bun:"clock_at"`
}

// IsNode marks the type as having a global id.
func (*Account) IsNode() {}

// Tenant is the account itself.
func (a *Account) Tenant() gid.Account { return a.ID }

// User is a person.
type User struct {
	bun.BaseModel `bun:"table:igny8_users,alias:user_"`

	TenantID        gid.Account `bun:"tenant_id,pk"`
	ID              gid.User    `bun:"id,pk,autoincrement"`
	Email           string      `bun:"email"`
	Name            string      `bun:"name"`
	Role            Role        `bun:"role"`
	PasswordHash    *string     `bun:"password_hash"`
	EmailVerifiedAt *time.Time  `bun:"email_verified_at"`
	LastLoginAt     *time.Time  `bun:"last_login_at"`
	CreatedAt       time.Time   `bun:"created_at"`
	UpdatedAt       time.Time   `bun:"updated_at"`
	DeletedAt       *time.Time  `bun:"deleted_at"`
	DeletedBy       *gid.User   `bun:"deleted_by"`
	RestoreUntil    *time.Time  `bun:"restore_until"`
}

// IsNode marks the type as having a global id.
func (*User) IsNode() {}

// Tenant is the account that the person belongs to.
func (u *User) Tenant() gid.Account { return u.TenantID }

// Limit is how much of something is allowed and used.
type Limit struct {
	// Limit is nil where there is none.
	Limit *int
	Used  int
}

// Limits are what an account's plan allows, and what is used of it.
type Limits struct {
	Sites, Users *Limit
}

// UserConnection is a page of people.
type UserConnection = page.Connection[*User]

// UserEdge is a person in a page.
type UserEdge = page.Edge[*User]

// Role is what a person may do.
type Role string

// The roles. The first four are ordered, least powerful first.
const (
	Viewer    Role = "viewer"
	Editor    Role = "editor"
	Admin     Role = "admin"
	Owner     Role = "owner"
	Developer Role = "developer"
	SystemBot Role = "system_bot"
)

// MarshalGQL writes the enum value.
func (r Role) MarshalGQL(w io.Writer) { enum.Marshal(w, r) }

// UnmarshalGQL reads the enum value.
func (r *Role) UnmarshalGQL(v any) error { return enum.Unmarshal(r, v) }

var ranks = map[Role]int{Viewer: 1, Editor: 2, Admin: 3, Owner: 4}

// Reaches says whether the role may enter a door that asks for min. It is the one policy of roles.
//
// A developer's own account is the system account, where there is nobody else to be its owner, so
// a developer ranks as its owner there; what belongs to other accounts stays shut by tenancy, not by
// role. Only a developer passes a door for developers. Automation passes no door that asks for a
// person.
func (r Role) Reaches(minimum Role) bool {
	switch {
	case minimum == Developer || minimum == SystemBot:
		return r == minimum
	case r == Developer:
		return true
	default:
		return ranks[r] > 0 && ranks[minimum] > 0 && ranks[r] >= ranks[minimum]
	}
}

// AllSites says whether the role reaches every site of its account; the others reach the sites
// granted to them.
func (r Role) AllSites() bool { return r.Reaches(Admin) }
