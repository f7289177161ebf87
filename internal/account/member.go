package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
)

// standing is the actor's role in their account as it is now that the account is locked: between the
// door and the lock somebody may have changed it, or removed them. Errors: FORBIDDEN where it does not
// reach the minimum any more.
func standing(ctx context.Context, tx bun.Tx, actor Actor, minimum Role) (Role, error) {
	role := actor.Role()
	if member := actor.Member(); member != nil {
		users, err := UsersByIDs(ctx, tx, actor.AccountID(), []gid.User{member.ID})
		if err != nil {
			return "", err
		}
		role = ""
		if len(users) > 0 {
			role = users[0].Role
		}
	}
	if !role.Reaches(minimum) {
		return "", fault.New(fault.Forbidden, "this asks for the role %s", minimum)
	}
	return role, nil
}

// checkGrant judges whether somebody whose role is own may give the role. Fault: INVALID at role.
func checkGrant(own, role Role) *fault.Error {
	switch {
	case ranks[role] == 0:
		return fault.New(fault.Invalid, "people are given the roles viewer, editor, admin and owner").At(roleField)
	case !own.Reaches(role):
		return fault.New(fault.Invalid, "nobody gives a role above their own, and yours is %s", own).At(roleField)
	}
	return nil
}

// checkAbove judges whether somebody whose role is own may change the person. Faults at userId:
// INVALID_STATE for somebody above, and for staff and automation, whom no command here changes.
func checkAbove(own Role, target *User) error {
	switch {
	case ranks[target.Role] == 0:
		return fault.New(fault.InvalidState, "this is no person whose role can be changed").At(userField)
	case !own.Reaches(target.Role):
		return fault.New(fault.InvalidState, "this person's role is above yours").At(userField)
	}
	return nil
}

// What inputs and the audit log call a role, and inputs the person that a command is about.
const (
	roleField = "role"
	userField = "userId"
)

func noSuchPerson() *fault.Error {
	return fault.New(fault.NotFound, "there is no such person").At(userField)
}

// member reads one of the people of an account, which is locked. Fault: NOT_FOUND at userId.
func member(ctx context.Context, tx bun.Tx, tenant gid.Account, id gid.User) (*User, error) {
	users, err := UsersByIDs(ctx, tx, tenant, []gid.User{id})
	if err != nil {
		return nil, err
	}
	if len(users) == 0 {
		return nil, noSuchPerson()
	}
	return users[0], nil
}

// checkLastOwner judges whether the account can do without the person as its owner. The account must
// be locked. Fault: LAST_OWNER at userId.
func checkLastOwner(ctx context.Context, tx bun.Tx, leaving *User) error {
	if leaving.Role != Owner {
		return nil
	}
	others, err := scoped(tx, leaving.TenantID, &[]*User{}).
		Where("user_.role = ?", Owner).Where("user_.id <> ?", leaving.ID).Exists(ctx)
	if err != nil {
		return fmt.Errorf("look for other owners: %w", err)
	}
	if !others {
		return fault.New(fault.LastOwner, "an account keeps at least one owner: make somebody else an owner first").At(userField)
	}
	return nil
}

// move gives a person another role, with what follows from it: their sessions end, and the open
// invitations that they sent to roles which they no longer reach are revoked.
func move(ctx context.Context, tx bun.Tx, by audit.By, now time.Time, target *User, role Role) error {
	before := target.Role
	target.Role, target.UpdatedAt = role, now
	_, err := tx.NewUpdate().Model(target).Column("role", "updated_at").
		Where("tenant_id = ?", target.TenantID).Where("id = ?", target.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("change a role: %w", err)
	}
	if _, err := EndSessions(ctx, tx, target.TenantID, target.ID, 0, BecauseOfRole, now); err != nil {
		return err
	}
	if err := disown(ctx, tx, by, now, target); err != nil {
		return err
	}
	return audit.Record(ctx, tx, target.TenantID, by, now, audit.On("member.role_changed", "user", target.ID).
		From(map[string]any{roleField: before}).To(map[string]any{roleField: role}))
}

// nameOwner sees to it that the account's owner_id names one of its owners, by choosing whoever has
// been there longest where it does not. It is for after a change of who the owners are. A system
// account's may name a developer, and where nobody owns it, stays as it is.
func nameOwner(ctx context.Context, tx bun.Tx, acct *Account, now time.Time) error {
	candidates := []*User{}
	err := scoped(tx, acct.ID, &candidates).Where("user_.role IN (?, ?)", Owner, Developer).
		Order("user_.created_at", "user_.id").Scan(ctx)
	if err != nil {
		return fmt.Errorf("read owners: %w", err)
	}
	if acct.OwnerID != nil && slices.ContainsFunc(candidates, func(u *User) bool { return u.ID == *acct.OwnerID }) {
		return nil
	}
	first := slices.IndexFunc(candidates, func(u *User) bool { return u.Role == Owner })
	if first < 0 {
		return nil
	}
	return setOwner(ctx, tx, acct, candidates[first].ID, now)
}

func setOwner(ctx context.Context, tx bun.Tx, acct *Account, owner gid.User, now time.Time) error {
	acct.OwnerID, acct.UpdatedAt = &owner, now
	if _, err := tx.NewUpdate().Model(acct).Column("owner_id", "updated_at").Where("id = ?", acct.ID).Exec(ctx); err != nil {
		return fmt.Errorf("name the owner: %w", err)
	}
	return nil
}

// planOf reads the plan of an account, which is locked: the actor's was read before and may have
// changed since.
func planOf(ctx context.Context, tx bun.Tx, acct *Account) (*plan.Plan, error) {
	plans, err := plan.ByIDs(ctx, tx, []gid.Plan{acct.PlanID})
	if err != nil {
		return nil, err
	}
	if len(plans) == 0 {
		return nil, fmt.Errorf("account %d has no plan", acct.ID)
	}
	return plans[0], nil
}

// checkSeat judges whether the plan has room for one more person, with used seats taken. Fault:
// PLAN_LIMIT_REACHED with limit and used.
func checkSeat(p *plan.Plan, used int) *fault.Error {
	limit := p.UserLimit()
	if limit == nil || used < *limit {
		return nil
	}
	return fault.New(fault.PlanLimitReached, "the plan %s allows no more people: its limit is %d", p.Name, *limit).
		With("limit", *limit).With("used", used)
}

// promised counts the seats that are taken and those that pending invitations to other addresses
// promise. The account must be locked.
func promised(ctx context.Context, tx bun.Tx, tenant gid.Account, but string, now time.Time) (int, error) {
	people, err := CountUsers(ctx, tx, tenant)
	if err != nil {
		return 0, err
	}
	invited, err := InvitationPending.where(scopedInvitations(tx, tenant, &[]*Invitation{}), now).
		Where("invitation.email <> ?", but).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count pending invitations: %w", err)
	}
	return people + int(invited), nil
}

// claimAddress makes an address sign in the person, and says whether it signs in somebody already.
func claimAddress(ctx context.Context, tx bun.Tx, u *User) (taken bool, err error) {
	result, err := tx.NewRaw(`INSERT INTO igny8_login_directory (email, tenant_id, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		u.Email, u.TenantID, u.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("claim an address: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("claim an address: %w", err)
	}
	return n == 0, nil
}
