package account_test

import (
	"fmt"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestRemoveMember_ShutsThemOutAndFreesTheirAddress(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, scale), newFirm(t, db, scale)
	admin, p := f.person(account.Admin), f.person(account.Editor)
	f.session(p)
	f.exec(`INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) VALUES (?, ?, ?)`, f.id, f.site("Blog"), p.User.ID)
	gone, err := account.RemoveMember(f.ctx(), db.App, admin, today, p.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	until := today.AddDate(0, 0, 30)
	if !gone.DeletedAt.Equal(today) || *gone.DeletedBy != admin.User.ID || !gone.RestoreUntil.Equal(until) {
		t.Errorf("%+v", gone)
	}
	if got := f.live(p); got != "removed" {
		t.Error(got)
	}
	f.wantEvents(fmt.Sprintf(`member.removed user %d {"role": "editor"} {"restoreUntil": %q}`, p.User.ID, until.Format(time.RFC3339Nano)))
	_, err = account.RemoveMember(f.ctx(), db.App, admin, today, p.User.ID)
	refused(t, err, "NOT_FOUND at userId")

	// The address is free, and while it signs in somebody else its person does not return.
	_, token := other.invite(p.User.Email, account.Viewer)
	joined, err := other.accept(token)
	if err != nil {
		t.Fatal(err)
	}
	f.unchanged(func() {
		_, err := account.RestoreMember(f.ctx(), db.App, admin, today, p.User.ID)
		refused(t, err, "TAKEN at userId")
	})
	if _, err := account.RemoveMember(other.ctx(), db.App, other.owner, today, joined.ID); err != nil {
		t.Fatal(err)
	}
	back, err := account.RestoreMember(f.ctx(), db.App, admin, until.Add(-time.Microsecond), p.User.ID)
	if err != nil || back.DeletedAt != nil || back.RestoreUntil != nil || back.DeletedBy != nil {
		t.Fatalf("%+v, %v", back, err)
	}
	if got := f.live(p); got != "removed" {
		t.Errorf("their sessions: %s", got)
	}
	if n := f.count(`SELECT count(*) FROM igny8_site_user_access WHERE tenant_id = ? AND user_id = ?`, f.id, p.User.ID); n != 1 {
		t.Error("the sites that they were granted are gone")
	}
	if n := f.count(`SELECT count(*) FROM igny8_login_directory WHERE email = ? AND user_id = ?`, p.User.Email, p.User.ID); n != 1 {
		t.Error("their address does not sign in")
	}
	f.unchanged(func() {
		if _, err := account.RestoreMember(f.ctx(), db.App, admin, today, p.User.ID); err != nil {
			t.Errorf("one who is there: %v", err)
		}
	})
}

func TestRemoveMember_LetsPeopleLeaveButNotTheLastOwner(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	viewer, admin := f.person(account.Viewer), f.person(account.Admin)
	f.unchanged(func() {
		_, err := account.RemoveMember(f.ctx(), db.App, viewer, today, admin.User.ID)
		refused(t, err, "FORBIDDEN")
		_, err = account.RemoveMember(f.ctx(), db.App, admin, today, f.owner.User.ID)
		refused(t, err, "INVALID_STATE at userId")
		_, err = account.RemoveMember(f.ctx(), db.App, f.owner, today, f.owner.User.ID)
		refused(t, err, "LAST_OWNER at userId")
	})
	if _, err := account.RemoveMember(f.ctx(), db.App, viewer, today, viewer.User.ID); err != nil {
		t.Error(err)
	}
	heir := f.person(account.Owner)
	if _, err := account.RemoveMember(f.ctx(), db.App, f.owner, today, f.owner.User.ID); err != nil {
		t.Fatal(err)
	}
	if got := f.named(); got != heir.User.ID {
		t.Errorf("the account names %d, want %d", got, heir.User.ID)
	}
	// They come back as what they were, and the account names whom it names.
	_, err := account.RestoreMember(f.ctx(), db.App, admin, today, f.owner.User.ID)
	refused(t, err, "INVALID_STATE at userId")
	if _, err := account.RestoreMember(f.ctx(), db.App, heir, today, f.owner.User.ID); err != nil {
		t.Fatal(err)
	}
	if got := f.named(); got != heir.User.ID || f.roles()[f.owner.User.ID] != account.Owner {
		t.Errorf("the account names %d", got)
	}
}

func TestRestoreMember_NeedsASeat(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, starter)
	p := f.person(account.Viewer)
	if _, err := account.RemoveMember(f.ctx(), db.App, f.owner, today, p.User.ID); err != nil {
		t.Fatal(err)
	}
	other, _ := f.invite("promised@example.com", account.Viewer)
	f.unchanged(func() {
		_, err := account.RestoreMember(f.ctx(), db.App, f.owner, today, p.User.ID)
		refused(t, err, "PLAN_LIMIT_REACHED at userId")
		if d := fault.Of(err)[0].Details; d["limit"] != 2 || d["used"] != 2 {
			t.Errorf("%v", d)
		}
	})
	if _, err := account.RevokeInvitation(f.ctx(), db.App, f.owner, today, other.ID); err != nil {
		t.Fatal(err)
	}
	// The seat may be the one that was promised to the same address.
	_, token := f.invite(p.User.Email, account.Admin)
	if _, err := account.RestoreMember(f.ctx(), db.App, f.owner, today, p.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err := f.accept(token)
	refused(t, err, "INVALID_CREDENTIALS at token")
	if got := f.roles()[p.User.ID]; got != account.Viewer {
		t.Errorf("they are %s", got)
	}
}
