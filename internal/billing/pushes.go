package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/page"
)

// PushConnection is a page of pushes.
type PushConnection = page.Connection[*Push]

// PushEdge is a push in a page.
type PushEdge = page.Edge[*Push]

// Pushes pages through what Stripe is to do for all accounts, newest first; all of it where status is nil. It reads in
// the scope of staff.
func Pushes(ctx context.Context, db bun.IDB, status *PushStatus, args page.Args) (*PushConnection, error) {
	w, err := args.Window(2)
	if err != nil {
		return nil, err
	}
	query := func(rows *[]*Push) *bun.SelectQuery {
		q := db.NewSelect().Model(rows)
		if status != nil {
			q = q.Where("push.status = ?", *status)
		}
		return q
	}
	rows := []*Push{}
	q, err := page.Apply(query(&rows), w,
		page.Key{Column: "push.created_at", Value: new(time.Time), Descending: true},
		page.Key{Column: "push.id", Value: new(int64), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list pushes: %w", err)
	}
	return page.New(w, rows,
		func(p *Push) []any { return []any{p.CreatedAt, p.ID} },
		page.Counter(func() *bun.SelectQuery { return query(&[]*Push{}) }),
	), nil
}
