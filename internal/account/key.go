package account

import (
	"io"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
)

// Key is a site's API key, a principal of its own: it acts for one site, in the role of automation,
// and never as one of the account's people. The secret itself is kept nowhere.
type Key struct {
	bun.BaseModel `bun:"table:igny8_site_api_keys,alias:key_"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	ID       gid.APIKey  `bun:"id,pk,autoincrement"`
	SiteID   gid.Site    `bun:"site_id"`
	Name     string      `bun:"name"`
	// PublicID is the part of the key that may be shown.
	PublicID   string      `bun:"public_id"`
	Hash       []byte      `bun:"hash"`
	HashKeyID  string      `bun:"hash_key_id"`
	Scopes     []Scope     `bun:"scopes,array"`
	Legacy     bool        `bun:"is_legacy"`
	CreatedBy  *gid.User   `bun:"created_by"`
	CreatedAt  time.Time   `bun:"created_at"`
	ExpiresAt  *time.Time  `bun:"expires_at"`
	LastUsedAt *time.Time  `bun:"last_used_at"`
	RevokedAt  *time.Time  `bun:"revoked_at"`
	RevokedBy  *gid.User   `bun:"revoked_by"`
	RotatedTo  *gid.APIKey `bun:"rotated_to"`
}

// IsNode marks the type as having a global id.
func (*Key) IsNode() {}

// Tenant is the account that the key belongs to.
func (k *Key) Tenant() gid.Account { return k.TenantID }

// Has says whether the key may do what the scope names; every key has AnyScope.
func (k *Key) Has(scope Scope) bool { return scope == AnyScope || slices.Contains(k.Scopes, scope) }

// Scope is what an API key may do.
type Scope string

// The scopes, and what a door is marked with that asks for none in particular.
const (
	AnyScope  Scope = "any"
	SitesRead Scope = "sites_read"
	Credits   Scope = "credits"
	Sync      Scope = "sync"
)

// MarshalGQL writes the enum value.
func (s Scope) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *Scope) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Impersonation is a time in which a member of staff acts for an account, with a reason that the
// account's people can read.
type Impersonation struct {
	bun.BaseModel `bun:"table:igny8_impersonations,alias:impersonation"`

	TenantID    gid.Account       `bun:"tenant_id,pk"`
	ID          gid.Impersonation `bun:"id,pk,autoincrement"`
	StaffTenant gid.Account       `bun:"staff_tenant"`
	StaffID     gid.User          `bun:"staff_id"`
	SessionID   gid.Session       `bun:"session_id"`
	Reason      string            `bun:"reason"`
	CreatedAt   time.Time         `bun:"created_at"`
	ExpiresAt   time.Time         `bun:"expires_at"`
	EndedAt     *time.Time        `bun:"ended_at"`
}

// IsNode marks the type as having a global id.
func (*Impersonation) IsNode() {}

// Tenant is the account that staff act for.
func (i *Impersonation) Tenant() gid.Account { return i.TenantID }
