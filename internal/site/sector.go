package site

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
)

// sectorKey is the index that keeps a site from covering an industry sector twice.
const sectorKey = "igny8_sectors_industry_sector_key"

// NewSector is a sector as whoever adds it describes it.
type NewSector struct {
	SiteID           gid.Site
	IndustrySectorID gid.IndustrySector
	// Name is the catalogue's when absent.
	Name *string
}

// AddSector adds a sector of the site's industry to a site that the actor reaches. Faults: NOT_FOUND
// at siteId; INVALID_STATE there for a site without an industry; PLAN_LIMIT_REACHED there with limit
// and used, at MaxSectors; NOT_FOUND, INVALID and TAKEN at industrySectorId; REQUIRED, TOO_LONG,
// INVALID at name.
func AddSector(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in NewSector) (*Sector, error) {
	var added *Sector
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		reach := ReachOf(actor)
		s, err := lockSite(ctx, tx, reach, in.SiteID)
		if err != nil {
			return err
		}
		if added, err = in.judge(ctx, tx, reach, s); err != nil {
			return err
		}
		added.CreatedAt, added.UpdatedAt = now, now
		if _, err := tx.NewInsert().Model(added).Exec(ctx); err != nil {
			return fmt.Errorf("insert sector: %w", err)
		}
		return audit.Record(ctx, tx, reach.Tenant, actor.By(reach.Tenant), now,
			audit.On("sector.added", "sector", added.ID).To(added.facts()))
	})
	if postgres.Violates(err, sectorKey) {
		return nil, sectorTaken("industrySectorId")
	}
	if err != nil {
		return nil, err
	}
	return added, nil
}

// judge makes the sector, or says everything that is wrong with it. The account must be locked: the
// site's sectors must not change before the new one is written.
func (in NewSector) judge(ctx context.Context, tx bun.Tx, reach Reach, s *Site) (*Sector, error) {
	if s.IndustryID == nil {
		return nil, fault.New(fault.InvalidState, "the site has no industry; choose one first").At("siteId")
	}
	var faults fault.List
	entry, err := in.entry(ctx, tx, *s.IndustryID)
	if err == nil {
		err = checkRoom(ctx, tx, reach, s.ID, in.IndustrySectorID, "industrySectorId", "siteId")
	}
	if err := gather(&faults, err); err != nil {
		return nil, err
	}
	added := &Sector{
		TenantID: s.TenantID, SiteID: s.ID, IndustryID: *s.IndustryID, IndustrySectorID: in.IndustrySectorID,
		Name: entry.Name, Status: Active, Active: true,
	}
	if in.Name != nil {
		var f *fault.Error
		added.Name, f = cleanName(*in.Name)
		faults.Add(f)
	}
	return added, faults.Err()
}

// entry reads the catalogue's entry and judges whether a site of the industry can take it. Faults,
// at industrySectorId: NOT_FOUND, INVALID.
func (in NewSector) entry(ctx context.Context, tx bun.Tx, industry gid.Industry) (IndustrySector, error) {
	found, err := IndustrySectorsByIDs(ctx, tx, []gid.IndustrySector{in.IndustrySectorID})
	if err != nil {
		return IndustrySector{}, err
	}
	if len(found) == 0 {
		return IndustrySector{}, fault.New(fault.NotFound, "there is no such sector in the catalogue").At("industrySectorId")
	}
	entry := *found[0]
	if entry.IndustryID != industry {
		return entry, fault.New(fault.Invalid, "the sector %s is not part of the site's industry", entry.Name).At("industrySectorId")
	}
	// A sector goes with its industry: a site that has either keeps it, and no site gets it anew.
	err = checkIndustry(ctx, tx, industry)
	if err != nil && fault.Of(err) == nil {
		return entry, err
	}
	if err != nil || !entry.Active {
		return entry, fault.New(fault.Invalid, "the sector %s can no longer be chosen", entry.Name).At("industrySectorId")
	}
	return entry, nil
}

// checkRoom judges whether the site can take one more sector, of this entry. The account must be
// locked. Faults: TAKEN at entryField, PLAN_LIMIT_REACHED at siteField.
func checkRoom(ctx context.Context, tx bun.Tx, reach Reach, id gid.Site, entry gid.IndustrySector, entryField, siteField string) error {
	there, err := SectorsBySites(ctx, tx, reach, []gid.Site{id})
	if err != nil {
		return err
	}
	for _, sector := range there {
		if sector.IndustrySectorID == entry {
			return sectorTaken(entryField)
		}
	}
	if len(there) >= MaxSectors {
		return fault.New(fault.PlanLimitReached, "a site has at most %d sectors", MaxSectors).At(siteField).
			With("limit", MaxSectors).With("used", len(there))
	}
	return nil
}

func sectorTaken(field string) *fault.Error {
	return fault.New(fault.Taken, "the site has this sector already").At(field)
}

// RemoveSector takes a sector off a site that the actor reaches and gives the site. The sector can
// be restored for as long as the account says. Fault: NOT_FOUND at sectorId.
func RemoveSector(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Sector) (*Site, error) {
	var left *Site
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		reach := ReachOf(actor)
		gone, err := findSector(ctx, tx, reach, id)
		if err != nil {
			return err
		}
		if left, err = lockSite(ctx, tx, reach, gone.SiteID); err != nil {
			return err
		}
		restoreUntil := now.AddDate(0, 0, acct.DeletionRetentionDays)
		gone.UpdatedAt, gone.DeletedAt, gone.RestoreUntil = now, &now, &restoreUntil
		gone.DeletedBy = actor.MemberID()
		_, err = tx.NewUpdate().Model(gone).Column("updated_at", "deleted_at", "deleted_by", "restore_until").WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("remove sector: %w", err)
		}
		return audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now,
			audit.On("sector.removed", "sector", gone.ID).From(gone.facts()))
	})
	if err != nil {
		return nil, err
	}
	return left, nil
}

// findSector reads a sector within reach. The account must be locked. Fault: NOT_FOUND at sectorId.
func findSector(ctx context.Context, tx bun.Tx, reach Reach, id gid.Sector) (*Sector, error) {
	found, err := SectorsByIDs(ctx, tx, reach, []gid.Sector{id})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, noSector()
	}
	return found[0], nil
}

func noSector() *fault.Error {
	return fault.New(fault.NotFound, "there is no such sector").At("sectorId")
}

// facts are what the audit log keeps of a sector.
func (s *Sector) facts() map[string]any {
	return map[string]any{
		"siteId": gid.Format(s.SiteID), "industrySectorId": gid.Format(s.IndustrySectorID), nameField: s.Name,
	}
}
