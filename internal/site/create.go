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
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// NewSite is a site as whoever creates it describes it.
type NewSite struct {
	Name string
	// Domain is a host name, or an address of which only the host name is kept.
	Domain string
	// Slug is made from the name when absent.
	Slug       *string
	IndustryID *gid.Industry
}

// Create adds a site to the actor's account and grants it to the actor. Faults: PLAN_LIMIT_REACHED
// with limit and used; REQUIRED, TOO_LONG, INVALID at name, domain and slug; TAKEN at slug;
// NOT_FOUND and INVALID at industryId. All that are found are told at once.
func Create(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in NewSite) (*Site, error) {
	var made *Site
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		if made, err = in.judge(ctx, tx, acct); err != nil {
			return err
		}
		made.CreatedAt, made.UpdatedAt = now, now
		if _, err := tx.NewInsert().Model(made).Exec(ctx); err != nil {
			return fmt.Errorf("insert site: %w", err)
		}
		// Staff who act for an account are not among its people.
		if member := actor.Member(); member != nil {
			if _, err := grant(ctx, tx, made, member.ID, actor, now); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now, audit.On("site.created", "site", made.ID).To(made.facts()))
	})
	if postgres.Violates(err, slugKey) {
		return nil, slugTaken()
	}
	if err != nil {
		return nil, err
	}
	return made, nil
}

// judge makes the site, or says everything that is wrong with it. The account must be locked: the
// count of its sites and their slugs must not change before the site is written.
func (in NewSite) judge(ctx context.Context, tx bun.Tx, acct *account.Account) (*Site, error) {
	made := &Site{TenantID: acct.ID, IndustryID: in.IndustryID, Status: Active, Active: true}
	var faults fault.List
	if err := gather(&faults, checkLimit(ctx, tx, acct)); err != nil {
		return nil, err
	}
	full := len(faults) > 0
	var f *fault.Error
	made.Name, f = cleanName(in.Name)
	faults.Add(f)
	made.Domain, f = cleanDomain(in.Domain)
	faults.Add(f)
	if in.Slug != nil {
		made.Slug, f = cleanSlug(*in.Slug)
		faults.Add(f)
	}
	// On a full account the slug is not looked for: to send the same request twice is to meet the
	// limit, not the site that the first one made.
	if made.Slug != "" && !full {
		if err := gather(&faults, checkSlug(ctx, tx, acct.ID, made.Slug)); err != nil {
			return nil, err
		}
	}
	if in.IndustryID != nil {
		if err := gather(&faults, checkIndustry(ctx, tx, *in.IndustryID)); err != nil {
			return nil, err
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if in.Slug == nil {
		var err error
		if made.Slug, err = freeSlug(ctx, tx, acct.ID, made.Name); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// gather puts err into the list if it is faults, so that what follows is judged too, and gives it
// back if it is not.
func gather(faults *fault.List, err error) error {
	found := fault.Of(err)
	if err != nil && found == nil {
		return err
	}
	*faults = append(*faults, found...)
	return nil
}

// checkLimit judges whether the account's plan allows one more site. The plan is the locked account's:
// the actor's was read before and may have changed since. Fault: PLAN_LIMIT_REACHED.
func checkLimit(ctx context.Context, tx bun.Tx, acct *account.Account) error {
	plans, err := plan.ByIDs(ctx, tx, []gid.Plan{acct.PlanID})
	if err != nil {
		return err
	}
	if len(plans) == 0 {
		return fmt.Errorf("account %d has no plan", acct.ID)
	}
	limit := plans[0].SiteLimit()
	if limit == nil {
		return nil
	}
	used, err := Count(ctx, tx, acct.ID)
	if err != nil || used < *limit {
		return err
	}
	return fault.New(fault.PlanLimitReached, "the plan %s allows no more sites: its limit is %d", plans[0].Name, *limit).
		With("limit", *limit).With("used", used)
}
