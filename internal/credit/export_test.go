package credit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Movement is one change of credits that a test puts into a group.
type Movement = movement

// MaxGroup is how many movements share a transaction at most, and MaxWaiting how many wait for one.
const (
	MaxGroup   = maxGroup
	MaxWaiting = maxWaiting
)

// Outcome is what became of a movement.
func (m *movement) Outcome() (*Result, error) { return m.result, m.err }

// ToSpend is Spend's movement.
func ToSpend(ctx context.Context, actor account.Actor, now time.Time, reaches Reaches, in Spending) (*Movement, error) {
	return in.movement(ctx, actor, now, reaches)
}

// ToReserve is Reserve's.
func ToReserve(ctx context.Context, actor account.Actor, now time.Time, reaches Reaches, in Reservation) (*Movement, error) {
	return in.movement(ctx, actor, now, reaches)
}

// ToCapture is CaptureHold's.
func ToCapture(actor account.Actor, now time.Time, in Capture) (*Movement, error) {
	return in.movement(actor, now)
}

// ToRelease is ReleaseHold's.
func ToRelease(actor account.Actor, now time.Time, in Release) (*Movement, error) {
	return in.movement(actor, now)
}

// ToRefund is RefundLine's.
func ToRefund(actor account.Actor, now time.Time, in Refunding) (*Movement, error) {
	return in.movement(actor, now)
}

// ToAdjust is Adjust's, without its audit event.
func ToAdjust(staff account.Actor, now time.Time, in Adjusting) (*Movement, error) {
	m, _ := in.movement(staff, now)
	return m, nil
}

// Perform runs a group in the order given.
func Perform(ctx context.Context, db bun.IDB, tenant gid.Account, group []*Movement) error {
	return performAll(postgres.WithTenant(ctx, int64(tenant)), db, tenant, group)
}

// Waiting is how many movements of an account wait for their turn, and Places at how many places any are
// under way.
func Waiting(db bun.IDB, tenant gid.Account) int {
	queues.Lock()
	defer queues.Unlock()
	for at, q := range queues.of {
		if at.pool == postgres.Pool(db) && at.tenant == tenant {
			return len(q.waiting)
		}
	}
	return 0
}

// TakeBackSo takes back so many credits, as TakeBack does once it knows how many.
func TakeBackSo(ctx context.Context, t postgres.Trips, in Reversing, due int64) (taken, owed int64, err error) {
	b, err := open(ctx, t, in.Tenant, needs{earliest: in.At, latest: in.At, lineIDs: 1}, false)
	if err != nil {
		return 0, 0, err
	}
	if _, err := b.sweep(ctx); err != nil {
		return 0, 0, err
	}
	return b.takeBack(ctx, in, due)
}
