package credit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/postgres"
)

// swept is how much a sweep closed.
type swept struct{ holds, grants int }

// sweep closes the holds and then the grants whose time is over.
//
// What was set aside stays usable by whoever set it aside: an expired grant keeps as much as is held by
// open holds that are older than its end, for their capture alone. The rest of it expires as a line.
func (b *book) sweep(ctx context.Context) (swept, error) {
	done := swept{holds: b.expireHolds()}
	var err error
	done.grants, err = b.expireGrants(ctx)
	return done, err
}

func (b *book) expireHolds() int {
	if b.state.Held == 0 {
		return 0
	}
	n := 0
	for _, h := range b.holds {
		if h.Status == HoldOpen && !h.ExpiresAt.After(b.now) {
			was := b.change(h)
			h.Status, h.ClosedAt = HoldExpired, &was.ExpiresAt
			b.state.Held -= h.Amount
			n++
		}
	}
	return n
}

// change notes that a hold is about to be changed, and answers it as it was.
func (b *book) change(h *Hold) *Hold {
	was := *h
	b.undo = append(b.undo, func() { *h = was })
	b.closed[h.ID] = true
	return &was
}

func (b *book) expireGrants(ctx context.Context) (int, error) {
	var over []*Grant
	for _, g := range b.grants {
		if g.over(b.now) {
			over = append(over, g)
		}
	}
	if len(over) == 0 {
		return 0, nil
	}
	slices.SortStableFunc(over, endsBefore)
	holds, err := b.openHolds(ctx)
	if err != nil {
		return 0, err
	}
	var kept int64
	expired := 0
	for _, g := range over {
		var older int64
		for _, h := range holds {
			if h.CreatedAt.Before(*g.ExpiresAt) {
				older += h.Amount
			}
		}
		keep := min(g.Remaining, max(older-kept, 0))
		// What is held never expires. It would where the movement before this one came with a later time.
		keep = max(keep, g.Remaining-b.state.Available())
		kept += keep
		if lost := g.Remaining - keep; lost > 0 {
			expired++
			if err := b.expire(ctx, g, lost); err != nil {
				return 0, err
			}
		}
	}
	return expired, nil
}

// openHolds are all that are open now. Those that nothing was asked about are read when they first matter.
func (b *book) openHolds(ctx context.Context) ([]*Hold, error) {
	if b.state.Held > 0 && !b.readOpen {
		holds := []*Hold{}
		err := b.t.Send(ctx, postgres.Statement{
			SQL:  `SELECT h.tenant_id, to_json(h) FROM igny8_credit_holds AS h WHERE h.tenant_id = $1 AND h.status = 'open'`,
			Args: []any{int64(b.tenant)},
			Scan: func(rows postgres.Rows) error {
				for rows.Next() {
					var tenant int64
					var raw []byte
					if err := rows.Scan(&tenant, &raw); err != nil {
						return fmt.Errorf("scan hold: %w", err)
					}
					hold := &Hold{}
					if err := decode(raw, hold); err != nil {
						return err
					}
					holds = append(holds, hold)
				}
				return rows.Err()
			},
		})
		if err != nil {
			return nil, fmt.Errorf("read open holds: %w", err)
		}
		b.takeHolds(holds)
		b.readOpen = true
	}
	return slices.SortedFunc(func(yield func(*Hold) bool) {
		for h := range maps.Values(b.holds) {
			if h.Status == HoldOpen && !yield(h) {
				return
			}
		}
	}, func(a, b *Hold) int { return cmp.Compare(a.ID, b.ID) }), nil
}

func (b *book) expire(ctx context.Context, g *Grant, lost int64) error {
	line := &Transaction{
		Type: Expiration, Description: "Unused credits expired", ActorKind: audit.System,
		// A grant can expire in more than one piece, each in a line of its own.
		IdempotencyKey: fmt.Sprintf("expire:%d:%d", g.ID, b.state.LastSeq+1),
	}
	b.keep(g, g.Remaining-lost)
	return b.write(ctx, line, []move{{g, -lost}})
}

func scanJSON(into *[]byte) func(postgres.Rows) error {
	return postgres.ScanOne(new(bool), into)
}

// decode reads JSON of Postgres's; what is NULL leaves it as it is.
func decode(raw []byte, into any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	return nil
}
