package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/vault"
)

const (
	// usePatience is how long a request waits while the use of its key is written.
	usePatience = 250 * time.Millisecond
	// useQuiet is for how long no use is written after one could not be: a database that cannot write
	// must not cost each request its patience.
	useQuiet = 10 * time.Second
	// maxPlaces is how many places of keys are remembered.
	maxPlaces = 10_000
)

// siteKeys recognises the API keys of sites.
type siteKeys struct {
	vault *vault.Vault
	// quietUntil is until when no use is written, in microseconds since 1970.
	quietUntil atomic.Int64

	mu sync.Mutex
	// places are where keys that were good once are, by their entry in the directory. A key never moves to
	// another account, and what has become of it is read at its place each time, so a place holds for
	// ever. To look it up each time costs more than a statement: the connection's scope changes twice.
	places map[string]place
}

// place is where a key is.
type place struct {
	tenant gid.Account
	id     gid.APIKey
}

func newSiteKeys(v *vault.Vault) *siteKeys { return &siteKeys{vault: v, places: map[string]place{}} }

// recall gives a place that is remembered.
func (k *siteKeys) recall(lookup string) (place, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.places[lookup]
	return at, ok
}

// remember keeps the place of a key that was good, which guesses are not, so that only keys take room.
func (k *siteKeys) remember(lookup string, at place) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.places[lookup]; !known && len(k.places) >= maxPlaces {
		clear(k.places)
	}
	k.places[lookup] = at
}

// keyDirectory finds the account of a key. It is no account's own, so no scope is needed to read it.
const keyDirectory = `SELECT tenant_id, key_id FROM igny8_api_key_directory WHERE lookup = ANY ($1) LIMIT 1`

// keyPrincipal reads, in one statement, everything that decides about a request that is made with a key,
// as principal does for people.
const keyPrincipal = `
SELECT k.tenant_id, k.id, k.site_id, k.name, k.public_id, k.hash, k.hash_key_id, k.scopes, k.is_legacy,
       k.created_by, k.created_at, k.expires_at, k.last_used_at, k.rotated_to,
       ` + accountColumns + `,
       ` + planColumns + `
FROM igny8_site_api_keys k
JOIN igny8_sites s ON s.tenant_id = k.tenant_id AND s.id = k.site_id
JOIN igny8_tenants a ON a.id = k.tenant_id
JOIN igny8_plans p ON p.id = a.plan_id
WHERE k.tenant_id = $1 AND k.id = $2
  AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)
  AND s.deleted_at IS NULL AND a.deleted_at IS NULL`

// whose reads whom a key belongs to, as the database knows it now; nobody where the text is no key, or the
// key is not good now, or its site or account is deleted.
func (a *Authority) whose(ctx context.Context, text string, now time.Time) (account.Actor, error) {
	if a.keys.vault == nil {
		return account.Actor{}, nil
	}
	presented, ok := apikey.Read(text)
	if !ok {
		return account.Actor{}, nil
	}
	lookups, err := presented.Lookups(a.keys.vault)
	if err != nil {
		return account.Actor{}, fmt.Errorf("find an API key: %w", err)
	}
	at, known := a.keys.recall(lookups[0])
	if !known {
		if at, err = a.findKey(ctx, lookups); err != nil || at.id == 0 {
			return account.Actor{}, err
		}
	}
	ctx = postgres.WithTenant(ctx, int64(at.tenant))
	actor, err := a.readKey(ctx, at, now)
	if err != nil || actor.Key == nil {
		return account.Actor{}, err
	}
	fits, err := presented.Fits(a.keys.vault, actor.Key)
	if err != nil {
		// The fault is the configuration's, and the operator's to mend; to the client it is a key that is
		// not good.
		a.log.WarnContext(ctx, "an API key cannot be judged", slog.Any("error", err))
	}
	if !fits {
		return account.Actor{}, nil
	}
	if !known {
		a.keys.remember(lookups[0], at)
	}
	a.noteUse(ctx, now, actor.Key, presented)
	// Nobody needs it from here on.
	actor.Key.Hash, actor.Key.HashKeyID = nil, ""
	return actor, nil
}

// findKey finds a key's place in the directory; zeros where it is not there.
func (a *Authority) findKey(ctx context.Context, lookups []string) (place, error) {
	var at place
	err := a.db.Pool.QueryRow(ctx, keyDirectory, pgx.QueryExecModeCacheStatement, lookups).Scan(&at.tenant, &at.id)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return place{}, fmt.Errorf("find an API key: %w", err)
	}
	return at, nil
}

// readKey reads a key that is good now, with its account and plan; nobody where there is none.
func (a *Authority) readKey(ctx context.Context, at place, now time.Time) (account.Actor, error) {
	k, t, p := &account.Key{}, &account.Account{}, &plan.Plan{}
	into := slices.Concat([]any{
		&k.TenantID, &k.ID, &k.SiteID, &k.Name, &k.PublicID, &k.Hash, &k.HashKeyID, &k.Scopes, &k.Legacy,
		&k.CreatedBy, &k.CreatedAt, &k.ExpiresAt, &k.LastUsedAt, &k.RotatedTo,
	}, accountTargets(t), planTargets(p))
	row := a.db.Pool.QueryRow(ctx, keyPrincipal, pgx.QueryExecModeCacheStatement, at.tenant, at.id, now)
	err := row.Scan(into...)
	if errors.Is(err, pgx.ErrNoRows) {
		return account.Actor{}, nil
	}
	if err != nil {
		return account.Actor{}, fmt.Errorf("read whose an API key is: %w", err)
	}
	return account.Actor{Key: k, Account: t, Plan: p}, nil
}

// noteUse writes that the key is used. A request is not refused because that fails, and does not wait for
// it longer than usePatience.
func (a *Authority) noteUse(ctx context.Context, now time.Time, key *account.Key, with apikey.Presented) {
	if now.UnixMicro() < a.keys.quietUntil.Load() {
		return
	}
	patience, cancel := context.WithTimeout(ctx, usePatience)
	defer cancel()
	err := apikey.Used(patience, a.db, a.keys.vault, now, key, with)
	// A client that goes away says nothing about the database.
	if err != nil && ctx.Err() == nil {
		a.keys.quietUntil.Store(now.Add(useQuiet).UnixMicro())
		a.log.WarnContext(ctx, "the use of an API key was not written", slog.Any("error", err))
	}
}
