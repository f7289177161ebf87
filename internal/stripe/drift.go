package stripe

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
)

// DriftKind is in what Stripe and we differ.
type DriftKind string

// The kinds.
const (
	// InvoiceNotCounted is an invoice that was paid at Stripe and is no payment here.
	InvoiceNotCounted DriftKind = "invoice_not_counted"
	// PaymentNotCollected is a payment here that was not made at Stripe.
	PaymentNotCollected DriftKind = "payment_not_collected"
	// AmountDiffers is money, or a price, that is another there than here.
	AmountDiffers DriftKind = "amount_differs"
	// SubscriptionUnknown is a subscription of a customer who is none of ours.
	SubscriptionUnknown DriftKind = "subscription_unknown"
	// SubscriptionStatus is a subscription that collects there and not for us, or the other way round.
	SubscriptionStatus DriftKind = "subscription_status"
	// SubscriptionPlan is a subscription that is of another plan there than what follows here.
	SubscriptionPlan DriftKind = "subscription_plan"
	// SubscriptionCancellation is a subscription that ends on one side alone.
	SubscriptionCancellation DriftKind = "subscription_cancellation"
)

// MarshalGQL writes the enum value.
func (k DriftKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *DriftKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// Drift is something in which Stripe and we differ, from when it was found until it was gone.
type Drift struct {
	bun.BaseModel `bun:"table:igny8_stripe_drifts,alias:drift"`

	ID   int64     `bun:"id,pk,autoincrement"`
	Kind DriftKind `bun:"kind"`
	// ObjectID is Stripe's id of what it is about.
	ObjectID string `bun:"object_id"`
	// TenantID is the account that it is about; nil where it is about none of ours.
	TenantID *gid.Account `bun:"tenant_id"`
	// Ours and Theirs say how it is here and there.
	Ours    string    `bun:"ours"`
	Theirs  string    `bun:"theirs"`
	FoundAt time.Time `bun:"found_at"`
	// SeenAt is when it was found last.
	SeenAt     time.Time  `bun:"seen_at"`
	ResolvedAt *time.Time `bun:"resolved_at"`
}

// DriftConnection is a page of drifts.
type DriftConnection = page.Connection[*Drift]

// DriftEdge is a drift in a page.
type DriftEdge = page.Edge[*Drift]

// Drifts pages through what differs, newest first; what is gone too where open is false.
func Drifts(ctx context.Context, db bun.IDB, open bool, args page.Args) (*DriftConnection, error) {
	w, err := args.Window(2)
	if err != nil {
		return nil, err
	}
	query := func(rows *[]*Drift) *bun.SelectQuery {
		q := db.NewSelect().Model(rows)
		if open {
			q = q.Where("drift.resolved_at IS NULL")
		}
		return q
	}
	rows := []*Drift{}
	q, err := page.Apply(query(&rows), w,
		page.Key{Column: "drift.found_at", Value: new(time.Time), Descending: true},
		page.Key{Column: "drift.id", Value: new(int64), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list drifts: %w", err)
	}
	return page.New(w, rows,
		func(d *Drift) []any { return []any{d.FoundAt, d.ID} },
		page.Counter(func() *bun.SelectQuery { return query(&[]*Drift{}) }),
	), nil
}

// Comparison is what a comparison with Stripe found.
type Comparison struct {
	// Subscriptions, Invoices and Payments are how many were compared.
	Subscriptions, Invoices, Payments int
	// Drifts is all that differs.
	Drifts []*Drift
	// New is how many of them were found for the first time, Resolved how many differ no more, Fetched how many paid
	// invoices were taken in because nobody had told of them.
	New, Resolved, Fetched int
}

// Text is the comparison for people.
func (c *Comparison) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "compared %d subscriptions, %d paid invoices and %d payments: %d differ, %d of them new, %d differ no more\n",
		c.Subscriptions, c.Invoices, c.Payments, len(c.Drifts), c.New, c.Resolved)
	if c.Fetched > 0 {
		fmt.Fprintf(&b, "%d paid invoices of which nobody told are taken in now\n", c.Fetched)
	}
	for _, d := range c.Drifts {
		fmt.Fprintf(&b, "  %s\n", d.line())
	}
	return b.String()
}

