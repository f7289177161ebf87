package account

import (
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// InvitationLifetime is how long an invitation can be accepted.
const InvitationLifetime = 7 * 24 * time.Hour

// Invitation asks somebody to become one of an account's people. It is mailed, and proved by the token
// in the mail, of which the row keeps the hash. An address has one open invitation to an account.
type Invitation struct {
	bun.BaseModel `bun:"table:igny8_invitations,alias:invitation"`

	TenantID gid.Account    `bun:"tenant_id,pk"`
	ID       gid.Invitation `bun:"id,pk"`
	Email    string         `bun:"email"`
	Role     Role           `bun:"role"`
	// SiteIDs are the sites that will be granted; those that are gone by then are passed over.
	SiteIDs    []gid.Site `bun:"site_ids,array"`
	TokenHash  []byte     `bun:"token_hash"`
	InvitedBy  gid.User   `bun:"invited_by"`
	CreatedAt  time.Time  `bun:"created_at"`
	ExpiresAt  time.Time  `bun:"expires_at"`
	AcceptedAt *time.Time `bun:"accepted_at"`
	AcceptedBy *gid.User  `bun:"accepted_by"`
	RevokedAt  *time.Time `bun:"revoked_at"`

	// Status is where the invitation stood when it was read.
	Status InvitationStatus `bun:"-"`
}

// IsNode marks the type as having a global id.
func (*Invitation) IsNode() {}

// Tenant is the account that the invitation leads to.
func (i *Invitation) Tenant() gid.Account { return i.TenantID }

// at returns the invitation with its status at now.
func (i *Invitation) at(now time.Time) *Invitation {
	switch {
	case i.AcceptedAt != nil:
		i.Status = InvitationAccepted
	case i.RevokedAt != nil:
		i.Status = InvitationRevoked
	case !i.ExpiresAt.After(now):
		i.Status = InvitationExpired
	default:
		i.Status = InvitationPending
	}
	return i
}

// InvitationConnection is a page of invitations.
type InvitationConnection = page.Connection[*Invitation]

// InvitationEdge is an invitation in a page.
type InvitationEdge = page.Edge[*Invitation]

// InvitationStatus is where an invitation stands.
type InvitationStatus string

// The statuses. A pending invitation becomes expired by time alone; accepted and revoked ones stay so.
const (
	InvitationPending  InvitationStatus = "pending"
	InvitationAccepted InvitationStatus = "accepted"
	InvitationRevoked  InvitationStatus = "revoked"
	InvitationExpired  InvitationStatus = "expired"
)

// MarshalGQL writes the enum value.
func (s InvitationStatus) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *InvitationStatus) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// where narrows a select of invitations to those that stand so at now.
func (s InvitationStatus) where(q *bun.SelectQuery, now time.Time) *bun.SelectQuery {
	switch s {
	case InvitationAccepted:
		return q.Where("invitation.accepted_at IS NOT NULL")
	case InvitationRevoked:
		return q.Where("invitation.revoked_at IS NOT NULL")
	case InvitationPending:
		return open(q).Where("invitation.expires_at > ?", now)
	case InvitationExpired:
		return open(q).Where("invitation.expires_at <= ?", now)
	default:
		return q.Where("FALSE")
	}
}

// open narrows a select of invitations to those that were neither accepted nor revoked.
func open(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("invitation.accepted_at IS NULL").Where("invitation.revoked_at IS NULL")
}
