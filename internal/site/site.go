// Package site owns the web sites that accounts run, their sectors, and the catalogue of industries
// that both refer to.
//
// What must always hold: an account never has more sites than its plan allows, and a site never more
// than MaxSectors sectors, however many requests come at once; a sector is part of its site's
// industry; a slug is unique among its account's sites. A site that is deleted, another account's or
// not granted to whoever asks is absent everywhere, and its sectors with it: every read starts from
// Reach. What was deleted can be restored until its time is over, and within the same limits; then it is
// removed for good, and not before: the database sees to that.
package site

import (
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// Bounds of what a site has, the lengths in characters.
const (
	MaxSectors = 5
	MaxName    = 100
	MaxSlug    = 60
)

// Site is a web site that an account runs.
type Site struct {
	bun.BaseModel `bun:"table:igny8_sites,alias:site"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	ID       gid.Site    `bun:"id,pk,autoincrement"`
	Name     string      `bun:"name"`
	Slug     string      `bun:"slug"`
	// Domain is a bare host name in lower case; empty where a site from before has none.
	Domain       string        `bun:"domain"`
	IndustryID   *gid.Industry `bun:"industry_id"`
	Status       Status        `bun:"status"`
	Active       bool          `bun:"is_active"`
	CreatedAt    time.Time     `bun:"created_at"`
	UpdatedAt    time.Time     `bun:"updated_at"`
	DeletedAt    *time.Time    `bun:"deleted_at"`
	DeletedBy    *gid.User     `bun:"deleted_by"`
	RestoreUntil *time.Time    `bun:"restore_until"`
}

// IsNode marks the type as having a global id.
func (*Site) IsNode() {}

// Tenant is the account that the site belongs to.
func (s *Site) Tenant() gid.Account { return s.TenantID }

// Connection is a page of sites.
type Connection = page.Connection[*Site]

// Edge is a site in a page.
type Edge = page.Edge[*Site]

// Status is where a site stands. Active and Inactive follow the site's Active; Suspended does not.
type Status string

// The statuses.
const (
	Active    Status = "active"
	Inactive  Status = "inactive"
	Suspended Status = "suspended"
)

// statusOf is the status of what is not suspended.
func statusOf(active bool) Status {
	if active {
		return Active
	}
	return Inactive
}

// MarshalGQL writes the enum value.
func (s Status) MarshalGQL(w io.Writer) { enum.Marshal(w, s) }

// UnmarshalGQL reads the enum value.
func (s *Status) UnmarshalGQL(v any) error { return enum.Unmarshal(s, v) }

// Sector is a part of its site's industry that the site covers.
type Sector struct {
	bun.BaseModel `bun:"table:igny8_sectors,alias:sector"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	ID       gid.Sector  `bun:"id,pk,autoincrement"`
	SiteID   gid.Site    `bun:"site_id"`
	// IndustryID is the site's and the catalogue entry's; the database holds all three together.
	IndustryID       gid.Industry       `bun:"industry_id"`
	IndustrySectorID gid.IndustrySector `bun:"industry_sector_id"`
	Name             string             `bun:"name"`
	// Status is Active or Inactive, after Active.
	Status       Status     `bun:"status"`
	Active       bool       `bun:"is_active"`
	CreatedAt    time.Time  `bun:"created_at"`
	UpdatedAt    time.Time  `bun:"updated_at"`
	DeletedAt    *time.Time `bun:"deleted_at"`
	DeletedBy    *gid.User  `bun:"deleted_by"`
	RestoreUntil *time.Time `bun:"restore_until"`
}

// IsNode marks the type as having a global id.
func (*Sector) IsNode() {}

// Tenant is the account that the sector belongs to.
func (s *Sector) Tenant() gid.Account { return s.TenantID }

// Reach is which sites somebody may see: all of an account's, those granted to one of its people, or the
// one of an API key.
// The zero Reach sees none.
type Reach struct {
	Tenant gid.Account
	User   gid.User
	All    bool
	// Only is the one site that an API key acts for; 0 for people.
	Only gid.Site
}

// ReachOf is the actor's reach within their account; nobody's is empty.
func ReachOf(actor account.Actor) Reach {
	if !actor.SignedIn() {
		return Reach{}
	}
	if actor.Key != nil {
		return Reach{Tenant: actor.AccountID(), Only: actor.Key.SiteID}
	}
	return Reach{Tenant: actor.AccountID(), User: actor.User.ID, All: actor.Role().AllSites()}
}

// everything is the reach of the rules that hold for an account's sites together: its limit and the
// uniqueness of slugs. What is read with it must not be shown.
func everything(tenant gid.Account) Reach { return Reach{Tenant: tenant, All: true} }
