package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/vault"
)

// usePrecision is how exactly the last use of a key is kept, which bounds the writes.
const usePrecision = time.Minute

// touched is the row of a key whose last use has to be written. A row that somebody holds is passed over:
// no request waits for another's, and one who holds it is writing the same or ending the key. What was
// read of it is compared, so that a use that comes late undoes nothing.
const touched = `
	UPDATE igny8_site_api_keys SET last_used_at = ?now, hash = ?hash, hash_key_id = ?hash_key_id
	WHERE tenant_id = ?tenant AND id IN (
		SELECT id FROM igny8_site_api_keys
		WHERE tenant_id = ?tenant AND id = ?id AND hash = ?old_hash AND revoked_at IS NULL
		  AND (last_used_at IS NULL OR last_used_at <= ?due)
		FOR NO KEY UPDATE SKIP LOCKED)`

// moved is touched for a key that was carried over and is found by its hash: its entry in the directory
// goes where the new hash is.
const moved = `
	WITH key AS (` + touched + ` RETURNING tenant_id, id),
	gone AS (DELETE FROM igny8_api_key_directory AS entry USING key
		WHERE entry.lookup = ?old_lookup AND entry.tenant_id = key.tenant_id AND entry.key_id = key.id)
	INSERT INTO igny8_api_key_directory (lookup, tenant_id, key_id) SELECT ?lookup, tenant_id, id FROM key`

// Used writes that a key was used, at most once a minute; the key must have its hash. What is kept under
// an older key of the vault goes under the one that seals now, so that keys which are in use let older ones
// be retired. It never waits for a lock. Its failure is no reason to refuse the request that uses the key.
func Used(ctx context.Context, db bun.IDB, v *vault.Vault, now time.Time, key *account.Key, with Presented) error {
	due := now.Add(-usePrecision)
	if key.LastUsedAt != nil && key.LastUsedAt.After(due) {
		return nil
	}
	hash, hashKeyID := v.Hash(purpose, with.text)
	args := struct {
		Tenant, ID        int64
		Now, Due          time.Time
		OldHash, Hash     []byte
		HashKeyID         string
		OldLookup, Lookup string
	}{
		Tenant: int64(key.TenantID), ID: int64(key.ID), Now: now, Due: due,
		OldHash: key.Hash, Hash: hash, HashKeyID: hashKeyID, OldLookup: lookupOf(key.Hash), Lookup: lookupOf(hash),
	}
	statement := touched
	if key.Legacy && hashKeyID != key.HashKeyID {
		statement = moved
	}
	if _, err := db.NewRaw(statement, args).Exec(ctx); err != nil {
		return fmt.Errorf("write the use of an API key: %w", err)
	}
	return nil
}
