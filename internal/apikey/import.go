package apikey

import (
	"context"
	"fmt"
	"slices"
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

// ImportedName is the name of keys that were carried over.
const ImportedName = "WordPress (carried over)"

// directoryKey is the directory's primary key.
const directoryKey = "igny8_api_key_directory_pkey"

// The columns of an import, which faults point at.
const (
	tenantColumn = "tenant"
	siteColumn   = "site"
	keyColumn    = "key"
)

// Import carries a key of the system before this one over: it works as it is, with every scope, until it is
// rotated or revoked. To carry the same key over to the same site again changes nothing, be it revoked by
// now. Faults: INVALID at key for a text under 16 or over 128 characters, with others than printable ASCII,
// or that begins as the keys of this service do; TAKEN there for another site's; NOT_FOUND at site and, for
// the account, at tenant.
func Import(
	ctx context.Context, db bun.IDB, v *vault.Vault, now time.Time, tenant gid.Account, to gid.Site, value string,
) (*account.Key, error) {
	var carried *account.Key
	err := inAccount(ctx, db, tenant, func(ctx context.Context, tx bun.Tx) error {
		c, err := newCarrier(ctx, tx, v, now, tenant, siteRefs{ids: []gid.Site{to}}, []string{value}, map[string]*account.Key{})
		if err != nil {
			return err
		}
		key, f := c.judge(siteRef{id: to}, value)
		if f != nil {
			return f
		}
		carried = key
		return c.write(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	carried.Hash, carried.HashKeyID = nil, ""
	return carried, nil
}

// siteRef names a site by its id or, where that is 0, by its slug.
type siteRef struct {
	id   gid.Site
	slug string
}

type siteRefs struct {
	ids   []gid.Site
	slugs []string
}

// carrier carries keys over to the sites of one account.
type carrier struct {
	tenant gid.Account
	vault  *vault.Vault
	now    time.Time
	sites  []*site.Site
	// taken are the entries of the directory that the keys would take, by lookup; keys are those of them
	// that are the account's own.
	taken map[string]entry
	keys  map[gid.APIKey]*account.Key
	// fresh are the keys to write.
	fresh []*account.Key
	// seen are the keys that are new in this import, other accounts' too, by lookup.
	seen map[string]*account.Key
}

// newCarrier locks the account and reads at once what the values are judged by. The transaction must be in
// the account's scope. Faults: NOT_FOUND at tenant.
func newCarrier(
	ctx context.Context, tx bun.Tx, v *vault.Vault, now time.Time, tenant gid.Account, refs siteRefs, values []string,
	seen map[string]*account.Key,
) (*carrier, error) {
	c := &carrier{
		tenant: tenant, vault: v, now: now,
		taken: map[string]entry{}, keys: map[gid.APIKey]*account.Key{}, seen: seen,
	}
	if _, err := account.Lock(ctx, tx, tenant); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil, fault.New(fault.NotFound, "there is no such account").At(tenantColumn)
		}
		return nil, err
	}
	err := tx.NewSelect().Model(&c.sites).Where("site.tenant_id = ?", tenant).Where("site.deleted_at IS NULL").
		Where("(site.id IN (?) OR site.slug IN (?))", bun.List(refs.ids), bun.List(refs.slugs)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sites: %w", err)
	}
	lookups := []string{}
	for _, value := range values {
		found, err := Presented{text: value}.Lookups(v)
		if err != nil {
			return nil, err
		}
		lookups = append(lookups, found...)
	}
	if err := c.readTaken(ctx, tx, lookups); err != nil {
		return nil, err
	}
	return c, nil
}

// readTaken reads who has the entries already.
func (c *carrier) readTaken(ctx context.Context, tx bun.Tx, lookups []string) error {
	entries := []*entry{}
	if err := tx.NewSelect().Model(&entries).Where("entry.lookup IN (?)", bun.List(lookups)).Scan(ctx); err != nil {
		return fmt.Errorf("read the directory of API keys: %w", err)
	}
	own := []gid.APIKey{}
	for _, e := range entries {
		c.taken[e.Lookup] = *e
		if e.TenantID == c.tenant {
			own = append(own, e.KeyID)
		}
	}
	keys, err := ByIDs(ctx, tx, site.Reach{Tenant: c.tenant, All: true}, own)
	if err != nil {
		return err
	}
	for _, key := range keys {
		c.keys[key.ID] = key
	}
	return nil
}

// judge gives the key that the value is or becomes, or says what is wrong.
func (c *carrier) judge(to siteRef, value string) (*account.Key, *fault.Error) {
	presented, ok := Read(value)
	if !ok || presented.publicID != "" {
		return nil, fault.New(fault.Invalid, "a key that is carried over has %d to %d characters of printable ASCII and does not begin with %s",
			minLegacy, maxLegacy, account.KeyPrefix).At(keyColumn)
	}
	i := slices.IndexFunc(c.sites, func(s *site.Site) bool {
		return to.id != 0 && s.ID == to.id || to.id == 0 && s.Slug == to.slug
	})
	if i < 0 {
		return nil, fault.New(fault.NotFound, "there is no such site in this account").At(siteColumn)
	}
	id := c.sites[i].ID
	key, taken := c.holder(presented)
	switch {
	case key != nil && key.SiteID == id:
		return key, nil
	case taken:
		return nil, fault.New(fault.Taken, "another site has this key; give one of them a new key").At(keyColumn)
	}
	key = &account.Key{
		TenantID: c.tenant, SiteID: id, Name: ImportedName, PublicID: random(publicSize), Legacy: true, CreatedAt: c.now,
		Scopes: []account.Scope{account.SitesRead, account.Credits, account.Sync},
	}
	key.Hash, key.HashKeyID = c.vault.Hash(purpose, value)
	c.fresh = append(c.fresh, key)
	c.seen[lookupOf(key.Hash)] = key
	return key, nil
}

// holder says whether somebody has the key already, and gives it if it is one of the account's.
func (c *carrier) holder(presented Presented) (key *account.Key, taken bool) {
	lookups, err := presented.Lookups(c.vault)
	if err != nil { // cannot happen: the vault hashes under the ids that it names
		return nil, true
	}
	for _, lookup := range lookups {
		if key := c.seen[lookup]; key != nil {
			if key.TenantID != c.tenant {
				return nil, true
			}
			return key, true
		}
		if e, there := c.taken[lookup]; there {
			return c.keys[e.KeyID], true
		}
	}
	return nil, false
}

// write writes the keys that are new, with their entries and events. Faults: TAKEN at key where another
// import was faster.
func (c *carrier) write(ctx context.Context, tx bun.Tx) error {
	if len(c.fresh) == 0 {
		return nil
	}
	if _, err := tx.NewInsert().Model(&c.fresh).Exec(ctx); err != nil {
		return fmt.Errorf("insert API keys: %w", err)
	}
	entries := make([]*entry, len(c.fresh))
	for i, key := range c.fresh {
		entries[i] = &entry{Lookup: lookupOf(key.Hash), TenantID: key.TenantID, KeyID: key.ID}
	}
	_, err := tx.NewInsert().Model(&entries).Exec(ctx)
	if postgres.Violates(err, directoryKey) {
		return fault.New(fault.Taken, "another import carries this key over at the moment").At(keyColumn)
	}
	if err != nil {
		return fmt.Errorf("enter API keys in the directory: %w", err)
	}
	for _, key := range c.fresh {
		created := audit.On("api_key.created", subject, key.ID).To(facts(key))
		if err := audit.Record(ctx, tx, c.tenant, audit.By{Kind: audit.System}, c.now, created); err != nil {
			return err
		}
	}
	return nil
}
