package credit

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// GroupBy is what use is told apart by.
type GroupBy string

// The ways to tell use apart.
const (
	ByOperation GroupBy = "operation"
	BySite      GroupBy = "site"
	ByDay       GroupBy = "day"
	ByMonth     GroupBy = "month"
)

// MarshalGQL writes the enum value.
func (g GroupBy) MarshalGQL(w io.Writer) { enum.Marshal(w, g) }

// UnmarshalGQL reads the enum value.
func (g *GroupBy) UnmarshalGQL(v any) error { return enum.Unmarshal(g, v) }

// groups are the columns that use is told apart by, and the order of the buckets.
var groups = map[GroupBy]struct{ by, order string }{
	ByOperation: {"nullif(operation, '') AS operation", "operation"},
	BySite:      {"nullif(site_id, 0) AS site_id", "credits DESC, site_id"},
	ByDay:       {"day AT TIME ZONE 'UTC' AS start_day", "start_day"},
	ByMonth:     {"date_trunc('month', day)::date AT TIME ZONE 'UTC' AS start_day", "start_day"},
}

// UsageQuery says which use to sum up.
type UsageQuery struct {
	// From is the first day and To the one after the last, as their midnights in UTC.
	From, To time.Time
	By       GroupBy
	// Site and Operation narrow it where they are set.
	Site      *gid.Site
	Operation *Operation
}

// MaxUsageDays is the longest range that is summed up at once.
const MaxUsageDays = 366

// UsageBucket is the use of one operation, site, day or month. The field that it is told apart by is set,
// the others are nil; so it is for lines that name no operation or no site.
type UsageBucket struct {
	TenantID  gid.Account `bun:"-"`
	Operation *Operation  `bun:"operation"`
	SiteID    *gid.Site   `bun:"site_id"`
	// Start is the bucket's day, or the first day of its month, as its midnight in UTC.
	Start *time.Time `bun:"start_day"`
	// Credits is what was deducted less what was given back, which can make it negative: a refund counts
	// on its own day, so that what was told of a day stays true.
	Credits int64 `bun:"credits"`
	// Refunded is what was given back.
	Refunded int64 `bun:"refunded"`
	// Operations is how many deductions there were.
	Operations int64 `bun:"operations"`
	// Quantity is of all deductions together, in words, ideas, images or calls; nil where the bucket is of
	// more than one operation.
	Quantity *int64 `bun:"quantity"`
}

// Spent is what was deducted.
func (u *UsageBucket) Spent() int64 { return u.Credits + u.Refunded }

// Tenant is the account whose use it is.
func (u *UsageBucket) Tenant() gid.Account { return u.TenantID }

// Reached says which of the sites the actor may reach. Sites are another package's, which this one does
// not know.
type Reached func(ctx context.Context, ids []gid.Site) ([]gid.Site, error)

// Usage sums an account's use up, from sums a day: operations by name, sites by what they used, most first,
// days and months in order, and those without use left out. By site, the use of sites that the actor does
// not reach is in the one bucket without a site, which is the last. Errors: BAD_USER_INPUT at from and to.
func Usage(ctx context.Context, db bun.IDB, tenant gid.Account, reached Reached, in UsageQuery) ([]*UsageBucket, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	group, known := groups[in.By]
	if !known {
		return nil, fault.New(fault.BadUserInput, "use is not told apart by this").At("groupBy")
	}
	buckets := []*UsageBucket{}
	q := db.NewSelect().TableExpr("igny8_credit_usage_days AS used").ColumnExpr(group.by).
		ColumnExpr("sum(deducted - refunded)::bigint AS credits").ColumnExpr("sum(refunded)::bigint AS refunded").
		ColumnExpr("sum(operations)::bigint AS operations").
		Where("used.tenant_id = ?", tenant).Where("used.day >= ?", date(in.From)).Where("used.day < ?", date(in.To)).
		GroupExpr("1").OrderExpr(group.order)
	if in.By == ByOperation || in.Operation != nil {
		q = q.ColumnExpr("sum(quantity)::bigint AS quantity")
	}
	if in.Site != nil {
		q = q.Where("used.site_id = ?", *in.Site)
	}
	if in.Operation != nil {
		q = q.Where("used.operation = ?", *in.Operation)
	}
	if err := q.Scan(ctx, &buckets); err != nil {
		return nil, fmt.Errorf("sum up use: %w", err)
	}
	for _, u := range buckets {
		u.TenantID = tenant
		if u.Start != nil {
			at := u.Start.UTC()
			u.Start = &at
		}
	}
	if in.By != BySite {
		return buckets, nil
	}
	return hide(ctx, reached, buckets)
}

func (in UsageQuery) check() error {
	var faults fault.List
	for _, at := range []struct {
		field string
		value time.Time
	}{{"from", in.From}, {"to", in.To}} {
		if !at.value.Equal(dayOf(at.value)) {
			faults.Add(fault.New(fault.BadUserInput, "use is summed up by whole days in UTC").At(at.field))
		}
	}
	switch {
	case !in.From.Before(in.To):
		faults.Add(fault.New(fault.BadUserInput, "the range ends after it begins").At("to"))
	case in.To.Sub(in.From) > MaxUsageDays*24*time.Hour:
		faults.Add(fault.New(fault.BadUserInput, "at most %d days at once", MaxUsageDays).At("to").With("limit", MaxUsageDays))
	}
	return faults.Err()
}

