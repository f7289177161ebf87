package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/ticket"
)

// Acceptance is how somebody accepts an invitation. Check brings it into its stored form.
type Acceptance struct {
	// Token is the one from the mail.
	Token string
	Name  string
	// PasswordHash is the password as it is kept, never the password.
	PasswordHash string
}

// Check brings the acceptance into the form that it is stored in and finds what is wrong with it,
// without a database: REQUIRED, TOO_LONG, INVALID at name.
func (in *Acceptance) Check() fault.List {
	var faults fault.List
	in.Name = strings.TrimSpace(in.Name)
	faults.Add(fault.CheckText(in.Name, nameField, maxName))
	return faults
}

// Invited is what whoever holds an invitation's token may know of it.
type Invited struct {
	AccountName string
	Email       string
	Role        Role
	ExpiresAt   time.Time
}

// InvitedBy reads what a token invites to, and changes nothing. It is cheap enough to be asked before
// a password is hashed. Errors: INVALID_CREDENTIALS at token, whatever is wrong with it.
func InvitedBy(ctx context.Context, db bun.IDB, now time.Time, token string) (*Invited, error) {
	t, i, err := invitationOf(ctx, db, now, token)
	if err != nil {
		return nil, err
	}
	accounts, err := ByIDs(postgres.WithTenant(ctx, int64(t.Tenant)), db, []gid.Account{t.Tenant})
	if err != nil {
		return nil, err
	}
	if len(accounts) == 0 {
		return nil, badInvitation()
	}
	return &Invited{AccountName: accounts[0].Name, Email: i.Email, Role: i.Role, ExpiresAt: i.ExpiresAt}, nil
}

// Accept makes whoever holds an invitation's token one of the account's people, with the role and the
// sites that it promised. It works once. The address needs no further proof: the token was mailed
// there. finish joins the transaction with what else belongs to it, the person's session. db must be no
// transaction, because the token alone says whose rows this is about.
//
// Faults: REQUIRED, TOO_LONG, INVALID at name; INVALID_CREDENTIALS at token for every token that is not
// good: unknown, expired, used, revoked, of an account that is deleted, from somebody who could not send
// it any more; PLAN_LIMIT_REACHED at token with limit and used, where the plan has no seat left; TAKEN at
// token where the address signs in somebody by now. Errors: those of Actor.Gate for an account that
// nothing is written in.
func Accept(
	ctx context.Context, db bun.IDB, now time.Time, in Acceptance, origin Origin,
	finish func(ctx context.Context, tx bun.Tx, user *User) error,
) (*User, error) {
	faults := in.Check()
	// Looked at without a lock first: a token that somebody made up must not make an account wait.
	t, _, err := invitationOf(ctx, db, now, in.Token)
	if found := fault.Of(err); err != nil && found == nil {
		return nil, err
	} else if faults = append(faults, found...); len(faults) > 0 {
		return nil, faults
	}
	var joined *User
	err = postgres.InTx(postgres.WithTenant(ctx, int64(t.Tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		acct, err := Lock(ctx, tx, t.Tenant)
		if fault.Is(err, fault.NotFound) {
			return badInvitation()
		}
		if err != nil {
			return err
		}
		invitation, err := goodInvitation(ctx, tx, t, now)
		if err != nil {
			return err
		}
		joined = &User{
			TenantID: acct.ID, Email: invitation.Email, Name: in.Name, Role: invitation.Role,
			PasswordHash: &in.PasswordHash, EmailVerifiedAt: &now, CreatedAt: now, UpdatedAt: now,
		}
		actor := Actor{User: joined, Account: acct, Origin: origin}
		if actor.Plan, err = planOf(ctx, tx, acct); err != nil {
			return err
		}
		if err := checkEntry(ctx, tx, actor); err != nil {
			return err
		}
		if err := enrol(ctx, tx, invitation, joined, now); err != nil {
			return err
		}
		if joined.Role == Owner {
			if err := nameOwner(ctx, tx, acct, now); err != nil {
				return err
			}
		}
		if err := audit.Record(ctx, tx, acct.ID, actor.By(acct.ID), now, audit.On("member.joined", "user", joined.ID).
			To(map[string]any{roleField: joined.Role, "invitationId": gid.Format(invitation.ID)})); err != nil {
			return err
		}
		return finish(ctx, tx, joined)
	})
	if err != nil {
		return nil, err
	}
	return joined, nil
}

// badInvitation is the one answer to every token that is not good.
func badInvitation() *fault.Error {
	return fault.New(fault.InvalidCredentials, "this invitation is not good, or not any more: ask for another one").At("token")
}

// invitationOf reads what a token names, in a scope of its own. Errors: INVALID_CREDENTIALS at token.
func invitationOf(ctx context.Context, db bun.IDB, now time.Time, token string) (ticket.Ticket, *Invitation, error) {
	t, ok := ticket.Read(ticket.Invitation, token)
	if !ok {
		return t, nil, badInvitation()
	}
	i, err := goodInvitation(postgres.WithTenant(ctx, int64(t.Tenant)), db, t, now)
	return t, i, err
}

// goodInvitation reads the invitation that a ticket opens at now. Errors: INVALID_CREDENTIALS at token.
func goodInvitation(ctx context.Context, db bun.IDB, t ticket.Ticket, now time.Time) (*Invitation, error) {
	found, err := InvitationsByIDs(ctx, db, t.Tenant, now, []gid.Invitation{gid.Invitation(t.ID)})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || !t.Fits(found[0].TokenHash) || found[0].Status != InvitationPending {
		return nil, badInvitation()
	}
	// What changes a role or removes somebody revokes what they sent. That is looked at again here, because
	// much depends on it and people are changed by staff and by hand too.
	inviters, err := UsersByIDs(ctx, db, t.Tenant, []gid.User{found[0].InvitedBy})
	if err != nil {
		return nil, err
	}
	if len(inviters) == 0 || !vouches(inviters[0], found[0]) {
		return nil, badInvitation()
	}
	return found[0], nil
}

// checkEntry judges whether the account, which is locked, takes one more person: no door has been
// passed on the way here.
func checkEntry(ctx context.Context, tx bun.Tx, actor Actor) error {
	if err := actor.Gate(Write); err != nil {
		return err
	}
	used, err := CountUsers(ctx, tx, actor.AccountID())
	if err != nil {
		return err
	}
	// The plan may allow less than it did when the invitation was sent.
	if f := checkSeat(actor.Plan, used); f != nil {
		return f.At("token")
	}
	return nil
}

// enrol writes the person, the address that signs them in and the sites that they are granted.
func enrol(ctx context.Context, tx bun.Tx, i *Invitation, joined *User, now time.Time) error {
	if err := tx.NewSelect().ColumnExpr("nextval('igny8_users_id_seq')").Scan(ctx, &joined.ID); err != nil {
		return fmt.Errorf("number a person: %w", err)
	}
	// The directory comes first: it decides whether the address is taken, by any account.
	taken, err := claimAddress(ctx, tx, joined)
	if err != nil {
		return err
	}
	if taken {
		return fault.New(fault.Taken, "somebody signs in with this address already").At("token")
	}
	if _, err := tx.NewInsert().Model(joined).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("insert a person: %w", err)
	}
	i.AcceptedAt, i.AcceptedBy = &now, &joined.ID
	_, err = tx.NewUpdate().Model(i).Column("accepted_at", "accepted_by").
		Where("tenant_id = ?", i.TenantID).Where("id = ?", i.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("close an invitation: %w", err)
	}
	if len(i.SiteIDs) == 0 {
		return nil
	}
	// The package that owns sites and their grants stands above this one, and a callback would leave it to
	// each caller to keep the promise: so the grants are written here, of sites that are still there.
	_, err = tx.NewRaw(`INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id, granted_by, granted_at)
		SELECT tenant_id, id, ?, ?, ? FROM igny8_sites WHERE tenant_id = ? AND deleted_at IS NULL AND id IN (?)`,
		joined.ID, i.InvitedBy, now, i.TenantID, bun.List(i.SiteIDs)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("grant sites: %w", err)
	}
	return nil
}
