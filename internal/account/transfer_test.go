package account_test

import (
	"fmt"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestTransferOwnership_SwapsOwnerAndAdmin(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	heir, co, admin := f.person(account.Editor), f.person(account.Owner), f.person(account.Admin)
	f.session(f.owner)
	f.session(heir)
	f.session(co)
	f.unchanged(func() {
		_, err := account.TransferOwnership(f.ctx(), db.App, f.owner, today, f.owner.User.ID)
		refused(t, err, "INVALID at userId")
		_, err = account.TransferOwnership(f.ctx(), db.App, admin, today, heir.User.ID)
		refused(t, err, "FORBIDDEN")
	})
	acct, err := account.TransferOwnership(f.ctx(), db.App, f.owner, today, heir.User.ID)
	if err != nil || *acct.OwnerID != heir.User.ID || f.named() != heir.User.ID {
		t.Fatalf("%+v, %v", acct, err)
	}
	roles := f.roles()
	if roles[heir.User.ID] != account.Owner || roles[f.owner.User.ID] != account.Admin || roles[co.User.ID] != account.Owner {
		t.Errorf("%v", roles)
	}
	if got := f.live(f.owner) + " | " + f.live(heir) + " | " + f.live(co); got != "role | role | live" {
		t.Error(got)
	}
	a, b := f.owner.User.ID, heir.User.ID
	f.wantEvents(
		fmt.Sprintf(`member.role_changed user %d {"role": "editor"} {"role": "owner"}`, b),
		fmt.Sprintf(`member.role_changed user %d {"role": "owner"} {"role": "admin"}`, a),
		fmt.Sprintf(`account.ownership_transferred account %d {"ownerId": "user_%d"} {"ownerId": "user_%d"}`, f.id, a, b),
	)
	_, err = account.TransferOwnership(f.ctx(), db.App, f.owner, today, co.User.ID)
	refused(t, err, "FORBIDDEN")
}
