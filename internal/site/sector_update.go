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

// SectorChanges are what to change of a sector. None of its fields may be null.
type SectorChanges struct {
	SectorID gid.Sector
	Name     change.Field[string]
	Active   change.Field[bool]
}

// UpdateSector changes a sector of a site that the actor reaches. What is said to be as it is already is
// no change, and an update without a change writes nothing. Faults: NOT_FOUND at sectorId; REQUIRED,
// TOO_LONG, INVALID at name; REQUIRED at active.
func UpdateSector(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in SectorChanges) (*Sector, error) {
	var updated *Sector
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, actor.AccountID()); err != nil {
			return err
		}
		reach := ReachOf(actor)
		before, err := findSector(ctx, tx, reach, in.SectorID)
		if err != nil {
			return err
		}
		if _, err := lockSite(ctx, tx, reach, before.SiteID); err != nil {
			return err
		}
		if updated, err = in.judge(before); err != nil {
			return err
		}
		columns, from, to := diff(before.fields(), updated.fields())
		if len(columns) == 0 {
			return nil
		}
		updated.UpdatedAt = now
		if _, err := tx.NewUpdate().Model(updated).Column(append(columns, "updated_at")...).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update sector: %w", err)
		}
		return audit.Record(ctx, tx, reach.Tenant, actor.By(reach.Tenant), now,
			audit.On("sector.updated", "sector", updated.ID).From(from).To(to))
	})
	if err != nil {
		return nil, err
	}
	return updated, nil
}

// judge gives the sector as it will be, or says everything that is wrong with the changes.
func (in SectorChanges) judge(before *Sector) (*Sector, error) {
	after := *before
	var faults fault.List
	in.Name.Apply(&after.Name, &faults, nameField, cleanName)
	in.Active.Apply(&after.Active, &faults, activeField, func(active bool) (bool, *fault.Error) { return active, nil })
	after.Status = statusOf(after.Active)
	return &after, faults.Err()
}

func (s *Sector) fields() []fact {
	return []fact{
		{nameField, "name", s.Name},
		{activeField, "is_active", s.Active},
		{"status", "status", string(s.Status)},
	}
}
