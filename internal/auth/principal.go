package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// principal reads, in one statement, everything that decides about a request. It runs at every
// request, so it goes past bun: constant text, prepared once a connection. The password hash stays
// in the database.
const principal = `
SELECT u.tenant_id, u.id, u.email, u.name, u.role, u.email_verified_at, u.last_login_at,
       u.created_at, u.updated_at, u.deleted_at, u.deleted_by, u.restore_until,
       ` + accountColumns + `,
       ` + planColumns + `
FROM igny8_sessions s
JOIN igny8_users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id
JOIN igny8_tenants a ON a.id = s.tenant_id
JOIN igny8_plans p ON p.id = a.plan_id
WHERE s.tenant_id = $1 AND s.id = $2 AND s.user_id = $3
  AND s.revoked_at IS NULL AND s.expires_at > $4
  AND u.deleted_at IS NULL AND a.deleted_at IS NULL`

// accountColumns are what is read of the account a, into accountTargets.
const accountColumns = `a.id, a.name, a.slug, a.plan_id, a.owner_id, a.status, a.status_reason, a.is_system,
       a.billing_email, a.billing_address, a.stripe_customer_id, a.tax_rate, a.tax_id, a.deletion_retention_days,
       a.created_at, a.updated_at, a.deleted_at, a.deleted_by, a.restore_until, a.clock_at`

func accountTargets(t *account.Account) []any {
	return []any{
		&t.ID, &t.Name, &t.Slug, &t.PlanID, &t.OwnerID, &t.Status, &t.StatusReason, &t.System,
		&t.BillingEmail, &t.BillingAddress, &t.StripeCustomerID, &t.TaxRate, &t.TaxID, &t.DeletionRetentionDays,
		&t.CreatedAt, &t.UpdatedAt, &t.DeletedAt, &t.DeletedBy, &t.RestoreUntil, &t.ClockAt,
	}
}

// planColumns are what is read of the plan p, into planTargets.
const planColumns = `p.id, p.slug, p.name, p.price_minor, p.currency, p.included_credits, p.max_sites, p.max_users,
       p.features, p.trial_days, p.self_serve, p.is_active, p.created_at, p.updated_at`

func planTargets(p *plan.Plan) []any {
	return []any{
		&p.ID, &p.Slug, &p.Name, &p.PriceMinor, &p.Currency, &p.IncludedCredits, &p.MaxSites, &p.MaxUsers,
		&p.Features, &p.TrialDays, &p.SelfServe, &p.Active, &p.CreatedAt, &p.UpdatedAt,
	}
}

// whois reads who bears a token, as the database knows them now; nobody where the session has ended
// or is somebody else's, or the person or the account is deleted. A token of staff who act for an
// account costs a second statement, in the scope of that account.
func (a *Authority) whois(ctx context.Context, b bearer, now time.Time) (account.Actor, error) {
	u, t, p := &account.User{}, &account.Account{}, &plan.Plan{}
	ctx = postgres.WithTenant(ctx, int64(b.account))
	row := a.db.Pool.QueryRow(ctx, principal, pgx.QueryExecModeCacheStatement, b.account, b.session, b.user, now)
	into := []any{
		&u.TenantID, &u.ID, &u.Email, &u.Name, &u.Role, &u.EmailVerifiedAt, &u.LastLoginAt,
		&u.CreatedAt, &u.UpdatedAt, &u.DeletedAt, &u.DeletedBy, &u.RestoreUntil,
	}
	err := row.Scan(slices.Concat(into, accountTargets(t), planTargets(p))...)
	if errors.Is(err, pgx.ErrNoRows) {
		return account.Actor{}, nil
	}
	if err != nil {
		return account.Actor{}, fmt.Errorf("read who makes a request: %w", err)
	}
	actor := account.Actor{User: u, Account: t, Plan: p, SessionID: b.session}
	if b.impersonation != 0 {
		return a.actingFor(ctx, actor, b, now)
	}
	return actor, nil
}
