package wordpress

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/site"
)

// Use lets do speak to the WordPress of a site within reach. It takes the whole database rather than a
// transaction: none may be open, and no connection held, while a site takes its time. Fault: NOT_FOUND
// at siteId; and the error of do.
func (b *Bridge) Use(
	ctx context.Context, db *postgres.DB, reach site.Reach, id gid.Site, do func(ctx context.Context, client *Client) error,
) error {
	connection, err := find(ctx, db, reach, id)
	if err != nil {
		return err
	}
	who, err := connection.open(b.vault)
	if err != nil {
		return err
	}
	client, err := b.newClient(who)
	if err != nil {
		return err
	}
	return do(ctx, client)
}

// Check asks a site's WordPress who the password's user is, and keeps when and what came of it. That
// something is wrong is an answer, in CheckError, not an error. What was found about an address or a
// password that has been replaced meanwhile is not kept. Fault: NOT_FOUND at siteId.
func (b *Bridge) Check(ctx context.Context, db *postgres.DB, actor account.Actor, now time.Time, id gid.Site) (*Connection, error) {
	reach := site.ReachOf(actor)
	connection, err := find(ctx, db, reach, id)
	if err != nil {
		return nil, err
	}
	tried, err := connection.open(b.vault)
	if err != nil {
		return nil, err
	}
	problem := b.probe(ctx, tried)

	// Where whoever asked is gone or out of time, which says nothing about the site, this does not begin.
	var checked *Connection
	err = postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, reach.Tenant); err != nil {
			return err
		}
		var err error
		if checked, err = find(ctx, tx, reach, id); err != nil {
			return err
		}
		// Compared by what was tried, not by the row: the same password may be sealed anew.
		there, err := checked.open(b.vault)
		if err != nil {
			return err
		}
		if there != tried || checked.CheckedAt != nil && checked.CheckedAt.After(now) {
			return nil
		}
		checked.CheckedAt, checked.CheckError = &now, problem
		if _, err := tx.NewUpdate().Model(checked).Column("checked_at", "check_error").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("keep what WordPress answered: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return checked, nil
}

// probe tries the credentials; nil where they work.
func (b *Bridge) probe(ctx context.Context, who credentials) *Problem {
	client, err := b.newClient(who)
	if err != nil {
		return new(NotReachable)
	}
	// In the context of editing, WordPress answers those alone who have signed in.
	answer, err := client.Do(ctx, http.MethodGet, api+"wp/v2/users/me", url.Values{"context": {"edit"}}, nil)
	if err != nil {
		return new(problemOf(err))
	}
	return answer.problem()
}

// problemOf says what a request that got no answer tells of the site.
func problemOf(err error) Problem {
	if errors.Is(err, errTooLarge) {
		return NoWordPress
	}
	if _, bad := errors.AsType[*tls.CertificateVerificationError](err); bad {
		return BadCertificate
	}
	return NotReachable
}

// problem says what an answer to who the user is tells of the site; nil where all is well.
func (r *Response) problem() *Problem {
	switch {
	case r.Status == http.StatusOK:
		var user struct {
			ID int64 `json:"id"`
		}
		if json.Unmarshal(r.Body, &user) != nil || user.ID <= 0 {
			return new(NoWordPress)
		}
		return nil
	case r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden:
		return new(PasswordRefused)
	case r.Status >= 300 && r.Status < 400:
		return new(Redirected)
	case r.Status >= 500 || r.Status == http.StatusTooManyRequests:
		return new(SiteFailed)
	default:
		return new(NoWordPress)
	}
}
