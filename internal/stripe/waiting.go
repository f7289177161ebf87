package stripe

import (
	"context"
	"fmt"
	"time"
)

const (
	// lost is how long after it was looked at last an event that waits may be without a job.
	lost = 10 * time.Minute
	// lostAtOnce bounds how many of them one look finds.
	lostAtOnce = 500
)

// Waiting finds events that wait and were not looked at for a while, by their numbers, oldest first: their job may have
// been given up without a word, e.g. because the database was away as it ended.
func (t *Till) Waiting(ctx context.Context, now time.Time) ([]int64, error) {
	ids := []int64{}
	err := t.db.NewRaw(`SELECT id FROM igny8_stripe_events WHERE status = ? AND updated_at < ? ORDER BY received_at LIMIT ?`,
		EventPending, now.Add(-lost), lostAtOnce).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("look for events of Stripe that wait: %w", err)
	}
	return ids, nil
}
