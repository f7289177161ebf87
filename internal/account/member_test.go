package account_test

import (
	"fmt"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

var fourRoles = []account.Role{account.Viewer, account.Editor, account.Admin, account.Owner}

func TestCommandsOnPeople_AnswerAlikeForStrangersAndNobody(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, scale), newFirm(t, db, scale)
	removed, foreign := f.person(account.Viewer), other.person(account.Viewer)
	f.exec(`UPDATE igny8_users SET deleted_at = ?, restore_until = ? WHERE id = ?`, today.AddDate(0, 0, -30), today, removed.User.ID)
	foreignGone := other.person(account.Viewer)
	other.exec(`UPDATE igny8_users SET deleted_at = ?, restore_until = ? WHERE id = ?`, today, today.AddDate(1, 0, 0), foreignGone.User.ID)
	before := other.state()
	for name, command := range map[string]func(gid.User) error{
		"changeRole": func(id gid.User) error {
			_, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, id, account.Admin)
			return err
		},
		"remove": func(id gid.User) error {
			_, err := account.RemoveMember(f.ctx(), db.App, f.owner, today, id)
			return err
		},
		"restore": func(id gid.User) error {
			_, err := account.RestoreMember(f.ctx(), db.App, f.owner, today, id)
			return err
		},
		"transfer": func(id gid.User) error {
			_, err := account.TransferOwnership(f.ctx(), db.App, f.owner, today, id)
			return err
		},
		// With row-level security off the queries alone must refuse.
		"restore, unwalled": func(id gid.User) error {
			_, err := account.RestoreMember(f.ctx(), db.Admin, f.owner, today, id)
			return err
		},
		"remove, unwalled": func(id gid.User) error {
			_, err := account.RemoveMember(f.ctx(), db.Admin, f.owner, today, id)
			return err
		},
	} {
		texts := map[string]bool{}
		for _, id := range []gid.User{foreign.User.ID, foreignGone.User.ID, removed.User.ID, 999999} {
			f.unchanged(func() {
				err := command(id)
				refused(t, err, "NOT_FOUND at userId")
				texts[fmt.Sprint(err)] = true
			})
		}
		if len(texts) != 1 {
			t.Errorf("%s tells them apart: %v", name, texts)
		}
	}
	if other.state() != before {
		t.Error("another account changed")
	}
}

func TestCommandsOnPeople_LeaveStaffAndAutomationAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	for _, role := range []account.Role{account.Developer, account.SystemBot} {
		target := f.person(role)
		f.unchanged(func() {
			_, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, target.User.ID, account.Viewer)
			refused(t, err, "INVALID_STATE at userId")
			_, err = account.RemoveMember(f.ctx(), db.App, f.owner, today, target.User.ID)
			refused(t, err, "INVALID_STATE at userId")
			_, err = account.TransferOwnership(f.ctx(), db.App, f.owner, today, target.User.ID)
			refused(t, err, "INVALID_STATE at userId")
			_, err = account.ChangeRole(f.ctx(), db.App, f.owner, today, f.owner.User.ID, role)
			refused(t, err, "INVALID at role")
		})
	}
	// A developer enters an owner's doors in the system account, but does not own it.
	developer := f.person(account.Developer)
	_, err := account.TransferOwnership(f.ctx(), db.App, developer, today, f.owner.User.ID)
	refused(t, err, "FORBIDDEN")
}

// Nobody keeps a way in by having invited themselves under another address.
func TestInvitations_FallWithWhoeverSentThem(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, enterprise)
	send := func(by account.Actor, email string, role account.Role) {
		if _, err := account.Invite(f.ctx(), db.App, f.box, by, today, account.NewInvitation{Email: email, Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	co, admin := f.person(account.Owner), f.person(account.Admin)
	send(co, "owner@example.com", account.Owner)
	send(co, "admin@example.com", account.Admin)
	send(admin, "viewer@example.com", account.Viewer)
	if _, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, co.User.ID, account.Admin); err != nil {
		t.Fatal(err)
	}
	_, err := f.accept(f.token("owner@example.com"))
	refused(t, err, "INVALID_CREDENTIALS at token")
	if joined, err := f.accept(f.token("admin@example.com")); err != nil || joined.Role != account.Admin {
		t.Errorf("what they could still give: %v", err)
	}
	if _, err := account.RemoveMember(f.ctx(), db.App, f.owner, today, admin.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err = f.accept(f.token("viewer@example.com"))
	refused(t, err, "INVALID_CREDENTIALS at token")
	// Whoever sent them comes back; what they sent does not.
	if _, err := account.RestoreMember(f.ctx(), db.App, f.owner, today, admin.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err = f.accept(f.token("viewer@example.com"))
	refused(t, err, "INVALID_CREDENTIALS at token")
	if n := f.count(`SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'invitation.revoked'`, f.id); n != 2 {
		t.Errorf("%d were recorded as revoked", n)
	}
}

// What a command judges must not change before it writes: each waits for whoever holds the account.
func TestCommandsOnPeople_WaitForTheAccountFirst(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, enterprise)
	made, _ := f.invite("revoked@example.com", account.Viewer)
	_, token := f.invite("accepted@example.com", account.Viewer)
	p, gone := f.person(account.Viewer), f.person(account.Viewer)
	if _, err := account.RemoveMember(f.ctx(), db.App, f.owner, today, gone.User.ID); err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]func() error{
		"invite": func() error {
			_, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today, account.NewInvitation{Email: "new@example.com", Role: account.Viewer})
			return err
		},
		"revoke": func() error {
			_, err := account.RevokeInvitation(f.ctx(), db.App, f.owner, today, made.ID)
			return err
		},
		"accept": func() error { _, err := f.accept(token); return err },
		"change role": func() error {
			_, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, p.User.ID, p.User.Role)
			return err
		},
		"restore": func() error {
			_, err := account.RestoreMember(f.ctx(), db.App, f.owner, today, gone.User.ID)
			return err
		},
		"remove": func() error {
			_, err := account.RemoveMember(f.ctx(), db.App, f.owner, today, f.person(account.Viewer).User.ID)
			return err
		},
		"transfer": func() error {
			_, err := account.TransferOwnership(f.ctx(), db.App, f.owner, today, 999999)
			return err
		},
		"update": func() error {
			_, err := account.Update(f.ctx(), db.App, f.owner, today, account.Changes{})
			return err
		},
	} {
		tx, err := db.Admin.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := account.Lock(t.Context(), tx, f.id); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- command() }()
		f.untilWaiting(name, done)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil && !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// untilWaiting returns when somebody waits for a lock; a command that is done before did not.
func (f *firm) untilWaiting(name string, done chan error) {
	f.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		if f.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0 {
			return
		}
		select {
		case err := <-done:
			f.t.Errorf("%s did not wait: %v", name, err)
			done <- nil
			return
		case <-tick.C:
		}
	}
	f.t.Fatalf("%s neither waits nor ends", name)
}
