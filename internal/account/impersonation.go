package account

import (
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
)

// Impersonation is a time in which a member of staff acts for an account, with a reason that the
// account's people can read.
type Impersonation struct {
	bun.BaseModel `bun:"table:igny8_impersonations,alias:impersonation"`

	TenantID    gid.Account       `bun:"tenant_id,pk"`
	ID          gid.Impersonation `bun:"id,pk,autoincrement"`
	StaffTenant gid.Account       `bun:"staff_tenant"`
	StaffID     gid.User          `bun:"staff_id"`
	SessionID   gid.Session       `bun:"session_id"`
	Reason      string            `bun:"reason"`
	CreatedAt   time.Time         `bun:"created_at"`
	ExpiresAt   time.Time         `bun:"expires_at"`
	EndedAt     *time.Time        `bun:"ended_at"`
}

// IsNode marks the type as having a global id.
func (*Impersonation) IsNode() {}

// Tenant is the account that staff act for.
func (i *Impersonation) Tenant() gid.Account { return i.TenantID }
