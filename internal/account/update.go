package account

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/slug"
)

// Bounds of what an account has: lengths in characters, times in days.
const (
	maxName          = 100
	maxSlug          = 60
	maxRetentionDays = 365
)

// nameField is what inputs and the audit log call a name.
const nameField = "name"

// Changes are what to change of an account. Of its fields only BillingEmail may be null: for none.
type Changes struct {
	Name         change.Field[string]
	Slug         change.Field[string]
	BillingEmail change.Field[string]
	// DeletionRetentionDays is for how long what is deleted from now on can be restored.
	DeletionRetentionDays change.Field[int]
}

// Update changes the actor's account. What is said to be as it is already is no change, and an update
// without a change writes nothing. A slug that is given up is free for others at once.
//
// Faults: REQUIRED, TOO_LONG, INVALID at name and slug; TAKEN at name and slug for what reads like a
// system account's, and at slug for another account's; INVALID_STATE at name and slug for a system
// account; TOO_LONG, INVALID at billingEmail; REQUIRED, INVALID at deletionRetentionDays. All that are
// found are told at once. Errors: FORBIDDEN for whoever is no owner any more.
func Update(ctx context.Context, db bun.IDB, actor Actor, now time.Time, in Changes) (*Account, error) {
	var updated *Account
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		before, err := Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		if _, err := standing(ctx, tx, actor, Owner); err != nil {
			return err
		}
		if updated, err = in.judge(ctx, tx, before); err != nil {
			return err
		}
		columns, from, to := before.diff(updated)
		if len(columns) == 0 {
			return nil
		}
		updated.UpdatedAt = now
		_, err = tx.NewUpdate().Model(updated).Column(append(columns, "updated_at")...).Where("id = ?", updated.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("update account: %w", err)
		}
		return audit.Record(ctx, tx, updated.ID, actor.By(updated.ID), now,
			audit.On("account.updated", "account", updated.ID).From(from).To(to))
	})
	if err != nil {
		return nil, err
	}
	return updated, nil
}

// judge gives the account as it will be, with its slug claimed, or says everything that is wrong with
// the changes.
func (in Changes) judge(ctx context.Context, tx bun.Tx, before *Account) (*Account, error) {
	after := *before
	var faults fault.List
	in.Name.Apply(&after.Name, &faults, nameField, before.cleanName)
	in.Slug.Apply(&after.Slug, &faults, "slug", before.cleanSlug)
	in.DeletionRetentionDays.Apply(&after.DeletionRetentionDays, &faults, "deletionRetentionDays", cleanRetention)
	if in.BillingEmail.Set {
		after.BillingEmail = nil
		if in.BillingEmail.Value != nil {
			email, f := Email(*in.BillingEmail.Value)
			if f != nil {
				faults.Add(f.At("billingEmail"))
			}
			after.BillingEmail = &email
		}
	}
	// Claimed even where other faults undo it: they are to be told together.
	if after.Slug != before.Slug {
		taken, err := claimSlug(ctx, tx, before, after.Slug)
		if err != nil {
			return nil, err
		}
		if taken {
			faults.Add(fault.New(fault.Taken, "another account has this slug").At("slug"))
		}
	}
	return &after, faults.Err()
}

// cleanName judges a name for the account; the one that it has is always good.
func (a *Account) cleanName(text string) (string, *fault.Error) {
	text = strings.TrimSpace(text)
	if text == a.Name {
		return text, nil
	}
	if f := fault.CheckText(text, nameField, maxName); f != nil {
		return "", f
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", fault.New(fault.Invalid, "a name is one line of text")
	}
	return text, a.checkIdentity(text)
}

// cleanSlug judges the form of a slug for the account; the one that it has is always good.
func (a *Account) cleanSlug(text string) (string, *fault.Error) {
	text = strings.TrimSpace(text)
	if text == a.Slug {
		return text, nil
	}
	if f := fault.CheckText(text, "slug", maxSlug); f != nil {
		return "", f
	}
	if !slug.Valid(text) {
		return "", fault.New(fault.Invalid, "a slug is of lower-case letters, digits and single hyphens between them")
	}
	return text, a.checkIdentity(text)
}

// checkIdentity judges another name or slug by who the account is: a system account keeps its own, and
// nobody else's may read like it.
func (a *Account) checkIdentity(text string) *fault.Error {
	switch {
	case a.System:
		return fault.New(fault.InvalidState, "a system account keeps its name and slug")
	case Reserved(text):
		return fault.New(fault.Taken, "this name is reserved")
	}
	return nil
}

func cleanRetention(days int) (int, *fault.Error) {
	if days < 1 || days > maxRetentionDays {
		return 0, fault.New(fault.Invalid, "from 1 to %d days", maxRetentionDays)
	}
	return days, nil
}

// claimSlug gives the account a slug in the directory in place of the one that it has, and says whether
// another account has it already. The new one comes first, so that two accounts that want each
// other's do not wait for one another.
func claimSlug(ctx context.Context, tx bun.Tx, a *Account, to string) (taken bool, err error) {
	result, err := tx.NewRaw(`INSERT INTO igny8_slug_directory (slug, tenant_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, to, a.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("claim a slug: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("claim a slug: %w", err)
	}
	if n == 0 {
		return true, nil
	}
	_, err = tx.NewRaw(`DELETE FROM igny8_slug_directory WHERE slug = ? AND tenant_id = ?`, a.Slug, a.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("free a slug: %w", err)
	}
	return false, nil
}

// diff gives the columns in which the accounts differ, and the facts before and after.
func (a *Account) diff(to *Account) (columns []string, before, after map[string]any) {
	before, after = map[string]any{}, map[string]any{}
	next := to.fields()
	for i, f := range a.fields() {
		if f.value != next[i].value {
			columns = append(columns, f.column)
			before[f.name], after[f.name] = f.shown(), next[i].shown()
		}
	}
	return columns, before, after
}

// fact is a field of an account that can change: as the audit log and as the database name it.
type fact struct {
	name, column string
	value        any
}

func (a *Account) fields() []fact {
	var billing any
	if a.BillingEmail != nil {
		billing = address(*a.BillingEmail)
	}
	return []fact{
		{nameField, "name", a.Name},
		{"slug", "slug", a.Slug},
		{"billingEmail", "billing_email", billing},
		{"deletionRetentionDays", "deletion_retention_days", a.DeletionRetentionDays},
	}
}

// address is an email address among facts. The audit log is kept for ever, so it gets to see only
// enough of one to tell it from another.
type address string

func (f fact) shown() any {
	a, ok := f.value.(address)
	if !ok {
		return f.value
	}
	local, domain, _ := strings.Cut(string(a), "@")
	return local[:min(1, len(local))] + "***@" + domain
}
