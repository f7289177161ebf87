package credit

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
)

// HoldStatus is where a hold stands. It leaves Open once and never returns.
type HoldStatus string

// The statuses of a hold.
const (
	HoldOpen     HoldStatus = "open"
	HoldCaptured HoldStatus = "captured"
	HoldReleased HoldStatus = "released"
	HoldExpired  HoldStatus = "expired"
)

// MarshalGQL writes the enum value.
func (s HoldStatus) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *HoldStatus) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Hold is credits set aside while an operation runs.
type Hold struct {
	bun.BaseModel `bun:"table:igny8_credit_holds,alias:hold"`

	TenantID  gid.Account    `bun:"tenant_id,pk" json:"tenant_id"`
	ID        gid.CreditHold `bun:"id,pk,autoincrement" json:"id"`
	Status    HoldStatus     `bun:"status" json:"status"`
	Operation Operation      `bun:"operation" json:"operation"`
	Quantity  int64          `bun:"quantity" json:"quantity"`
	// Amount is what is set aside, in whole credits.
	Amount int64 `bun:"amount" json:"amount"`
	// UnitCredits and UnitSize are the price when the hold was made, which the capture is charged by.
	UnitCredits      int64                  `bun:"unit_credits" json:"unit_credits"`
	UnitSize         int64                  `bun:"unit_size" json:"unit_size"`
	SiteID           *gid.Site              `bun:"site_id" json:"site_id"`
	CapturedQuantity *int64                 `bun:"captured_quantity" json:"captured_quantity"`
	TransactionID    *gid.CreditTransaction `bun:"transaction_id" json:"transaction_id"`
	ActorKind        audit.ActorKind        `bun:"actor_kind" json:"actor_kind"`
	ActorID          *int64                 `bun:"actor_id" json:"actor_id"`
	CreatedAt        time.Time              `bun:"created_at" json:"created_at"`
	ExpiresAt        time.Time              `bun:"expires_at" json:"expires_at"`
	ClosedAt         *time.Time             `bun:"closed_at" json:"closed_at"`
}

// IsNode marks the type as having a global id.
func (*Hold) IsNode() {}

// Tenant is the account whose credits are held.
func (h *Hold) Tenant() gid.Account { return h.TenantID }

// Actor is who made the hold.
func (h *Hold) Actor() *audit.Actor {
	return &audit.Actor{Tenant: h.TenantID, Kind: h.ActorKind, ID: h.ActorID}
}

// cost is the price that the hold was made at.
func (h *Hold) cost() *Cost {
	return &Cost{Operation: h.Operation, Credits: h.UnitCredits, UnitSize: h.UnitSize}
}

// HoldsByIDs reads holds of one account, in no order.
func HoldsByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.CreditHold) ([]*Hold, error) {
	holds := []*Hold{}
	err := db.NewSelect().Model(&holds).Where("hold.tenant_id = ?", tenant).Where("hold.id IN (?)", bun.List(ids)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	return holds, nil
}