func (d *Drift) line() string {
	whose := "no account"
	if d.TenantID != nil {
		whose = gid.Format(*d.TenantID)
	}
	return fmt.Sprintf("%s  %s  %s  here: %s  there: %s", d.Kind, d.ObjectID, whose, d.Ours, d.Theirs)
}

// driftKey is what there is one open drift of.
type driftKey struct {
	kind   DriftKind
	object string
}

// write keeps what was found, marks as resolved what was looked at and differs no more, and tells staff of what is new.
func (t *Till) write(ctx context.Context, c *Comparison, looked map[string]bool, now time.Time) error {
	house, err := t.house(ctx)
	if err != nil {
		return err
	}
	return postgres.InTx(postgres.WithTenant(ctx, int64(house)), t.db, func(ctx context.Context, tx bun.Tx) error {
		c.New, c.Resolved = 0, 0
		open := []*Drift{}
		if err := tx.NewSelect().Model(&open).Where("resolved_at IS NULL").Order("id").For("UPDATE").Scan(ctx); err != nil {
			return fmt.Errorf("read drifts: %w", err)
		}
		known := map[driftKey]*Drift{}
		for _, d := range open {
			known[driftKey{d.Kind, d.ObjectID}] = d
		}
		var fresh []*Drift
		for _, d := range c.Drifts {
			was := known[driftKey{d.Kind, d.ObjectID}]
			delete(known, driftKey{d.Kind, d.ObjectID})
			if err := d.keep(ctx, tx, was, now); err != nil {
				return err
			}
			if was == nil && d.ID != 0 {
				fresh = append(fresh, d)
			}
		}
		c.New = len(fresh)
		for _, d := range known {
			if !looked[d.ObjectID] {
				continue
			}
			c.Resolved++
			d.ResolvedAt = &now
			if _, err := tx.NewUpdate().Model(d).WherePK().Column("resolved_at").Exec(ctx); err != nil {
				return fmt.Errorf("resolve a drift: %w", err)
			}
		}
		return t.tellOfDrift(ctx, tx, house, fresh, now)
	})
}

// keep writes a drift over what was known of it, or as a new one: without a number where another comparison at the same
// time did that.
func (d *Drift) keep(ctx context.Context, tx bun.Tx, was *Drift, now time.Time) error {
	d.FoundAt, d.SeenAt = now, now
	if was == nil {
		if _, err := tx.NewInsert().Model(d).On("CONFLICT DO NOTHING").Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert a drift: %w", err)
		}
		return nil
	}
	d.ID, d.FoundAt = was.ID, was.FoundAt
	if _, err := tx.NewUpdate().Model(d).WherePK().Column("tenant_id", "ours", "theirs", "seen_at").Exec(ctx); err != nil {
		return fmt.Errorf("write a drift: %w", err)
	}
	return nil
}

// house is the account under which letters to staff about nobody's account are kept: the house's own; 0 where there is
// none.
func (t *Till) house(ctx context.Context) (gid.Account, error) {
	var found []gid.Account
	err := t.db.NewRaw(`SELECT id FROM igny8_tenants WHERE is_system AND deleted_at IS NULL ORDER BY id LIMIT 1`).
		Scan(postgres.WithStaff(postgres.WithTenant(ctx, 0)), &found)
	if err != nil {
		return 0, fmt.Errorf("find the house's own account: %w", err)
	}
	if len(found) == 0 {
		return 0, nil
	}
	return found[0], nil
}

// mostTold is how many drifts one letter lists.
const mostTold = 50

func (t *Till) tellOfDrift(ctx context.Context, tx bun.Tx, house gid.Account, fresh []*Drift, now time.Time) error {
	if len(fresh) == 0 || house == 0 || t.office.StaffEmail == "" {
		return nil
	}
	var lines strings.Builder
	for i, d := range fresh {
		if i == mostTold {
			fmt.Fprintf(&lines, "and %d more\n", len(fresh)-mostTold)
			break
		}
		lines.WriteString(d.line() + "\n")
	}
	return t.office.Mail.Post(ctx, tx, mail.Letter{
		Tenant: house, Kind: "stripe_drift", To: t.office.StaffEmail, Subject: fmt.Sprintf("Stripe and we differ in %d things", len(fresh)),
		Text: "The daily comparison with Stripe found what it had not found before:\n\n" + lines.String() +
			"\nAll that differs is listed by stripeDrifts, and by igny8 stripe reconcile.\n",
	}, now)
}
