package apikey

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/vault"
)

// NewKey is a key as whoever asks for it describes it.
type NewKey struct {
	SiteID gid.Site
	Name   string
	// Scopes are what the key may do: one at least, each once.
	Scopes []account.Scope
	// ExpiresAt is when the key stops working; nil for never.
	ExpiresAt *time.Time
}

// Create makes a key for a site that the actor reaches. The secret is the whole key; it is given here and
// never again. Faults: NOT_FOUND at siteId, and PLAN_LIMIT_REACHED there with limit and used, at MaxLive;
// REQUIRED, TOO_LONG, INVALID at name; INVALID at scopes; INVALID at expiresAt for a time that is over or
// more than MaxYears away. All that are found are told at once.
func Create(
	ctx context.Context, db bun.IDB, v *vault.Vault, actor account.Actor, now time.Time, in NewKey,
) (made *account.Key, secret string, err error) {
	err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		reach := site.ReachOf(actor)
		key, err := in.judge(ctx, tx, reach, now)
		if err != nil {
			return err
		}
		key.CreatedBy, key.CreatedAt = actor.MemberID(), now
		if secret, err = insert(ctx, tx, v, key); err != nil {
			return err
		}
		made = key
		return audit.Record(ctx, tx, reach.Tenant, actor.By(reach.Tenant), now,
			audit.On("api_key.created", subject, key.ID).To(facts(key)))
	})
	if err != nil {
		return nil, "", err
	}
	return made, secret, nil
}

// judge makes the key, or says everything that is wrong with it. The account must be locked: the site and
// the count of its keys must not change before the key is written.
func (in NewKey) judge(ctx context.Context, tx bun.Tx, reach site.Reach, now time.Time) (*account.Key, error) {
	var faults fault.List
	f, err := checkSite(ctx, tx, reach, now, in.SiteID)
	if err != nil {
		return nil, err
	}
	faults.Add(f)
	name, f := cleanName(in.Name)
	faults.Add(f)
	faults.Add(checkScopes(in.Scopes))
	expires, f := cleanExpiry(in.ExpiresAt, now)
	faults.Add(f)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return &account.Key{
		TenantID: reach.Tenant, SiteID: in.SiteID, Name: name, Scopes: slices.Clone(in.Scopes), ExpiresAt: expires,
	}, nil
}

// checkSite judges whether the site is there and has room for one more key.
func checkSite(ctx context.Context, tx bun.Tx, reach site.Reach, now time.Time, id gid.Site) (*fault.Error, error) {
	sites, err := site.ByIDs(ctx, tx, reach, []gid.Site{id})
	if err != nil {
		return nil, err
	}
	if len(sites) == 0 {
		return fault.New(fault.NotFound, "there is no such site").At(siteField), nil
	}
	used, err := countLive(ctx, tx, reach, now, id, false)
	if err != nil || used < MaxLive {
		return nil, err
	}
	return fault.New(fault.PlanLimitReached, "a site has at most %d keys that work; revoke one that is not needed", MaxLive).
		At(siteField).With("limit", MaxLive).With("used", used), nil
}

func cleanName(text string) (string, *fault.Error) {
	text = strings.TrimSpace(text)
	if f := fault.CheckText(text, nameField, MaxName); f != nil {
		return "", f
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", fault.New(fault.Invalid, "a name is one line of text").At(nameField)
	}
	return text, nil
}

func checkScopes(scopes []account.Scope) *fault.Error {
	if len(scopes) == 0 {
		return fault.New(fault.Invalid, "a key without a scope opens nothing; name one at least").At(scopesField)
	}
	for i, scope := range scopes {
		if !scope.Grantable() {
			return fault.New(fault.Invalid, "this scope cannot be given to a key; name those that it needs").At(scopesField)
		}
		if slices.Contains(scopes[:i], scope) {
			return fault.New(fault.Invalid, "name each scope once").At(scopesField)
		}
	}
	return nil
}

// cleanExpiry judges when a key is to expire, and gives the time as the database keeps it.
func cleanExpiry(at *time.Time, now time.Time) (*time.Time, *fault.Error) {
	if at == nil {
		return nil, nil
	}
	expires := at.UTC().Truncate(time.Microsecond)
	switch {
	case !expires.After(now):
		return nil, fault.New(fault.Invalid, "this time is over already").At(expiresField)
	case expires.After(latest(now)):
		return nil, fault.New(fault.Invalid, "a key works for at most %d years; leave this out for one that does not expire", MaxYears).At(expiresField)
	}
	return &expires, nil
}

// latest is the last time at which a key that is made now may expire.
func latest(now time.Time) time.Time { return now.AddDate(MaxYears, 0, 0) }