// hide puts the use of sites that are not reached to that of no site, at the end.
func hide(ctx context.Context, reached Reached, buckets []*UsageBucket) ([]*UsageBucket, error) {
	var ids []gid.Site
	for _, u := range buckets {
		if u.SiteID != nil {
			ids = append(ids, *u.SiteID)
		}
	}
	shown := make(map[gid.Site]bool, len(ids))
	if len(ids) > 0 {
		within, err := reached(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, id := range within {
			shown[id] = true
		}
	}
	told := []*UsageBucket{}
	var rest *UsageBucket
	for _, u := range buckets {
		switch {
		case u.SiteID != nil && shown[*u.SiteID]:
			told = append(told, u)
		case rest == nil:
			rest, u.SiteID = u, nil
		default:
			rest.add(u)
		}
	}
	if rest != nil {
		told = append(told, rest)
	}
	return told, nil
}

func (u *UsageBucket) add(more *UsageBucket) {
	u.Credits += more.Credits
	u.Refunded += more.Refunded
	u.Operations += more.Operations
	if u.Quantity != nil {
		sum := *u.Quantity + *more.Quantity
		u.Quantity = &sum
	}
}

// usageDay is the use of a site by an operation on a day.
type usageDay struct {
	bun.BaseModel `bun:"table:igny8_credit_usage_days,alias:used"`

	TenantID gid.Account `bun:"tenant_id,pk" json:"tenant_id"`
	Day      string      `bun:"day,pk" json:"day"`
	// SiteID is 0 and Operation empty where the lines name none.
	SiteID     gid.Site  `bun:"site_id,pk" json:"site_id"`
	Operation  Operation `bun:"operation,pk" json:"operation"`
	Deducted   int64     `bun:"deducted" json:"deducted"`
	Refunded   int64     `bun:"refunded" json:"refunded"`
	Quantity   int64     `bun:"quantity" json:"quantity"`
	Operations int64     `bun:"operations" json:"operations"`
}

// addUse makes the insertion of days add to those that are there.
const addUse = `CONFLICT (tenant_id, day, site_id, operation) DO UPDATE SET deducted = used.deducted + excluded.deducted,
	refunded = used.refunded + excluded.refunded, quantity = used.quantity + excluded.quantity, operations = used.operations + excluded.operations`

// useOfLines sums the lines of the account ?0 up as igny8_credit_usage_days has them.
const useOfLines = `SELECT (created_at AT TIME ZONE 'UTC')::date AS day, coalesce(site_id, 0) AS site_id, coalesce(operation, '') AS operation,
	coalesce(sum(-amount) FILTER (WHERE type = 'deduction'), 0)::bigint AS deducted,
	coalesce(sum(amount) FILTER (WHERE refunds_id IS NOT NULL), 0)::bigint AS refunded,
	coalesce(sum(quantity) FILTER (WHERE type = 'deduction'), 0)::bigint AS quantity,
	count(*) FILTER (WHERE type = 'deduction') AS operations
	FROM igny8_credit_transactions WHERE tenant_id = ?0 AND (type = 'deduction' OR refunds_id IS NOT NULL) GROUP BY 1, 2, 3`

// use counts a line, if it is one of use: a deduction, or the refund of one.
func (b *book) use(line *Transaction) {
	if line.Type != Deduction && line.RefundsID == nil {
		return
	}
	day := usageDay{TenantID: b.tenant, Day: date(line.CreatedAt)}
	if line.SiteID != nil {
		day.SiteID = *line.SiteID
	}
	if line.Operation != nil {
		day.Operation = *line.Operation
	}
	i := slices.IndexFunc(b.used, func(u usageDay) bool {
		return u.Day == day.Day && u.SiteID == day.SiteID && u.Operation == day.Operation
	})
	if i < 0 {
		b.used = append(b.used, day)
		i = len(b.used) - 1
	}
	sum := &b.used[i]
	if line.Type != Deduction {
		sum.Refunded += line.Amount
		return
	}
	sum.Deducted -= line.Amount
	sum.Operations++
	if line.Quantity != nil {
		sum.Quantity += *line.Quantity
	}
}

// SumUsage sums the use of a ledger up whose lines were written past this package, as a new database's
// are, and of which nothing is summed up yet.
func SumUsage(ctx context.Context, tx bun.Tx, tenant gid.Account) error {
	_, err := tx.NewRaw(`INSERT INTO igny8_credit_usage_days (tenant_id, day, site_id, operation, deducted, refunded, quantity, operations)
		SELECT ?0, * FROM (`+useOfLines+`) AS lines`, tenant).Exec(ctx)
	if err != nil {
		return fmt.Errorf("sum up use: %w", err)
	}
	return nil
}

// dayOf is the midnight in UTC that begins an instant's day.
func dayOf(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// monthOf is the midnight in UTC that begins an instant's month.
func monthOf(at time.Time) time.Time {
	at = at.UTC()
	return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// date is an instant's day in UTC as the database writes it.
func date(at time.Time) string { return at.UTC().Format(time.DateOnly) }
