package account

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/ticket"
)

// Bounds of inviting. Letters go to whatever address an account names, so their number is bounded, by
// address and by account, whether the invitations are still open or not.
const (
	maxInvitedSites      = 100
	resendPause          = time.Minute
	maxInvitationsAnHour = 100
)

// NewInvitation is an invitation as whoever sends it describes it.
type NewInvitation struct {
	Email string
	Role  Role
	// SiteIDs are the sites to grant to somebody whose role does not reach them all.
	SiteIDs []gid.Site
}

// Invite invites an address to the actor's account and mails it the token, which nobody else gets to
// see. It takes the place of an open invitation to the same address, whose token is dead from then on.
// Whether the address signs in somebody at another account makes no difference and is not looked up:
// to invite must not tell who is a customer.
//
// Faults: REQUIRED, TOO_LONG, INVALID at email; TAKEN at email for an address of one of the account's
// people; PLAN_LIMIT_REACHED at email with limit and used, which counts pending invitations to
// others; INVALID_STATE at email for an address that was mailed within the last minute, and for one
// whose pending invitation is to a role above the actor's; INVALID at role for one above the actor's
// own and for one that people are not given; NOT_FOUND at siteIds.<index>; TOO_LONG at siteIds. All that
// are found are told at once. Errors: FORBIDDEN for whoever is no admin any more and for staff who act
// for the account, because whom they let in would stay when they leave; THROTTLED with
// retryAfterSeconds where the account sent a hundred invitations within an hour.
func Invite(ctx context.Context, db bun.IDB, box *mail.Box, actor Actor, now time.Time, in NewInvitation) (*Invitation, error) {
	var made *Invitation
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		in := in // judged anew where the transaction runs again
		acct, err := Lock(ctx, tx, actor.AccountID())
		if err != nil {
			return err
		}
		own, err := standing(ctx, tx, actor, Admin)
		if err != nil {
			return err
		}
		inviter := actor.Member()
		if inviter == nil {
			return fault.New(fault.Forbidden, "people are invited by the account's own people")
		}
		if err := checkPace(ctx, tx, acct.ID, now); err != nil {
			return err
		}
		replaced, err := in.judge(ctx, tx, acct, own, now)
		if err != nil {
			return err
		}
		if err := revoke(ctx, tx, actor.By(acct.ID), now, replaced); err != nil {
			return err
		}
		made = &Invitation{
			TenantID: acct.ID, Email: in.Email, Role: in.Role, SiteIDs: in.SiteIDs, InvitedBy: inviter.ID,
			CreatedAt: now, ExpiresAt: now.Add(InvitationLifetime),
		}
		token, err := made.insert(ctx, tx)
		if err != nil {
			return err
		}
		if err := box.Post(ctx, tx, made.letter(acct, inviter, box.Link("/accept-invitation", token)), now); err != nil {
			return err
		}
		return audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now,
			audit.On("member.invited", "invitation", made.ID).To(made.facts()))
	})
	if err != nil {
		return nil, err
	}
	return made.at(now), nil
}

// checkPace judges whether the account may send one more letter now. The account must be locked.
// Errors: THROTTLED.
func checkPace(ctx context.Context, tx bun.Tx, tenant gid.Account, now time.Time) error {
	sent := []time.Time{}
	err := scopedInvitations(tx, tenant, &[]*Invitation{}).Column("created_at").
		Where("invitation.created_at > ?", now.Add(-time.Hour)).
		Order("invitation.created_at DESC").Limit(maxInvitationsAnHour).Scan(ctx, &sent)
	if err != nil {
		return fmt.Errorf("read recent invitations: %w", err)
	}
	if len(sent) < maxInvitationsAnHour {
		return nil
	}
	wait := sent[len(sent)-1].Add(time.Hour).Sub(now)
	return fault.New(fault.Throttled, "an account sends at most %d invitations an hour", maxInvitationsAnHour).
		With("retryAfterSeconds", ceilSeconds(wait))
}

