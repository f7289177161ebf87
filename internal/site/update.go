package site

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Changes are what to change of a site. Of its fields only Industry may be null: for none.
type Changes struct {
	SiteID   gid.Site
	Name     change.Field[string]
	Domain   change.Field[string]
	Slug     change.Field[string]
	Industry change.Field[gid.Industry]
	Active   change.Field[bool]
}

// Update changes a site that the actor reaches. What is said to be as it is already is no change,
// and an update without a change writes nothing. Faults: NOT_FOUND at siteId; REQUIRED, TOO_LONG,
// INVALID at name, domain and slug; TAKEN at slug; NOT_FOUND, INVALID and, while the site has
// sectors, INVALID_STATE at industryId; REQUIRED and, for a suspended site, INVALID_STATE at active.
func Update(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in Changes) (*Site, error) {
	var updated *Site
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		reach := ReachOf(actor)
		before, err := lockSite(ctx, tx, reach, in.SiteID)
		if err != nil {
			return err
		}
		if updated, err = in.judge(ctx, tx, reach, before); err != nil {
			return err
		}
		columns, from, to := before.diff(updated)
		if len(columns) == 0 {
			return nil
		}
		updated.UpdatedAt = now
		if _, err := tx.NewUpdate().Model(updated).Column(append(columns, "updated_at")...).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update site: %w", err)
		}
		return audit.Record(ctx, tx, reach.Tenant, actor.By(reach.Tenant), now,
			audit.On("site.updated", "site", updated.ID).From(from).To(to))
	})
	if postgres.Violates(err, slugKey) {
		return nil, slugTaken()
	}
	if err != nil {
		return nil, err
	}
	return updated, nil
}

// lockSite reads a site within reach and holds its row until the transaction ends. The account must
// be locked. The lock lets rows that refer to the site be written. Fault: NOT_FOUND at siteId.
func lockSite(ctx context.Context, tx bun.Tx, reach Reach, id gid.Site) (*Site, error) {
	sites := []*Site{}
	if err := scoped(tx, reach, &sites).Where("site.id = ?", id).For("NO KEY UPDATE OF site").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock site: %w", err)
	}
	if len(sites) == 0 {
		return nil, noSite()
	}
	return sites[0], nil
}

func noSite() *fault.Error {
	return fault.New(fault.NotFound, "there is no such site").At("siteId")
}

// judge gives the site as it will be, or says everything that is wrong with the changes.
func (in Changes) judge(ctx context.Context, tx bun.Tx, reach Reach, before *Site) (*Site, error) {
	after := *before
	var faults fault.List
	in.Name.Apply(&after.Name, &faults, nameField, cleanName)
	in.Domain.Apply(&after.Domain, &faults, "domain", cleanDomain)
	in.Slug.Apply(&after.Slug, &faults, "slug", cleanSlug)
	if after.Slug != before.Slug {
		if err := gather(&faults, checkSlug(ctx, tx, reach.Tenant, after.Slug)); err != nil {
			return nil, err
		}
	}
	if in.Industry.Set {
		after.IndustryID = in.Industry.Value
		if err := gather(&faults, checkMove(ctx, tx, reach, before, after.IndustryID)); err != nil {
			return nil, err
		}
	}
	in.Active.Apply(&after.Active, &faults, activeField, func(active bool) (bool, *fault.Error) {
		if active && before.Status == Suspended {
			return false, fault.New(fault.InvalidState, "the site is suspended").At(activeField)
		}
		return active, nil
	})
	if in.Active.Set && before.Status != Suspended {
		after.Status = statusOf(after.Active)
	}
	return &after, faults.Err()
}

// checkMove judges whether the site can go to the industry. Faults: those of checkIndustry, and
// INVALID_STATE at industryId.
func checkMove(ctx context.Context, tx bun.Tx, reach Reach, s *Site, to *gid.Industry) error {
	if same(s.IndustryID, to) {
		return nil
	}
	if to != nil {
		if err := checkIndustry(ctx, tx, *to); err != nil {
			return err
		}
	}
	sectors, err := SectorsBySites(ctx, tx, reach, []gid.Site{s.ID})
	if err != nil || len(sectors) == 0 {
		return err
	}
	return fault.New(fault.InvalidState, "the site has sectors of its industry; remove them first").At("industryId")
}

// fact is a field of a site or a sector that can change: as the audit log and as the database name it.
type fact struct {
	name, column string
	value        any
}

func (s *Site) fields() []fact {
	var industry any
	if s.IndustryID != nil {
		industry = gid.Format(*s.IndustryID)
	}
	return []fact{
		{nameField, "name", s.Name},
		{"domain", "domain", s.Domain},
		{"slug", "slug", s.Slug},
		{"industryId", "industry_id", industry},
		{activeField, "is_active", s.Active},
		{"status", "status", string(s.Status)},
	}
}

// facts are what the audit log keeps of a site.
func (s *Site) facts() map[string]any {
	facts := map[string]any{}
	for _, f := range s.fields() {
		facts[f.name] = f.value
	}
	return facts
}

// diff gives the columns in which the sites differ, and the facts before and after.
func (s *Site) diff(to *Site) (columns []string, before, after map[string]any) {
	return diff(s.fields(), to.fields())
}

func diff(from, next []fact) (columns []string, before, after map[string]any) {
	before, after = map[string]any{}, map[string]any{}
	for i, f := range from {
		if f.value != next[i].value {
			columns = append(columns, f.column)
			before[f.name], after[f.name] = f.value, next[i].value
		}
	}
	return columns, before, after
}

func same[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
