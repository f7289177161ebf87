// Package signup owns the one command that opens an account: account, owner, subscription, trial
// period, grant, ledger line and first session, all at once or not at all.
//
// No input names a plan, a role, a status or credits: the plan is chosen by plan.ForSignUp, and the
// rest follows from it.
package signup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/slug"
)

const (
	maxName = 100
	maxSlug = 60
)

// Request is who signs up. Check brings it into its stored form.
type Request struct {
	Email string
	Name  string
	// AccountName is the person's name when nil.
	AccountName *string
	// PasswordHash is the password as it is kept, never the password.
	PasswordHash string
}

// Check brings the request into the form that it is stored in and finds all that is wrong with it:
// REQUIRED, TOO_LONG, INVALID, and TAKEN for a name that is reserved. It reads no database.
func (r *Request) Check() fault.List {
	var faults fault.List
	email, f := account.Email(r.Email)
	r.Email = email
	faults.Add(f)
	r.Name = strings.TrimSpace(r.Name)
	faults.Add(fault.CheckText(r.Name, "name", maxName))
	named := "name"
	if r.AccountName != nil {
		named = "accountName"
		trimmed := strings.TrimSpace(*r.AccountName)
		r.AccountName = &trimmed
		faults.Add(fault.CheckText(trimmed, named, maxName))
	}
	if account.Reserved(r.accountName()) {
		faults.Add(fault.New(fault.Taken, "this name is reserved").At(named))
	}
	return faults
}

func (r *Request) accountName() string {
	if r.AccountName != nil {
		return *r.AccountName
	}
	return r.Name
}

// Run opens the account of a request that passed Check. finish joins the transaction with what else
// belongs to signing up, the owner's session. Errors: PLAN_UNAVAILABLE, TAKEN at email.
func Run(
	ctx context.Context, db bun.IDB, in Request, origin account.Origin, now time.Time,
	finish func(ctx context.Context, tx bun.Tx, owner *account.User) error,
) (*account.Account, error) {
	var ids struct {
		Account gid.Account
		User    gid.User
	}
	// The numbers come first: the account's own is the scope that its rows are written in.
	err := db.NewSelect().ColumnExpr("nextval('igny8_tenants_id_seq'), nextval('igny8_users_id_seq')").
		Scan(ctx, &ids.Account, &ids.User)
	if err != nil {
		return nil, fmt.Errorf("number account: %w", err)
	}
	owner := &account.User{
		TenantID: ids.Account, ID: ids.User, Email: in.Email, Name: in.Name, Role: account.Owner,
		PasswordHash: &in.PasswordHash, CreatedAt: now, UpdatedAt: now,
	}
	opened := &account.Account{
		ID: ids.Account, Name: in.accountName(), OwnerID: &ids.User, Status: account.Trial,
		BillingEmail: &in.Email, CreatedAt: now, UpdatedAt: now,
	}
	err = postgres.InTx(postgres.WithTenant(ctx, int64(ids.Account)), db, func(ctx context.Context, tx bun.Tx) error {
		chosen, err := plan.ForSignUp(ctx, tx)
		if err != nil {
			return err
		}
		opened.PlanID = chosen.ID
		if err := write(ctx, tx, opened, owner); err != nil {
			return err
		}
		if err := begin(ctx, tx, opened, owner, chosen, origin, now); err != nil {
			return err
		}
		return finish(ctx, tx, owner)
	})
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// write writes the account and its owner, directories first: they decide what is taken.
func write(ctx context.Context, tx bun.Tx, opened *account.Account, owner *account.User) error {
	taken, err := claim(ctx, tx, `INSERT INTO igny8_login_directory (email, tenant_id, user_id) VALUES (?, ?, ?)`,
		owner.Email, owner.TenantID, owner.ID)
	if err != nil {
		return err
	}
	if taken {
		return fault.New(fault.Taken, "somebody signs in with this address already").At("email")
	}
	if err := claimSlug(ctx, tx, opened); err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(opened).
		Column("id", "name", "slug", "plan_id", "owner_id", "status", "billing_email", "created_at", "updated_at").
		Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	if _, err := tx.NewInsert().Model(owner).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("insert owner: %w", err)
	}
	return nil
}

// claimSlug gives the account a slug of its own, made from its name; one that is taken gets the
// account's number behind it.
func claimSlug(ctx context.Context, tx bun.Tx, a *account.Account) error {
	number := fmt.Sprintf("-%d", a.ID)
	base := slug.Make(a.Name, "account", maxSlug-2*len(number))
	for _, candidate := range []string{base, base + number, base + number + number} {
		if account.Reserved(candidate) {
			continue
		}
		taken, err := claim(ctx, tx, `INSERT INTO igny8_slug_directory (slug, tenant_id) VALUES (?, ?)`, candidate, a.ID)
		if err != nil {
			return err
		}
		if !taken {
			a.Slug = candidate
			return nil
		}
	}
	return fmt.Errorf("no slug is free for account %d", a.ID)
}

// claim inserts a directory's row and says whether somebody else has it.
func claim(ctx context.Context, tx bun.Tx, insert string, args ...any) (taken bool, err error) {
	result, err := tx.NewRaw(insert+" ON CONFLICT DO NOTHING", args...).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("claim in directory: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("claim in directory: %w", err)
	}
	return n == 0, nil
}

// begin starts the trial: subscription, period, credits, and the event that tells of it.
func begin(
	ctx context.Context, tx bun.Tx, opened *account.Account, owner *account.User, chosen *plan.Plan,
	origin account.Origin, now time.Time,
) error {
	trial, err := billing.StartTrial(ctx, tx, opened.ID, chosen, now)
	if err != nil {
		return err
	}
	if err := credit.Open(ctx, tx, opened.ID); err != nil {
		return err
	}
	by := account.Actor{User: owner, Account: opened, Plan: chosen, Origin: origin}.By(opened.ID)
	_, err = credit.Add(ctx, tx, credit.Incoming{
		Tenant: opened.ID, Kind: credit.Trial, Amount: chosen.IncludedCredits, ExpiresAt: &trial.End, PeriodID: &trial.ID,
		Description: "Credits of the trial", IdempotencyKey: fmt.Sprintf("period:%d", trial.ID), By: by, At: now,
	})
	if err != nil {
		return err
	}
	change := audit.On("account.opened", "account", opened.ID).
		To(map[string]any{"plan": chosen.Slug, "status": opened.Status, "credits": chosen.IncludedCredits})
	return audit.Record(ctx, tx, opened.ID, by, now, change)
}
