package account

import (
	"io"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// KeyPrefix starts every key that this service made; a key that was carried over starts otherwise.
const KeyPrefix = "igny8_live_"

// Key is a site's API key, a principal of its own: it acts for one site, in the role of automation,
// and never as one of the account's people. The secret itself is kept nowhere.
type Key struct {
	bun.BaseModel `bun:"table:igny8_site_api_keys,alias:key_"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	ID       gid.APIKey  `bun:"id,pk,autoincrement"`
	SiteID   gid.Site    `bun:"site_id"`
	Name     string      `bun:"name"`
	// PublicID is the part of the key that may be shown; see Prefix.
	PublicID string `bun:"public_id"`
	// Hash is the keyed hash of the whole key, and HashKeyID says under which key of the vault. Both
	// stay in the database: no read of keys for people gives them.
	Hash      []byte  `bun:"hash"`
	HashKeyID string  `bun:"hash_key_id"`
	Scopes    []Scope `bun:"scopes,array"`
	// Legacy marks a key that was carried over from the system before this one.
	Legacy     bool       `bun:"is_legacy"`
	CreatedBy  *gid.User  `bun:"created_by"`
	CreatedAt  time.Time  `bun:"created_at"`
	ExpiresAt  *time.Time `bun:"expires_at"`
	LastUsedAt *time.Time `bun:"last_used_at"`
	RevokedAt  *time.Time `bun:"revoked_at"`
	RevokedBy  *gid.User  `bun:"revoked_by"`
	// RotatedTo is the key that takes this one's place.
	RotatedTo *gid.APIKey `bun:"rotated_to"`
}

// IsNode marks the type as having a global id.
func (*Key) IsNode() {}

// Tenant is the account that the key belongs to.
func (k *Key) Tenant() gid.Account { return k.TenantID }

// Has says whether the key may do what the scope names; every key has AnyScope.
func (k *Key) Has(scope Scope) bool { return scope == AnyScope || slices.Contains(k.Scopes, scope) }

// Prefix is how the key begins, by which people tell keys apart; nil for one that was carried over, of
// which no part may be shown.
func (k *Key) Prefix() *string {
	if k.Legacy {
		return nil
	}
	prefix := KeyPrefix + k.PublicID
	return &prefix
}

// StatusAt is where the key stands at a time.
func (k *Key) StatusAt(now time.Time) KeyStatus {
	switch {
	case k.RevokedAt != nil:
		return KeyRevoked
	case k.ExpiresAt != nil && !k.ExpiresAt.After(now):
		return KeyExpired
	case k.RotatedTo != nil:
		return KeyRetiring
	default:
		return KeyActive
	}
}

// KeyStatus is where a key stands. It is derived, never stored.
type KeyStatus string

// The statuses. A retiring key has a successor and works, as an active one does, until it expires.
const (
	KeyActive   KeyStatus = "active"
	KeyRetiring KeyStatus = "retiring"
	KeyExpired  KeyStatus = "expired"
	KeyRevoked  KeyStatus = "revoked"
)

// MarshalGQL writes the enum value.
func (s KeyStatus) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *KeyStatus) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// KeyConnection is a page of keys.
type KeyConnection = page.Connection[*Key]

// KeyEdge is a key in a page.
type KeyEdge = page.Edge[*Key]

// Scope is what an API key may do.
type Scope string

// The scopes, and what a door is marked with that asks for none in particular.
const (
	AnyScope  Scope = "any"
	SitesRead Scope = "sites_read"
	Credits   Scope = "credits"
	Sync      Scope = "sync"
)

// Grantable says whether a key can be given the scope: it is one of the real ones.
func (s Scope) Grantable() bool { return s == SitesRead || s == Credits || s == Sync }

// MarshalGQL writes the enum value.
func (s Scope) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *Scope) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }
