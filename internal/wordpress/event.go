package wordpress

import (
	"encoding/json"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// SyncEvent is something that the bridge synced with a site, as the bridge reported it. It never
// changes.
type SyncEvent struct {
	bun.BaseModel `bun:"table:igny8_sync_events,alias:sync_event"`

	TenantID  gid.Account   `bun:"tenant_id,pk"`
	ID        gid.SyncEvent `bun:"id,pk,autoincrement"`
	SiteID    gid.Site      `bun:"site_id"`
	Kind      SyncKind      `bun:"kind"`
	Direction SyncDirection `bun:"direction"`
	Outcome   SyncOutcome   `bun:"outcome"`
	// Items is how many posts, files or terms were synced.
	Items   int             `bun:"items"`
	Message string          `bun:"message"`
	Details json.RawMessage `bun:"details,type:jsonb"`
	// ExternalID is the bridge's own id of the event, unique within the site.
	ExternalID  string          `bun:"external_id"`
	Fingerprint []byte          `bun:"fingerprint"`
	ActorKind   audit.ActorKind `bun:"actor_kind"`
	ActorID     *int64          `bun:"actor_id"`
	// OccurredAt is when it happened by the bridge's clock, CreatedAt when it was reported by ours.
	OccurredAt time.Time `bun:"occurred_at"`
	CreatedAt  time.Time `bun:"created_at"`
}

// IsNode marks the type as having a global id.
func (*SyncEvent) IsNode() {}

// Tenant is the account that the event belongs to.
func (e *SyncEvent) Tenant() gid.Account { return e.TenantID }

// Actor is who reported it.
func (e *SyncEvent) Actor() *audit.Actor {
	return &audit.Actor{Tenant: e.TenantID, Kind: e.ActorKind, ID: e.ActorID}
}

// EventConnection is a page of sync events.
type EventConnection = page.Connection[*SyncEvent]

// EventEdge is a sync event in a page.
type EventEdge = page.Edge[*SyncEvent]

// SyncKind is what was synced.
type SyncKind string

// The kinds.
const (
	Publish  SyncKind = "publish"
	Update   SyncKind = "update"
	Delete   SyncKind = "delete"
	Import   SyncKind = "import"
	Status   SyncKind = "status"
	Media    SyncKind = "media"
	Taxonomy SyncKind = "taxonomy"
)

// MarshalGQL writes the enum value.
func (k SyncKind) MarshalGQL(w io.Writer) { enum.Marshal(w, k) }

// UnmarshalGQL reads the enum value.
func (k *SyncKind) UnmarshalGQL(v any) error { return enum.Unmarshal(k, v) }

// SyncDirection is which way it was synced.
type SyncDirection string

// The directions.
const (
	ToSite   SyncDirection = "to_site"
	FromSite SyncDirection = "from_site"
)

// MarshalGQL writes the enum value.
func (d SyncDirection) MarshalGQL(w io.Writer) { enum.Marshal(w, d) }

// UnmarshalGQL reads the enum value.
func (d *SyncDirection) UnmarshalGQL(v any) error { return enum.Unmarshal(d, v) }

// SyncOutcome is what came of it.
type SyncOutcome string

// The outcomes.
const (
	Succeeded SyncOutcome = "succeeded"
	Partial   SyncOutcome = "partial"
	Failed    SyncOutcome = "failed"
)

// MarshalGQL writes the enum value.
func (o SyncOutcome) MarshalGQL(w io.Writer) { enum.Marshal(w, o) }

// UnmarshalGQL reads the enum value.
func (o *SyncOutcome) UnmarshalGQL(v any) error { return enum.Unmarshal(o, v) }
