package account_test

import (
	"fmt"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestChangeRole_FollowsTheOrderOfRoles(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, enterprise)
	rank := map[account.Role]int{account.Viewer: 1, account.Editor: 2, account.Admin: 3, account.Owner: 4}
	actors := map[account.Role]account.Actor{}
	for _, role := range fourRoles {
		actors[role] = f.person(role)
	}
	for _, by := range fourRoles {
		for _, from := range fourRoles {
			for _, to := range fourRoles {
				target := f.person(from)
				changed, err := account.ChangeRole(f.ctx(), db.App, actors[by], today, target.User.ID, to)
				want := ""
				switch {
				case rank[by] < rank[account.Admin]:
					want = "FORBIDDEN"
				case rank[from] > rank[by]:
					want = "INVALID_STATE at userId"
				case rank[to] > rank[by]:
					want = "INVALID at role"
				}
				if want != "" {
					refused(t, err, want)
					to = from
				} else if err != nil || changed.Role != to {
					t.Errorf("%s moves %s to %s: %v, %v", by, from, to, changed, err)
				}
				if got := f.roles()[target.User.ID]; got != to {
					t.Errorf("a %s who was %s is %s, want %s", by, from, got, to)
				}
			}
		}
	}
}

func TestChangeRole_EndsSessionsAndIsRecorded(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	p, bystander := f.person(account.Viewer), f.person(account.Viewer)
	f.session(p)
	f.session(p)
	f.session(bystander)
	f.session(f.owner)
	for range 2 { // to be given the role that one has is no change
		if _, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, p.User.ID, account.Admin); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.live(p) + ", " + f.live(bystander) + ", " + f.live(f.owner); got != "role+role, live, live" {
		t.Error(got)
	}
	f.session(p)
	if _, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, p.User.ID, account.Admin); err != nil {
		t.Fatal(err)
	}
	if got := f.live(p); got != "role+role+live" {
		t.Error(got)
	}
	f.wantEvents(fmt.Sprintf(`member.role_changed user %d {"role": "viewer"} {"role": "admin"}`, p.User.ID))
}

func TestChangeRole_KeepsAnOwnerAndNamesOne(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	f.unchanged(func() {
		_, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, f.owner.User.ID, account.Admin)
		refused(t, err, "LAST_OWNER at userId")
	})
	second, third := f.person(account.Owner), f.person(account.Owner)
	if _, err := account.ChangeRole(f.ctx(), db.App, second, today, third.User.ID, account.Editor); err != nil {
		t.Fatal(err)
	}
	if got := f.named(); got != f.owner.User.ID {
		t.Errorf("the account names %d", got)
	}
	if _, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, f.owner.User.ID, account.Viewer); err != nil {
		t.Fatal(err)
	}
	if got := f.named(); got != second.User.ID {
		t.Errorf("the account names %d, want its last owner %d", got, second.User.ID)
	}
	_, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, f.owner.User.ID, account.Owner)
	refused(t, err, "FORBIDDEN")
}
