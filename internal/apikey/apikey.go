// Package apikey owns the API keys of sites: what a key looks like, how one is made, rotated, revoked,
// carried over from the system before this one, and recognised.
//
// What must always hold:
//
//   - A key is shown once, when it is made. What is kept is its keyed hash, and nothing that is written,
//     logged or returned later holds it.
//   - A key belongs to one site of one account. Whoever does not reach the site does not find its keys.
//   - A key that was revoked or has expired never works again, and expiry is never put off.
//   - A key has one successor at most, however many ask for one at once.
//   - A site has at most MaxLive keys that work and have no successor, and as many that work until their
//     time is over because they have one.
//   - What is no key of ours by its form is refused without asking the database.
package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/vault"
)

// Bounds of keys.
const (
	// MaxLive is how many keys of a site work at once, those with a successor not counted.
	MaxLive = 20
	// MaxName is the length of a name in characters.
	MaxName = 100
	// MaxYears is how far in the future a key may expire.
	MaxYears = 5
	// DefaultOverlap is how long a rotated key works beside its successor, unless said otherwise.
	DefaultOverlap = 24 * time.Hour
	// MaxOverlap is the longest time that can be said.
	MaxOverlap = 7 * 24 * time.Hour
)

// The fields of inputs that faults point at.
const (
	siteField    = "siteId"
	keyField     = "apiKeyId"
	nameField    = "name"
	scopesField  = "scopes"
	expiresField = "expiresAt"
	overlapField = "overlap"
)

// purpose is what the vault's keyed hashes of keys are for.
const purpose = "api key"

// subject is what audit events of keys are about.
const subject = "api_key"

// entry is a row of the directory, by which a request that has no account yet finds the key's.
type entry struct {
	bun.BaseModel `bun:"table:igny8_api_key_directory,alias:entry"`

	Lookup   string      `bun:"lookup,pk"`
	TenantID gid.Account `bun:"tenant_id"`
	KeyID    gid.APIKey  `bun:"key_id"`
}

// insert gives the key a new secret, and writes the key and its entry in the directory.
func insert(ctx context.Context, tx bun.Tx, v *vault.Vault, key *account.Key) (secret string, err error) {
	key.PublicID, secret = generate()
	key.Hash, key.HashKeyID = v.Hash(purpose, secret)
	if _, err := tx.NewInsert().Model(key).Exec(ctx); err != nil {
		return "", fmt.Errorf("insert an API key: %w", err)
	}
	found := &entry{Lookup: key.PublicID, TenantID: key.TenantID, KeyID: key.ID}
	if _, err := tx.NewInsert().Model(found).Exec(ctx); err != nil {
		return "", fmt.Errorf("enter an API key in the directory: %w", err)
	}
	// Whoever has the row has no use for it.
	key.Hash, key.HashKeyID = nil, ""
	return secret, nil
}

// facts are what the audit log keeps of a key.
func facts(key *account.Key) map[string]any {
	facts := map[string]any{
		nameField: key.Name, scopesField: key.Scopes, siteField: gid.Format(key.SiteID), expiresField: timeFact(key.ExpiresAt),
	}
	if key.Legacy {
		facts["legacy"] = true
	}
	return facts
}

// timeFact is a time as the audit log keeps it; null for none.
func timeFact(at *time.Time) any {
	if at == nil {
		return nil
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// inAccount runs fn in a transaction within the scope of an account, for callers who act for none.
func inAccount(ctx context.Context, db bun.IDB, tenant gid.Account, fn func(ctx context.Context, tx bun.Tx) error) error {
	return postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, fn)
}
