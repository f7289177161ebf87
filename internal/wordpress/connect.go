package wordpress

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/vault"
)

// MaxUsername is in characters. WordPress takes the user's email address too, which is longer than its
// names.
const MaxUsername = 100

// passwordLength is how many characters WordPress's application passwords have, spaces aside.
const passwordLength = 24

// NewConnection is a site's WordPress as whoever connects it describes it.
type NewConnection struct {
	SiteID gid.Site
	// URL is where WordPress lives, e.g. https://www.example.com/blog.
	URL      string
	Username string
	// ApplicationPassword is as WordPress shows it, with spaces or without.
	ApplicationPassword string
}

// Connect keeps the address of a site's WordPress and the password to it, in place of those from before; it
// does not try them, Check does. Faults: NOT_FOUND at siteId; REQUIRED, TOO_LONG, INVALID at url and
// username; REQUIRED, INVALID at applicationPassword. All that are found are told at once.
func (b *Bridge) Connect(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in NewConnection) (*Connection, error) {
	var made *Connection
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := account.Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		reach := site.ReachOf(actor)
		who, err := b.judge(ctx, tx, reach, in)
		if err != nil {
			return err
		}
		change := audit.On("wordpress.connected", "site", in.SiteID)
		before, err := ConnectionsBySites(ctx, tx, reach, []gid.Site{in.SiteID})
		if err != nil {
			return err
		}
		for _, c := range before {
			change = change.From(c.facts())
		}
		made = &Connection{
			TenantID: acct.ID, SiteID: in.SiteID, URL: who.url, Username: who.username,
			ConnectedBy: actor.MemberID(), ConnectedAt: now, UpdatedAt: now,
		}
		made.seal(b.vault, who.password)
		if err := made.put(ctx, tx); err != nil {
			return err
		}
		return audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now, change.To(made.facts()))
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// put writes the row, in place of the site's row from before.
func (c *Connection) put(ctx context.Context, tx bun.Tx) error {
	q := tx.NewInsert().Model(c).On("CONFLICT (tenant_id, site_id) DO UPDATE")
	for _, column := range []string{
		"url", "username", "sealed", "key_id", "connected_by", "connected_at", "updated_at", "checked_at", "check_error",
	} {
		q = q.Set("?0 = EXCLUDED.?0", bun.Ident(column))
	}
	if _, err := q.Exec(ctx); err != nil {
		return fmt.Errorf("connect WordPress: %w", err)
	}
	return nil
}

// credentials are what it takes to speak to a WordPress.
type credentials struct{ url, username, password string }

// judge gives the credentials in their one spelling, or says everything that is wrong.
func (b *Bridge) judge(ctx context.Context, tx bun.Tx, reach site.Reach, in NewConnection) (credentials, error) {
	var who credentials
	err := checkSite(ctx, tx, reach, in.SiteID)
	faults := fault.Of(err)
	if err != nil && faults == nil {
		return who, err
	}
	var f *fault.Error
	who.url, f = b.cfg.clean(in.URL)
	faults.Add(f)
	who.username, f = cleanUsername(in.Username)
	faults.Add(f)
	who.password, f = cleanPassword(in.ApplicationPassword)
	faults.Add(f)
	return who, faults.Err()
}

// cleanUsername judges a user's name or email address. Faults, at username: REQUIRED, TOO_LONG, INVALID.
func cleanUsername(text string) (string, *fault.Error) {
	const field = "username"
	text = strings.TrimSpace(text)
	if f := fault.CheckText(text, field, MaxUsername); f != nil {
		return "", f
	}
	// HTTP's Basic scheme ends the name at the first colon.
	if strings.ContainsFunc(text, func(r rune) bool { return r == ':' || !unicode.IsPrint(r) }) {
		return "", fault.New(fault.Invalid, "this cannot be the name of a user").At(field)
	}
	return text, nil
}

// cleanPassword gives an application password without the spaces that WordPress shows it with. Faults, at
// applicationPassword: REQUIRED, INVALID; neither repeats any of it.
func cleanPassword(text string) (string, *fault.Error) {
	const field = "applicationPassword"
	text = strings.Join(strings.Fields(text), "")
	if text == "" {
		return "", fault.New(fault.Required, "an application password is needed; WordPress makes one under Users, Profile").At(field)
	}
	odd := strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	if odd || len(text) != passwordLength {
		return "", fault.New(fault.Invalid, "an application password has %d letters and digits; a user's own password does not do", passwordLength).At(field)
	}
	return text, nil
}

// identity is what the seal is bound to: a password does not open in another row, nor for another
// address, to which it would then be sent.
func (c *Connection) identity() string {
	return fmt.Sprintf("wordpress/%d/%d/%s", c.TenantID, c.SiteID, c.URL)
}

func (c *Connection) seal(v *vault.Vault, password string) {
	c.Sealed, c.KeyID = v.Seal([]byte(password), c.identity())
}

func (c *Connection) open(v *vault.Vault) (credentials, error) {
	password, err := v.Open(c.Sealed, c.KeyID, c.identity())
	if err != nil {
		return credentials{}, fmt.Errorf("open the password of site %d's WordPress: %w", c.SiteID, err)
	}
	return credentials{url: c.URL, username: c.Username, password: string(password)}, nil
}

// facts are what the audit log keeps of a connection.
func (c *Connection) facts() map[string]any {
	return map[string]any{"siteId": gid.Format(c.SiteID), urlField: c.URL, "username": c.Username}
}
