package credit

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// runOutDays is over how many days use is averaged, today's part included.
const runOutDays = 28

// Outlook is when what is available to an account is used up, at the rate at which it was used.
type Outlook struct {
	TenantID gid.Account
	// At is nil where that is more than a year away.
	At *time.Time
	// Rate is more than nothing.
	Rate Rate
}

// Tenant is the account whose credits are used.
func (o *Outlook) Tenant() gid.Account { return o.TenantID }

// DailyRate is how many credits were used a day, to a hundredth.
func (o *Outlook) DailyRate() float64 {
	hundredths := math.Round(float64(o.Rate.Credits) * 100 / (o.Rate.Per.Hours() / 24))
	return max(hundredths, 1) / 100
}

// RunOut projects when what is available to an account is used up, if use goes on as it was on average in
// the last 28 days (today and the 27 before), or since the account's first line where that is later, and a
// day at least. Credits that expire before they would be used bring it nearer; credits that a plan will
// grant are not counted. It is nil where nothing was used.
func RunOut(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time) (*Outlook, error) {
	since := dayOf(now).AddDate(0, 0, 1-runOutDays)
	var past struct {
		Used  int64      `bun:"used"`
		Held  int64      `bun:"held"`
		First *time.Time `bun:"first_at"`
	}
	err := db.NewRaw(`SELECT held,
			(SELECT created_at FROM igny8_credit_transactions WHERE tenant_id = ?0 ORDER BY seq LIMIT 1) AS first_at,
			(SELECT coalesce(sum(deducted - refunded), 0)::bigint FROM igny8_credit_usage_days WHERE tenant_id = ?0 AND day >= ?1) AS used
		FROM igny8_credit_accounts WHERE tenant_id = ?0`, tenant, date(since)).Scan(ctx, &past)
	if err != nil {
		return nil, fmt.Errorf("read past use: %w", err)
	}
	if past.Used <= 0 {
		return nil, nil
	}
	if past.First != nil && past.First.After(since) {
		since = *past.First
	}
	grants, err := Left(ctx, db, []gid.Account{tenant})
	if err != nil {
		return nil, err
	}
	rate := Rate{Credits: past.Used, Per: max(now.Sub(since), 24*time.Hour)}
	return &Outlook{TenantID: tenant, At: Project(grants, past.Held, rate, now), Rate: rate}, nil
}

// Rate is a pace of use: so many credits in so long.
type Rate struct {
	Credits int64
	Per     time.Duration
}

// Project says when grants, given in the order in which they burn, are used up at a rate, to the second and
// in UTC. What is held is taken first, from expired grants before others, as a capture takes it. It is nil
// for no rate, and for what is more than 365 days away.
func Project(grants []*Grant, held int64, rate Rate, now time.Time) *time.Time {
	if rate.Credits <= 0 {
		return nil
	}
	perSecond := float64(rate.Credits) / rate.Per.Seconds()
	live := stocks(grants, held, now)
	at, horizon := 0.0, (365 * 24 * time.Hour).Seconds()
	for len(live) > 0 && at <= horizon {
		burnt := at + live[0].left/perSecond
		until := burnt
		for _, s := range live {
			until = min(until, s.end)
		}
		live[0].left -= (until - at) * perSecond
		if until == burnt {
			live = live[1:]
		}
		at = until
		live = slices.DeleteFunc(live, func(s stock) bool { return s.end <= at })
	}
	if at > horizon {
		return nil
	}
	end := now.Add(time.Duration(at * float64(time.Second))).UTC().Truncate(time.Second)
	if end.Before(now) {
		end = now.UTC()
	}
	return &end
}

// stock is what can still be used of a grant, and until how many seconds from now.
type stock struct{ left, end float64 }

// stocks are what the grants have left beyond what is held and what is over.
func stocks(grants []*Grant, held int64, now time.Time) []stock {
	var live []stock
	for _, over := range []bool{true, false} {
		for _, g := range grants {
			if g.over(now) != over {
				continue
			}
			taken := min(g.Remaining, held)
			held -= taken
			if taken == g.Remaining || over {
				continue
			}
			s := stock{float64(g.Remaining - taken), math.Inf(1)}
			if g.ExpiresAt != nil {
				s.end = g.ExpiresAt.Sub(now).Seconds()
			}
			live = append(live, s)
		}
	}
	return live
}
