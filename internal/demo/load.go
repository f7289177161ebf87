package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/period"
	"igny8.com/accounts/internal/plan"
)

// loader writes the demo state in one transaction.
type loader struct {
	tx           bun.Tx
	now          time.Time
	passwordHash string
	catalogue    *catalogue
}

func (l *loader) load(ctx context.Context) error {
	var err error
	if l.catalogue, err = readCatalogue(ctx, l.tx); err != nil {
		return err
	}
	if err := advanceSequences(ctx, l.tx); err != nil {
		return err
	}
	for i := range state {
		if err := l.account(ctx, &state[i]); err != nil {
			return fmt.Errorf("account %s: %w", state[i].slug, err)
		}
	}
	_, err = l.tx.ExecContext(ctx, "INSERT INTO igny8_database_marks (name, created_at) VALUES (?, ?)", mark, l.now)
	if err != nil {
		return fmt.Errorf("mark the database: %w", err)
	}
	return nil
}

// account writes one account and everything that belongs to it.
func (l *loader) account(ctx context.Context, t *tenant) error {
	// Row-level security binds the tables' owner too, and one transaction here writes several accounts: so
	// the scope moves inside of it. It is gone with the transaction, so the connection goes back to
	// the pool in the scope that the pool gave it.
	if _, err := l.tx.ExecContext(ctx, "SELECT set_config('app.tenant_id', ?::text, true)", t.id); err != nil {
		return fmt.Errorf("enter the account: %w", err)
	}
	for _, step := range []func(context.Context, *tenant) error{l.people, l.subscription, l.sites, l.credits} {
		if err := step(ctx, t); err != nil {
			return err
		}
	}
	opened := audit.On("account.opened", "account", t.id).
		To(map[string]any{"plan": t.plan, "status": string(t.status), "credits": t.balance, "demo": true})
	return audit.Record(ctx, l.tx, t.id, audit.By{Kind: audit.System}, l.now, opened)
}

// people writes the account with its owner, and what sign-in and sign-up find them by.
func (l *loader) people(ctx context.Context, t *tenant) error {
	owner := t.owner.id
	if owner == 0 {
		if err := l.tx.NewRaw("SELECT nextval('igny8_users_id_seq')").Scan(ctx, &owner); err != nil {
			return fmt.Errorf("take an id for a user: %w", err)
		}
	}
	if err := insert(ctx, l.tx, &account.Account{
		ID: t.id, Name: t.name, Slug: t.slug, PlanID: l.catalogue.plans[t.plan], OwnerID: &owner, Status: t.status,
		CreatedAt: l.now, UpdatedAt: l.now,
	}); err != nil {
		return err
	}
	if t.system {
		if _, err := l.tx.ExecContext(ctx, "UPDATE igny8_tenants SET is_system = true WHERE id = ?", t.id); err != nil {
			return fmt.Errorf("mark the system account: %w", err)
		}
	}
	if err := insert(ctx, l.tx, &account.User{
		TenantID: t.id, ID: owner, Email: t.owner.email, Role: t.owner.role, PasswordHash: &l.passwordHash,
		CreatedAt: l.now, UpdatedAt: l.now,
	}); err != nil {
		return err
	}
	if err := insert(ctx, l.tx, &slugEntry{Slug: t.slug, TenantID: t.id}); err != nil {
		return err
	}
	return insert(ctx, l.tx, &loginEntry{Email: t.owner.email, TenantID: t.id, UserID: owner})
}

// subscription gives the account the one subscription that every account has; production had none yet.
func (l *loader) subscription(ctx context.Context, t *tenant) error {
	status, kind := "active", "opening"
	span := period.Period{Start: l.now, End: period.Boundary(l.now, 1)}
	var trialEnd *time.Time
	if t.status == account.Trial {
		status, kind = "trialing", "trial"
		span = period.Days(l.now, plan.DefaultTrialDays)
		trialEnd = &span.End
	}
	if err := insert(ctx, l.tx, &subscriptionRow{
		TenantID: t.id, Status: status, TrialEnd: trialEnd, DueAt: l.now, CreatedAt: l.now, UpdatedAt: l.now,
	}); err != nil {
		return err
	}
	return insert(ctx, l.tx, &periodRow{
		TenantID: t.id, Kind: kind, PlanID: l.catalogue.plans[t.plan], StartAt: span.Start, EndAt: span.End, CreatedAt: l.now,
	})
}

// sites writes the account's sites, each with the first sectors of its industry.
func (l *loader) sites(ctx context.Context, t *tenant) error {
	if len(t.sites) == 0 {
		return nil
	}
	var sites []*siteRow
	var sectors []*sectorRow
	for _, s := range t.sites {
		about := l.catalogue.industries[s.industry]
		sites = append(sites, &siteRow{
			TenantID: t.id, ID: s.id, Name: s.name, Slug: s.slug, IndustryID: about.id, CreatedAt: l.now, UpdatedAt: l.now,
		})
		for _, entry := range about.sectors[:s.sectors] {
			sectors = append(sectors, &sectorRow{
				TenantID: t.id, SiteID: s.id, IndustryID: about.id, IndustrySectorID: entry.ID, Name: entry.Name,
				CreatedAt: l.now, UpdatedAt: l.now,
			})
		}
	}
	if err := insert(ctx, l.tx, &sites); err != nil {
		return err
	}
	return insert(ctx, l.tx, &sectors)
}

// credits writes the account's ledger, its one grant, and which of the two belong together: every line
// moved that grant.
func (l *loader) credits(ctx context.Context, t *tenant) error {
	lines := t.ledger(l.now)
	if err := insert(ctx, l.tx, &credit.Account{TenantID: t.id, Balance: t.balance, LastSeq: int64(len(lines))}); err != nil {
		return err
	}
	grant := t.grant(l.now)
	if grant == nil {
		return nil
	}
	if err := insert(ctx, l.tx, grant); err != nil {
		return err
	}
	if err := insert(ctx, l.tx, &lines); err != nil {
		return err
	}
	const parts = `
INSERT INTO igny8_credit_transaction_grants (tenant_id, transaction_id, grant_id, amount)
SELECT line.tenant_id, line.id, credit_grant.id, line.amount
FROM igny8_credit_transactions AS line JOIN igny8_credit_grants AS credit_grant USING (tenant_id)
WHERE tenant_id = ?`
	if _, err := l.tx.ExecContext(ctx, parts, t.id); err != nil {
		return fmt.Errorf("insert the parts of the ledger's lines: %w", err)
	}
	return credit.SumUsage(ctx, l.tx, t.id)
}

// advanceSequences lets the next sign-up take ids beyond the demo state's. It never takes a sequence
// back: a sign-up that failed may have taken an id already.
func advanceSequences(ctx context.Context, tx bun.Tx) error {
	var accounts gid.Account
	var users gid.User
	var sites gid.Site
	for i := range state {
		accounts, users = max(accounts, state[i].id), max(users, state[i].owner.id)
		for _, s := range state[i].sites {
			sites = max(sites, s.id)
		}
	}
	const advance = `
SELECT setval('igny8_tenants_id_seq', greatest(?, (SELECT last_value FROM igny8_tenants_id_seq))),
       setval('igny8_users_id_seq', greatest(?, (SELECT last_value FROM igny8_users_id_seq))),
       setval('igny8_sites_id_seq', greatest(?, (SELECT last_value FROM igny8_sites_id_seq)))`
	if _, err := tx.ExecContext(ctx, advance, accounts, users, sites); err != nil {
		return fmt.Errorf("advance the sequences: %w", err)
	}
	return nil
}
