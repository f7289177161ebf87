// Package wordpress owns the connection of sites to the WordPress that they run on, the only client that
// speaks to it, and the log of what the bridge between them synced.
//
// What must always hold: an application password is kept sealed, bound to its account, site and
// address, and leaves the package in one way alone, in the Authorization header of a request to that
// address; nothing returns, logs or records it. Every connection that is opened is judged by the
// address that the name resolved to, at the moment of connecting, so that no name, no redirect and no
// spelling leads into a private network. No transaction and no database connection waits for a site.
// A report of the bridge is kept once, however often it comes.
//
// A sync event is a log itself, written by the thousand, so it leaves no audit event; connecting and
// disconnecting do.
package wordpress

import (
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/vault"
)

// Connection is a site's WordPress. It goes by its site's id.
type Connection struct {
	bun.BaseModel `bun:"table:igny8_wordpress_connections,alias:connection"`

	TenantID gid.Account `bun:"tenant_id,pk"`
	SiteID   gid.Site    `bun:"site_id,pk"`
	// URL is where WordPress lives, without a slash at its end.
	URL      string `bun:"url"`
	Username string `bun:"username"`
	// Sealed is the application password, sealed by the vault's key KeyID.
	Sealed []byte `bun:"sealed"`
	KeyID  string `bun:"key_id"`
	// ConnectedBy is nil where staff connected it for the account.
	ConnectedBy *gid.User `bun:"connected_by"`
	ConnectedAt time.Time `bun:"connected_at"`
	UpdatedAt   time.Time `bun:"updated_at"`
	// CheckedAt is when Check last tried this address and password; nil where it never has.
	CheckedAt *time.Time `bun:"checked_at"`
	// CheckError is what was wrong then; nil where nothing was.
	CheckError *Problem `bun:"check_error"`
}

// Tenant is the account that the connection belongs to.
func (c *Connection) Tenant() gid.Account { return c.TenantID }

// Problem is what keeps a connection from working.
type Problem string

// The problems.
const (
	// NotReachable: nothing answered at a public address. A name that leads into a private network is
	// told like one that leads nowhere, so that nobody explores networks by it.
	NotReachable Problem = "not_reachable"
	// BadCertificate: the site's certificate is not to be trusted.
	BadCertificate Problem = "bad_certificate"
	// Redirected: the site sends elsewhere, where no password is carried; connect to that address.
	Redirected Problem = "redirected"
	// NoWordPress: something answered that does not speak WordPress's REST API.
	NoWordPress Problem = "no_wordpress"
	// PasswordRefused: WordPress, or what stands before it, refused the user name or the password.
	PasswordRefused Problem = "password_refused"
	// SiteFailed: the site answered that it cannot answer now.
	SiteFailed Problem = "site_failed"
)

// MarshalGQL writes the enum value.
func (p Problem) MarshalGQL(w io.Writer) { enum.Marshal(w, p) }

// UnmarshalGQL reads the enum value.
func (p *Problem) UnmarshalGQL(v any) error { return enum.Unmarshal(p, v) }

// DefaultTimeout is how long one request to a site may take: less than a request to this service.
const DefaultTimeout = 4 * time.Second

// Config says which addresses may be connected to. Its zero value is for production: https on port 443
// to public addresses. The rest serves development and tests.
type Config struct {
	// AllowHTTP lets addresses be http, where the password is sent for anybody on the way to read.
	AllowHTTP bool
	// AnyPort lets addresses have a port other than their scheme's own.
	AnyPort bool
	// Allowed are networks that may be connected to although they are not public.
	Allowed []netip.Prefix
	// Roots are the authorities that certificates are trusted by; nil for the system's.
	Roots *x509.CertPool
	// Resolver looks names up; nil for the system's.
	Resolver *net.Resolver
	// Timeout bounds one request; 0 means DefaultTimeout.
	Timeout time.Duration
}

// Bridge connects sites to their WordPress. It is safe for concurrent use.
type Bridge struct {
	vault *vault.Vault
	cfg   Config
	http  *http.Client
}

// New makes a bridge whose passwords are sealed by the vault.
func New(v *vault.Vault, cfg Config) *Bridge {
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	return &Bridge{vault: v, cfg: cfg, http: cfg.client()}
}
