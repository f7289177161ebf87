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

// RestoreSector brings back a sector that was removed from a site that the actor reaches, also one that
// the catalogue no longer lists. Faults, at sectorId: NOT_FOUND for one that was not removed or whose site
// is not there, and from its restore_until on; INVALID_STATE where the site's industry is another by now;
// TAKEN where the site has the sector anew; PLAN_LIMIT_REACHED with limit and used, at MaxSectors.
func RestoreSector(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, id gid.Sector) (*Sector, error) {
	var back *Sector
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		reach := ReachOf(actor)
		var err error
		if back, err = findRemoved(ctx, tx, reach, now, id); err != nil {
			return err
		}
		back.UpdatedAt, back.DeletedAt, back.DeletedBy, back.RestoreUntil = now, nil, nil, nil
		_, err = tx.NewUpdate().Model(back).Column("updated_at", "deleted_at", "deleted_by", "restore_until").WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("restore sector: %w", err)
		}
		return audit.Record(ctx, tx, reach.Tenant, actor.By(reach.Tenant), now,
			audit.On("sector.restored", "sector", back.ID).To(back.facts()))
	})
	if postgres.Violates(err, sectorKey) {
		return nil, sectorTaken("sectorId")
	}
	if err != nil {
		return nil, err
	}
	return back, nil
}

// findRemoved reads a removed sector and judges whether its site can take it back. The account must be
// locked. Faults: those of RestoreSector.
func findRemoved(ctx context.Context, tx bun.Tx, reach Reach, now time.Time, id gid.Sector) (*Sector, error) {
	sectors := []*Sector{}
	if err := restorableSectors(tx, reach, now, &sectors).Where("sector.id = ?", id).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read a removed sector: %w", err)
	}
	if len(sectors) == 0 {
		return nil, noSector()
	}
	found := sectors[0]
	s, err := lockSite(ctx, tx, reach, found.SiteID)
	if err != nil {
		return nil, err
	}
	if s.IndustryID == nil || *s.IndustryID != found.IndustryID {
		return nil, fault.New(fault.InvalidState, "the site's industry is another by now").At("sectorId")
	}
	return found, checkRoom(ctx, tx, reach, s.ID, found.IndustrySectorID, "sectorId", "sectorId")
}

// RemovedSectorsBySites reads the sectors that were removed from sites within reach and can still be
// restored, newest first.
func RemovedSectorsBySites(ctx context.Context, db bun.IDB, reach Reach, now time.Time, ids []gid.Site) ([]*Sector, error) {
	sectors := []*Sector{}
	err := restorableSectors(db, reach, now, &sectors).Where("sector.site_id IN (?)", bun.List(ids)).
		OrderExpr("sector.deleted_at DESC, sector.id DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read removed sectors of sites: %w", err)
	}
	return sectors, nil
}
