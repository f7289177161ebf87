package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/vault"
)

// Rotate makes the key that takes another's place: same site, name and scopes and, where the old one
// expires, as long a life from now on. The old one goes on working for the overlap (DefaultOverlap where
// nil), but never longer than it would have. The secret is the whole new key; it is given here and never
// again. Faults: NOT_FOUND at apiKeyId; INVALID_STATE there for a key that was revoked, has expired or has
// a successor; INVALID at overlap outside of 0 to MaxOverlap; PLAN_LIMIT_REACHED there with limit and
// used, where MaxLive keys of the site already work beside their successors.
func Rotate(
	ctx context.Context, db bun.IDB, v *vault.Vault, actor account.Actor, now time.Time, id gid.APIKey, overlap *time.Duration,
) (made *account.Key, secret string, err error) {
	beside := DefaultOverlap
	if overlap != nil {
		beside = *overlap
	}
	err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		reach := site.ReachOf(actor)
		old, err := judgeRotation(ctx, tx, reach, now, id, beside)
		if err != nil {
			return err
		}
		key := successor(old, now)
		key.CreatedBy = actor.MemberID()
		if secret, err = insert(ctx, tx, v, key); err != nil {
			return err
		}
		if err := retire(ctx, tx, actor, now, old, key, now.Add(beside)); err != nil {
			return err
		}
		made = key
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return made, secret, nil
}

// judgeRotation gives the key to rotate, locked, or says everything that is wrong with rotating it.
func judgeRotation(
	ctx context.Context, tx bun.Tx, reach site.Reach, now time.Time, id gid.APIKey, overlap time.Duration,
) (*account.Key, error) {
	var faults fault.List
	old, err := lock(ctx, tx, reach, id)
	if err != nil {
		return nil, err
	}
	if old == nil {
		faults.Add(notFound())
	} else if why := whyNot(old.StatusAt(now)); why != "" {
		faults.Add(fault.New(fault.InvalidState, "%s", why).At(keyField))
	}
	if overlap < 0 || overlap > MaxOverlap {
		faults.Add(fault.New(fault.Invalid, "from 0 to %d hours", int(MaxOverlap.Hours())).At(overlapField))
	}
	if err := faults.Err(); err != nil || overlap == 0 {
		return old, err
	}
	used, err := countLive(ctx, tx, reach, now, old.SiteID, true)
	if err != nil {
		return nil, err
	}
	if used >= MaxLive {
		return nil, fault.New(fault.PlanLimitReached, "%d keys of this site work beside their successors; rotate without an overlap", used).
			At(overlapField).With("limit", MaxLive).With("used", used)
	}
	return old, nil
}

// whyNot says why a key of the status cannot be rotated; nothing where it can.
func whyNot(status account.KeyStatus) string {
	switch status {
	case account.KeyRevoked:
		return "this key was revoked; make a new one"
	case account.KeyExpired:
		return "this key has expired; make a new one"
	case account.KeyRetiring:
		return "this key was rotated already; rotate the one that took its place"
	case account.KeyActive:
	}
	return ""
}

// successor is the key that takes another's place, without its secret.
func successor(old *account.Key, now time.Time) *account.Key {
	key := &account.Key{TenantID: old.TenantID, SiteID: old.SiteID, Name: old.Name, Scopes: old.Scopes, CreatedAt: now}
	if old.ExpiresAt != nil {
		expires := now.Add(old.ExpiresAt.Sub(old.CreatedAt))
		// Five years have more days at some times than at others.
		if last := latest(now); expires.After(last) {
			expires = last
		}
		key.ExpiresAt = &expires
	}
	return key
}

// retire says of a rotated key what took its place and until when it works, and records both changes.
func retire(ctx context.Context, tx bun.Tx, actor account.Actor, now time.Time, old, key *account.Key, until time.Time) error {
	before := facts(old)
	if old.ExpiresAt == nil || old.ExpiresAt.After(until) {
		old.ExpiresAt = &until
	}
	old.RotatedTo = &key.ID
	if _, err := tx.NewUpdate().Model(old).Column("expires_at", "rotated_to").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("retire an API key: %w", err)
	}
	after, made := facts(old), facts(key)
	after["rotatedTo"], made["rotatedFrom"] = gid.Format(key.ID), gid.Format(old.ID)
	by := actor.By(old.TenantID)
	if err := audit.Record(ctx, tx, old.TenantID, by, now, audit.On("api_key.created", subject, key.ID).To(made)); err != nil {
		return err
	}
	return audit.Record(ctx, tx, old.TenantID, by, now, audit.On("api_key.rotated", subject, old.ID).From(before).To(after))
}

func notFound() *fault.Error {
	return fault.New(fault.NotFound, "there is no such API key").At(keyField)
}
