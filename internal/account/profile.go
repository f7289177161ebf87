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
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// ProfileChanges are what people change of themselves.
type ProfileChanges struct {
	Name change.Field[string]
}

// UpdateProfile changes the actor's own profile. What is said to be as it is already is no change, and an
// update without a change writes nothing. The audit log gets to know which fields changed, not what people
// are called: it is kept for longer than they are.
//
// Faults: REQUIRED, TOO_LONG, INVALID at name. Errors: FORBIDDEN for API keys and for staff who act for an
// account; UNAUTHENTICATED for nobody, and for whoever was removed.
func UpdateProfile(ctx context.Context, db bun.IDB, actor Actor, now time.Time, in ProfileChanges) (*User, error) {
	person := actor.Member()
	switch {
	case !actor.SignedIn():
		return nil, fault.New(fault.Unauthenticated, "nobody is signed in")
	case person == nil:
		return nil, fault.New(fault.Forbidden, "this is for the account's own people")
	}
	var updated *User
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := Lock(ctx, tx, person.TenantID); err != nil {
			return err
		}
		users, err := UsersByIDs(ctx, tx, person.TenantID, []gid.User{person.ID})
		if err != nil {
			return err
		}
		if len(users) == 0 {
			return fault.New(fault.Unauthenticated, "you are not one of the account's people any more")
		}
		updated = users[0]
		before := updated.Name
		var faults fault.List
		in.Name.Apply(&updated.Name, &faults, nameField, cleanPersonName)
		if err := faults.Err(); err != nil || updated.Name == before {
			return err
		}
		updated.UpdatedAt = now
		_, err = tx.NewUpdate().Model(updated).Column("name", "updated_at").
			Where("tenant_id = ?", updated.TenantID).Where("id = ?", updated.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("update a profile: %w", err)
		}
		return audit.Record(ctx, tx, updated.TenantID, actor.By(updated.TenantID), now,
			audit.On("profile.updated", "user", updated.ID).To(map[string]any{"changed": []string{nameField}}))
	})
	if err != nil {
		return nil, err
	}
	return updated, nil
}

// cleanPersonName judges what somebody wants to be called.
func cleanPersonName(text string) (string, *fault.Error) {
	text = strings.TrimSpace(text)
	if f := fault.CheckText(text, nameField, maxName); f != nil {
		return "", f
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", fault.New(fault.Invalid, "a name is one line of text")
	}
	return text, nil
}