// judge brings the invitation into the form that it is stored in and says everything that is wrong
// with it. It returns the open invitations that it takes the place of.
func (in *NewInvitation) judge(ctx context.Context, tx bun.Tx, acct *Account, own Role, now time.Time) ([]*Invitation, error) {
	var faults fault.List
	email, f := Email(in.Email)
	faults.Add(f)
	in.Email = email
	faults.Add(checkGrant(own, in.Role))
	if err := in.judgeSites(ctx, tx, acct.ID, &faults); err != nil {
		return nil, err
	}
	if f != nil {
		return nil, faults
	}
	replaced, err := openFor(ctx, tx, acct.ID, email)
	if err != nil {
		return nil, err
	}
	f, err = judgeAddress(ctx, tx, acct, own, email, replaced, now)
	if err != nil {
		return nil, err
	}
	faults.Add(f)
	return replaced, faults.Err()
}

// judgeAddress finds what is wrong with inviting the address, the first thing alone: one form has one
// field for it.
func judgeAddress(
	ctx context.Context, tx bun.Tx, acct *Account, own Role, email string, replaced []*Invitation, now time.Time,
) (*fault.Error, error) {
	here, err := scoped(tx, acct.ID, &[]*User{}).Where("user_.email = ?", email).Exists(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for an address: %w", err)
	}
	if here {
		return fault.New(fault.Taken, "somebody of this account has this address").At("email"), nil
	}
	for _, i := range replaced {
		if i.at(now).Status == InvitationPending && !own.Reaches(i.Role) {
			return fault.New(fault.InvalidState, "this address is invited to a role above yours").At("email"), nil
		}
	}
	recently, err := scopedInvitations(tx, acct.ID, &[]*Invitation{}).
		Where("invitation.email = ?", email).Where("invitation.created_at > ?", now.Add(-resendPause)).Exists(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for a recent invitation: %w", err)
	}
	if recently {
		return fault.New(fault.InvalidState, "this address was mailed an invitation just now: wait a minute").At("email"), nil
	}
	p, err := planOf(ctx, tx, acct)
	if err != nil {
		return nil, err
	}
	used, err := promised(ctx, tx, acct.ID, email, now)
	if err != nil {
		return nil, err
	}
	if f := checkSeat(p, used); f != nil {
		return f.At("email"), nil
	}
	return nil, nil
}

// judgeSites finds the sites that are none of the account's. Whoever invites is an admin and reaches
// all of them. It asks the table itself, because the package that owns sites stands above this one.
func (in *NewInvitation) judgeSites(ctx context.Context, tx bun.Tx, tenant gid.Account, faults *fault.List) error {
	if len(in.SiteIDs) == 0 {
		in.SiteIDs = []gid.Site{}
		return nil
	}
	if len(in.SiteIDs) > maxInvitedSites {
		faults.Add(fault.New(fault.TooLong, "at most %d sites", maxInvitedSites).At("siteIds"))
		return nil
	}
	found := []gid.Site{}
	err := tx.NewRaw(`SELECT id FROM igny8_sites WHERE tenant_id = ? AND deleted_at IS NULL AND id IN (?)`,
		tenant, bun.List(in.SiteIDs)).Scan(ctx, &found)
	if err != nil {
		return fmt.Errorf("look for sites: %w", err)
	}
	for i, id := range in.SiteIDs {
		if !slices.Contains(found, id) {
			faults.Add(fault.New(fault.NotFound, "there is no such site").At("siteIds", strconv.Itoa(i)))
		}
	}
	slices.Sort(found)
	in.SiteIDs = found
	return nil
}

// insert writes the invitation and makes its token.
func (i *Invitation) insert(ctx context.Context, tx bun.Tx) (token string, err error) {
	// The number comes first because the token that the row keeps the hash of names it.
	if err := tx.NewSelect().ColumnExpr("nextval('igny8_invitations_id_seq')").Scan(ctx, &i.ID); err != nil {
		return "", fmt.Errorf("number an invitation: %w", err)
	}
	token, i.TokenHash = ticket.New(ticket.Invitation, i.TenantID, int64(i.ID))
	if _, err := tx.NewInsert().Model(i).Returning("NULL").Exec(ctx); err != nil {
		return "", fmt.Errorf("insert an invitation: %w", err)
	}
	return token, nil
}

// facts are what the audit log keeps of an invitation. The log is kept for ever, so the address is not
// among them; the invitation has it.
func (i *Invitation) facts() map[string]any {
	sites := make([]string, len(i.SiteIDs))
	for n, id := range i.SiteIDs {
		sites[n] = gid.Format(id)
	}
	return map[string]any{roleField: i.Role, "siteIds": sites, "expiresAt": i.ExpiresAt}
}

func ceilSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
