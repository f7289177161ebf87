package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// impersonationClaim is the claim imp of an access token: which account its bearer acts for, under
// which impersonation. The other claims are the bearer's own, as in their every token, so that one
// token carries both identities: sub, acct and sid say who it is, imp says for whom.
//
// It is not act (RFC 8693): there sub would be a person of the account, and staff act for an account
// and as none of its people.
type impersonationClaim struct {
	Account string `json:"acct"`
	ID      string `json:"id"`
}

// errNotTheirs means that the program asks for a token that nobody may have.
var errNotTheirs = errors.New("auth: an impersonation's token is for whoever opened it, in the session in which they did")

// IssueImpersonation makes the access token of an impersonation that the actor, a member of staff, has
// opened: good until the impersonation ends, and for AccessLifetime at most. There is no refresh token.
// The token is good as long as the actor's session is, the actor is staff and the impersonation has
// not ended; each request asks the database.
func (a *Authority) IssueImpersonation(actor account.Actor, imp *account.Impersonation) (token string, expiresAt time.Time, err error) {
	if !actor.Staff() || imp.TenantID == actor.User.TenantID || imp.StaffTenant != actor.User.TenantID ||
		imp.StaffID != actor.User.ID || imp.SessionID != actor.SessionID {
		return "", time.Time{}, errNotTheirs
	}
	b := bearer{
		user: actor.User.ID, account: actor.User.TenantID, session: actor.SessionID,
		actsFor: imp.TenantID, impersonation: imp.ID,
	}
	return a.access.issue(b, a.now(), imp.ExpiresAt)
}

// impersonation reads, in one statement, for whom a member of staff acts now.
const impersonation = `
SELECT i.tenant_id, i.id, i.staff_tenant, i.staff_id, i.session_id, i.reason, i.created_at, i.expires_at, i.ended_at,
       ` + accountColumns + `,
       ` + planColumns + `
FROM igny8_impersonations i
JOIN igny8_tenants a ON a.id = i.tenant_id
JOIN igny8_plans p ON p.id = a.plan_id
WHERE i.tenant_id = $1 AND i.id = $2
  AND i.staff_tenant = $3 AND i.staff_id = $4 AND i.session_id = $5
  AND i.ended_at IS NULL AND i.expires_at > $6
  AND a.deleted_at IS NULL AND NOT a.is_system`

// actingFor is the bearer of a token as who acts for the account that the token names; nobody where
// they are not staff any more, the impersonation is over or not theirs, or the account is deleted.
func (a *Authority) actingFor(ctx context.Context, staff account.Actor, b bearer, now time.Time) (account.Actor, error) {
	if !staff.Staff() {
		return account.Actor{}, nil
	}
	i, t, p := &account.Impersonation{}, &account.Account{}, &plan.Plan{}
	ctx = postgres.WithTenant(ctx, int64(b.actsFor))
	row := a.db.Pool.QueryRow(ctx, impersonation, pgx.QueryExecModeCacheStatement,
		b.actsFor, b.impersonation, b.account, b.user, b.session, now)
	into := []any{
		&i.TenantID, &i.ID, &i.StaffTenant, &i.StaffID, &i.SessionID, &i.Reason, &i.CreatedAt, &i.ExpiresAt, &i.EndedAt,
	}
	err := row.Scan(slices.Concat(into, accountTargets(t), planTargets(p))...)
	if errors.Is(err, pgx.ErrNoRows) {
		return account.Actor{}, nil
	}
	if err != nil {
		return account.Actor{}, fmt.Errorf("read for whom staff act: %w", err)
	}
	return account.Actor{User: staff.User, Impersonation: i, Account: t, Plan: p, SessionID: staff.SessionID}, nil
}

// claimed writes for whom the bearer acts into a claim; nil where it is for themselves.
func (b bearer) claimed() *impersonationClaim {
	if b.impersonation == 0 {
		return nil
	}
	return &impersonationClaim{Account: gid.Format(b.actsFor), ID: gid.Format(b.impersonation)}
}

// read takes over for whom the bearer acts; false where the claim is none that we write.
func (c *impersonationClaim) read(b *bearer) bool {
	if c == nil {
		return true
	}
	var errs [2]error
	b.actsFor, errs[0] = gid.Parse[gid.Account](c.Account)
	b.impersonation, errs[1] = gid.Parse[gid.Impersonation](c.ID)
	return errors.Join(errs[:]...) == nil && b.actsFor != b.account
}
