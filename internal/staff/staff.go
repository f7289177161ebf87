// Package staff owns what the people of support do to accounts that are not their own: find them,
// suspend and reactivate them, and act for them for some minutes.
//
// What must always hold: being staff opens nothing of an account by itself, neither its content nor its
// people. Whoever needs to see them opens an impersonation, with a reason and for at most 15 minutes, and
// it stands in the account's own audit log: when it began, what was done and read under it, when it was
// ended. One person acts for one account under one impersonation at a time. A system account is nobody's
// to decide on here, and one's own account is somebody else's.
//
// Accounts and Account read in the scope of staff, which the server gives to staff's operations. Commands
// write in the scope of the account that they are about, which they take themselves.
package staff

import (
	"context"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

const (
	accountField = "accountId"
	reasonField  = "reason"
	maxReason    = 500
)

// only refuses everybody but staff about staff's own work. Errors: UNAUTHENTICATED, FORBIDDEN.
func only(actor account.Actor) error {
	switch {
	case actor.Staff():
		return nil
	case !actor.SignedIn():
		return fault.New(fault.Unauthenticated, "nobody is signed in")
	default:
		return fault.New(fault.Forbidden, "this is for staff")
	}
}

// target locks the account that staff decide on. Faults, at accountId: NOT_FOUND, INVALID_STATE.
func target(ctx context.Context, tx bun.Tx, actor account.Actor, id gid.Account) (*account.Account, error) {
	acct, err := account.Lock(ctx, tx, id)
	for _, f := range fault.Of(err) {
		return nil, f.At(accountField)
	}
	switch {
	case err != nil:
		return nil, err
	case id == actor.User.TenantID:
		return nil, fault.New(fault.InvalidState, "this is your own account").At(accountField)
	case acct.System:
		return nil, fault.New(fault.InvalidState, "this is a system account").At(accountField)
	}
	return acct, nil
}

// gather adds the faults in err to those found before; any other error stays one.
func gather(faults *fault.List, err error) error {
	found := fault.Of(err)
	if err != nil && found == nil {
		return err
	}
	*faults = append(*faults, found...)
	return nil
}
