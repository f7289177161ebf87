package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// errCatalogue is a catalogue without something that the demo state refers to.
var errCatalogue = errors.New("the catalogue lacks what the demo state needs")

// catalogue is what the demo state refers to by name.
type catalogue struct {
	plans      map[string]gid.Plan
	industries map[string]*industry
}

type industry struct {
	id gid.Industry
	// sectors are in the order of their ids. How many of them a site covers was recorded, which ones
	// was not: the demo takes the first.
	sectors []industrySector
}

type industrySector struct {
	ID           gid.IndustrySector
	Name         string
	IndustryID   gid.Industry
	IndustryName string
}

// readCatalogue finds every plan, industry and sector that the demo state needs, or fails.
func readCatalogue(ctx context.Context, db bun.IDB) (*catalogue, error) {
	c := &catalogue{plans: map[string]gid.Plan{}, industries: map[string]*industry{}}
	var plans []struct {
		ID   gid.Plan
		Slug string
	}
	if err := db.NewRaw("SELECT id, slug FROM igny8_plans").Scan(ctx, &plans); err != nil {
		return nil, fmt.Errorf("read the plans: %w", err)
	}
	for _, p := range plans {
		c.plans[p.Slug] = p.ID
	}

	var sectors []industrySector
	const read = `
SELECT sector.id, sector.name, industry.id AS industry_id, industry.name AS industry_name
FROM igny8_industry_sectors AS sector JOIN igny8_industries AS industry ON industry.id = sector.industry_id
WHERE sector.is_active AND industry.is_active ORDER BY sector.id`
	if err := db.NewRaw(read).Scan(ctx, &sectors); err != nil {
		return nil, fmt.Errorf("read the industries: %w", err)
	}
	for _, s := range sectors {
		if c.industries[s.IndustryName] == nil {
			c.industries[s.IndustryName] = &industry{id: s.IndustryID}
		}
		found := c.industries[s.IndustryName]
		found.sectors = append(found.sectors, s)
	}
	if err := c.covers(state); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *catalogue) covers(tenants []tenant) error {
	for i := range tenants {
		if _, ok := c.plans[tenants[i].plan]; !ok {
			return fmt.Errorf("%w: the plan %q", errCatalogue, tenants[i].plan)
		}
		for _, s := range tenants[i].sites {
			if about := c.industries[s.industry]; about == nil || len(about.sectors) < s.sectors {
				return fmt.Errorf("%w: %d sectors of the industry %q", errCatalogue, s.sectors, s.industry)
			}
		}
	}
	return nil
}
