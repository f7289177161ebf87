package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
)

// ByIDs reads accounts that are not deleted, in no order. It is the one tenant read that is not
// scoped by a tenant_id: the account's own id is what scopes it.
func ByIDs(ctx context.Context, db bun.IDB, ids []gid.Account) ([]*Account, error) {
	accounts := []*Account{}
	err := db.NewSelect().Model(&accounts).Where("id IN (?)", bun.List(ids)).Where("deleted_at IS NULL").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	return accounts, nil
}

// Lock reads an account and holds its row until the transaction ends. It is the first lock that a
// command takes: what belongs to the account changes behind it, one command at a time. Errors:
// NOT_FOUND.
func Lock(ctx context.Context, tx bun.Tx, id gid.Account) (*Account, error) {
	accounts := []*Account{}
	err := tx.NewSelect().Model(&accounts).Where("id = ?", id).Where("deleted_at IS NULL").For("NO KEY UPDATE").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock account: %w", err)
	}
	if len(accounts) == 0 {
		return nil, fault.New(fault.NotFound, "there is no such account")
	}
	return accounts[0], nil
}

// scoped starts every read of people: those of one account who are not deleted.
func scoped(db bun.IDB, tenant gid.Account, users *[]*User) *bun.SelectQuery {
	return db.NewSelect().Model(users).Where("user_.tenant_id = ?", tenant).Where("user_.deleted_at IS NULL")
}

// Owners reads an account's owners, the first one first.
func Owners(ctx context.Context, db bun.IDB, tenant gid.Account) ([]*User, error) {
	users := []*User{}
	if err := scoped(db, tenant, &users).Where("user_.role = ?", Owner).Order("user_.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read owners: %w", err)
	}
	return users, nil
}

// BillingReaders are the addresses of those who are told what becomes of an account's plan and money: its owners and, unless
// an owner has it, its address for bills.
func BillingReaders(ctx context.Context, db bun.IDB, acct *Account) ([]string, error) {
	owners, err := Owners(ctx, db, acct.ID)
	if err != nil {
		return nil, err
	}
	readers := make([]string, len(owners), len(owners)+1)
	for i, owner := range owners {
		readers[i] = owner.Email
	}
	if bills := acct.BillingEmail; bills != nil &&
		!slices.ContainsFunc(readers, func(to string) bool { return strings.EqualFold(to, *bills) }) {
		readers = append(readers, *bills)
	}
	return readers, nil
}

// UsersByIDs reads people of one account, in no order.
func UsersByIDs(ctx context.Context, db bun.IDB, tenant gid.Account, ids []gid.User) ([]*User, error) {
	users := []*User{}
	if err := scoped(db, tenant, &users).Where("user_.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return users, nil
}

// CountUsers counts the people of an account.
func CountUsers(ctx context.Context, db bun.IDB, tenant gid.Account) (int, error) {
	n, err := scoped(db, tenant, &[]*User{}).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count users: %w", err)
	}
	return int(n), nil
}

// Members lists the people of an account by email.
func Members(ctx context.Context, db bun.IDB, tenant gid.Account, args page.Args) (*UserConnection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	users := []*User{}
	q := scoped(db, tenant, &users)
	if q, err = page.Apply(q, w, page.Key{Column: "user_.email", Value: new(string)}); err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return page.New(w, users,
		func(u *User) []any { return []any{u.Email} },
		func(ctx context.Context) (int, error) { return CountUsers(ctx, db, tenant) },
	), nil
}

// removed starts every read of people who were removed from an account and can still be restored.
func removed(db bun.IDB, tenant gid.Account, now time.Time, users *[]*User) *bun.SelectQuery {
	return db.NewSelect().Model(users).Where("user_.tenant_id = ?", tenant).Where("user_.restore_until > ?", now)
}

// RemovedMembers lists the people who were removed from an account and can still be restored, whoever
// was removed last on top.
func RemovedMembers(ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time, args page.Args) (*UserConnection, error) {
	w, err := args.Window(2)
	if err != nil {
		return nil, err
	}
	users := []*User{}
	q, err := page.Apply(removed(db, tenant, now, &users), w,
		page.Key{Column: "user_.deleted_at", Value: new(time.Time), Descending: true},
		page.Key{Column: "user_.id", Value: new(gid.User), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list removed members: %w", err)
	}
	return page.New(w, users,
		func(u *User) []any { return []any{u.DeletedAt, u.ID} },
		page.Counter(func() *bun.SelectQuery { return removed(db, tenant, now, &[]*User{}) }),
	), nil
}

// scopedInvitations starts every read of invitations: those of one account.
func scopedInvitations(db bun.IDB, tenant gid.Account, invitations *[]*Invitation) *bun.SelectQuery {
	return db.NewSelect().Model(invitations).Where("invitation.tenant_id = ?", tenant)
}

// Invitations lists an account's invitations, newest first; those of one status where it is not nil.
func Invitations(
	ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time, status *InvitationStatus, args page.Args,
) (*InvitationConnection, error) {
	w, err := args.Window(1)
	if err != nil {
		return nil, err
	}
	query := func(invitations *[]*Invitation) *bun.SelectQuery {
		q := scopedInvitations(db, tenant, invitations)
		if status != nil {
			q = status.where(q, now)
		}
		return q
	}
	invitations := []*Invitation{}
	q, err := page.Apply(query(&invitations), w,
		page.Key{Column: "invitation.id", Value: new(gid.Invitation), Descending: true})
	if err != nil {
		return nil, err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	for _, i := range invitations {
		i.at(now)
	}
	return page.New(w, invitations,
		func(i *Invitation) []any { return []any{i.ID} },
		page.Counter(func() *bun.SelectQuery { return query(&[]*Invitation{}) }),
	), nil
}

// InvitationsByIDs reads invitations of one account, in no order.
func InvitationsByIDs(
	ctx context.Context, db bun.IDB, tenant gid.Account, now time.Time, ids []gid.Invitation,
) ([]*Invitation, error) {
	invitations := []*Invitation{}
	err := scopedInvitations(db, tenant, &invitations).Where("invitation.id IN (?)", bun.List(ids)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read invitations: %w", err)
	}
	for _, i := range invitations {
		i.at(now)
	}
	return invitations, nil
}
