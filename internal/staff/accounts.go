package staff

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// maxSearch is the length of a text that accounts are searched by, in characters.
const maxSearch = 254

// AccountConnection is a page of accounts.
type AccountConnection = page.Connection[*account.Account]

// AccountEdge is an account in a page.
type AccountEdge = page.Edge[*account.Account]

// AccountFilter says which accounts to list; its conditions are joined by and.
type AccountFilter struct {
	Status   *account.Status
	PlanID   *gid.Plan
	PlanSlug *string
	// Search is what an account's name or slug begins with, in either case, or the whole address that
	// one of its people signs in with. Blank is no condition.
	Search *string
	// CreatedFrom and CreatedTo bound when the account was opened: the first is in the range, the second
	// is not.
	CreatedFrom, CreatedTo *time.Time
}

// Accounts pages through all accounts that are not deleted, newest first, for support: in the scope of
// staff; in any other it finds the scope's own account at most. Errors: BAD_USER_INPUT for arguments that
// ask for no page of this list, and at filter.search.
func Accounts(ctx context.Context, db bun.IDB, filter AccountFilter, args page.Args) (*AccountConnection, error) {
	filter, err := filter.check()
	if err != nil {
		return nil, err
	}
	w, err := args.Window(2)
	if err != nil {
		return nil, err
	}
	accounts := []*account.Account{}
	q, err := page.Apply(filter.apply(present(db, &accounts)), w,
		page.Key{Column: "account.created_at", Value: new(time.Time), Descending: true},
		page.Key{Column: "account.id", Value: new(gid.Account), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return page.New(w, accounts,
		func(a *account.Account) []any { return []any{a.CreatedAt, a.ID} },
		page.Counter(func() *bun.SelectQuery { return filter.apply(present(db, &[]*account.Account{})) }),
	), nil
}

// Account reads one account for support, in the scope of staff; nil where there is none, or none any more.
func Account(ctx context.Context, db bun.IDB, id gid.Account) (*account.Account, error) {
	accounts, err := account.ByIDs(ctx, db, []gid.Account{id})
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	return accounts[0], nil
}

// present starts the reads of support, which are of accounts and so not scoped to one.
func present(db bun.IDB, accounts *[]*account.Account) *bun.SelectQuery {
	return db.NewSelect().Model(accounts).Where("account.deleted_at IS NULL")
}

// check brings the filter into the form that apply takes.
func (f AccountFilter) check() (AccountFilter, error) {
	if f.Search == nil {
		return f, nil
	}
	search := strings.TrimSpace(*f.Search)
	if bad := fault.CheckLength(search, "search", maxSearch); bad != nil {
		return f, fault.New(fault.BadUserInput, "%s", bad.Message).At("filter", "search")
	}
	f.Search = &search
	if search == "" {
		f.Search = nil
	}
	return f, nil
}

func (f AccountFilter) apply(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Status != nil {
		q = q.Where("account.status = ?", *f.Status)
	}
	if f.PlanID != nil {
		q = q.Where("account.plan_id = ?", *f.PlanID)
	}
	if f.PlanSlug != nil {
		q = q.Where("account.plan_id = (SELECT id FROM igny8_plans WHERE slug = ?)", *f.PlanSlug)
	}
	if f.Search != nil {
		search := *f.Search
		q = q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Where("starts_with(lower(account.name), lower(?))", search).
				WhereOr("starts_with(account.slug, lower(?))", search)
			// Who signs in with an address stands in a directory of all accounts.
			if email, bad := account.Email(search); bad == nil {
				q = q.WhereOr("account.id = (SELECT tenant_id FROM igny8_login_directory WHERE email = ?)", email)
			}
			return q
		})
	}
	if f.CreatedFrom != nil {
		q = q.Where("account.created_at >= ?", *f.CreatedFrom)
	}
	if f.CreatedTo != nil {
		q = q.Where("account.created_at < ?", *f.CreatedTo)
	}
	return q
}
