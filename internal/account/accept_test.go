package account_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/ticket"
)

func TestAccept_MakesThePersonWithWhatWasPromised(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	blog, shop, gone := f.site("Blog"), f.site("Shop"), f.site("Gone")
	made, token := f.invite("new@example.com", account.Editor, blog, gone)
	f.exec(`UPDATE igny8_sites SET deleted_at = now(), restore_until = now() WHERE id = ?`, gone)

	shown, err := account.InvitedBy(t.Context(), db.App, today, token)
	if err != nil || shown.AccountName != "Firm" || shown.Email != "new@example.com" || shown.Role != account.Editor ||
		!shown.ExpiresAt.Equal(made.ExpiresAt) {
		t.Errorf("%+v, %v", shown, err)
	}
	var finished *account.User
	at := today.Add(time.Hour)
	joined, err := account.Accept(t.Context(), db.App, at,
		account.Acceptance{Token: token, Name: " New Person ", PasswordHash: "$argon2id$kept"}, account.Origin{IP: "192.0.2.7"},
		func(ctx context.Context, tx bun.Tx, u *account.User) error {
			finished = u
			_, err := tx.NewRaw(`INSERT INTO igny8_sessions (tenant_id, user_id, token_hash, expires_at) VALUES (?, ?, '\x00', ?)`,
				u.TenantID, u.ID, at.AddDate(0, 0, 1)).Exec(ctx)
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	people, err := account.UsersByIDs(f.ctx(), db.App, f.id, []gid.User{joined.ID})
	if err != nil || len(people) != 1 || finished != joined {
		t.Fatalf("%v, %v", people, err)
	}
	u := people[0]
	if u.Email != "new@example.com" || u.Name != "New Person" || u.Role != account.Editor || *u.PasswordHash != "$argon2id$kept" ||
		u.EmailVerifiedAt == nil || !u.EmailVerifiedAt.Equal(at) || !u.CreatedAt.Equal(at) {
		t.Errorf("%+v", u)
	}
	if n := f.count(`SELECT count(*) FROM igny8_login_directory WHERE email = 'new@example.com' AND tenant_id = ? AND user_id = ?`, f.id, u.ID); n != 1 {
		t.Error("the address does not sign in")
	}
	var granted []gid.Site
	err = db.Admin.NewRaw(`SELECT site_id FROM igny8_site_user_access WHERE tenant_id = ? AND user_id = ? AND granted_by = ?`,
		f.id, u.ID, f.owner.User.ID).Scan(t.Context(), &granted)
	if err != nil || len(granted) != 1 || granted[0] != blog {
		t.Errorf("granted %v, %v; want %d and neither %d nor %d", granted, err, blog, shop, gone)
	}
	events := f.events()
	if last := events[len(events)-1]; last != fmt.Sprintf(`member.joined user %d {"role": "editor", "invitationId": "invite_%d"}`, u.ID, made.ID) {
		t.Error(last)
	}
	if n := f.count(`SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'member.joined' AND actor_id = ? AND ip = '192.0.2.7'`, f.id, u.ID); n != 1 {
		t.Error("the event does not say who and from where")
	}
	read, err := account.InvitationsByIDs(f.ctx(), db.App, f.id, at, []gid.Invitation{made.ID})
	if err != nil || read[0].Status != account.InvitationAccepted || *read[0].AcceptedBy != u.ID {
		t.Errorf("%+v, %v", read, err)
	}
	f.unchanged(func() {
		_, err := f.accept(token)
		refused(t, err, "INVALID_CREDENTIALS at token")
	})
}

// Whatever is wrong with a token, the answer is the same, and nothing is written.
func TestAccept_AnswersAlikeForEveryTokenThatIsNotGood(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, enterprise)
	texts := map[string]bool{}
	bad := func(name, token string) {
		t.Helper()
		f.unchanged(func() {
			_, err := f.accept(token)
			refused(t, err, "INVALID_CREDENTIALS at token")
			_, peeked := account.InvitedBy(t.Context(), db.App, today.Add(time.Minute), token)
			refused(t, peeked, "INVALID_CREDENTIALS at token")
			texts[fmt.Sprint(err)], texts[fmt.Sprint(peeked)] = true, true
		})
		if t.Failed() {
			t.Fatal(name)
		}
	}
	_, good := f.invite("good@example.com", account.Viewer)
	forged, _ := ticket.New(ticket.Invitation, f.id, 1)
	nowhere, _ := ticket.New(ticket.Invitation, 999999, 1)
	reset, _ := ticket.New(ticket.Password, f.id, 1)
	for name, token := range map[string]string{
		"none": "", "text": "hello", "another secret": forged, "another account": nowhere, "another kind": reset,
		"capitals": strings.ToUpper(good), "one letter more": good + "0",
	} {
		bad(name, token)
	}

	_, expired := f.invite("expired@example.com", account.Viewer)
	f.exec(`UPDATE igny8_invitations SET expires_at = ? WHERE email = 'expired@example.com'`, today.Add(time.Minute))
	bad("expired at this very instant", expired)
	_, fallen := f.invite("fallen@example.com", account.Owner)
	co := f.person(account.Owner)
	f.exec(`UPDATE igny8_invitations SET invited_by = ? WHERE email = 'fallen@example.com'`, co.User.ID)
	f.exec(`UPDATE igny8_users SET role = 'admin' WHERE id = ?`, co.User.ID)
	bad("from an owner who is an admin now, past the commands", fallen)
	f.exec(`UPDATE igny8_users SET role = 'owner', deleted_at = now(), restore_until = now() WHERE id = ?`, co.User.ID)
	bad("from somebody who is gone, past the commands", fallen)
	f.exec(`UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = ?`, f.id)
	bad("of a deleted account", good)
	if len(texts) != 1 {
		t.Errorf("the answers differ: %v", texts)
	}
	f.exec(`UPDATE igny8_tenants SET deleted_at = NULL, restore_until = NULL WHERE id = ?`, f.id)
	if _, err := f.accept(good); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestAccept_TellsFaultsOfNameAndTokenTogether(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, err := account.Accept(t.Context(), db.App, today, account.Acceptance{Token: "x", Name: " "}, account.Origin{}, nobodyElse)
	refused(t, err, "REQUIRED at name", "INVALID_CREDENTIALS at token")
}

// A token that somebody made up must not make an account wait.
func TestAccept_LocksNoAccountForAForgedToken(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	made, _ := f.invite("new@example.com", account.Viewer)
	tx, err := db.Admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := account.Lock(t.Context(), tx, f.id); err != nil {
		t.Fatal(err)
	}
	forged, _ := ticket.New(ticket.Invitation, f.id, int64(made.ID))
	_, err = f.accept(forged) // waits for ever if it locks
	refused(t, err, "INVALID_CREDENTIALS at token")
}

func TestAccept_PassesTheGate(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	_, token := f.invite("new@example.com", account.Viewer)
	for status, code := range map[string]string{"suspended": "ACCOUNT_SUSPENDED", "cancelled": "ACCOUNT_CANCELLED", "pending_payment": "PAYMENT_REQUIRED"} {
		f.exec(`UPDATE igny8_tenants SET status = ? WHERE id = ?`, status, f.id)
		f.unchanged(func() {
			_, err := f.accept(token)
			refused(t, err, code)
		})
	}
}

func TestAccept_IsWholeOrNotAtAllWhereverItIsKilled(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	_, token := f.invite("new@example.com", account.Owner, f.site("Blog"))
	f.unchanged(func() {
		_, err := account.Accept(t.Context(), db.App, today, account.Acceptance{Token: token, Name: "N", PasswordHash: "h"}, account.Origin{},
			func(context.Context, bun.Tx, *account.User) error { return context.DeadlineExceeded })
		if err == nil {
			t.Error("what joins it failed, and it did not")
		}
	})
	for n := 1; ; n++ {
		before := f.state()
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := account.Accept(ctx, db.App, today, account.Acceptance{Token: token, Name: "N", PasswordHash: "h"}, account.Origin{}, nobodyElse)
		statement, fired := killer.Fired()
		if !fired {
			if err != nil || n < 14 {
				t.Fatalf("after %d statements: %v", n, err)
			}
			return
		}
		if err == nil || f.state() != before {
			t.Fatalf("killed before %q: %v", statement, err)
		}
	}
}

func TestAccept_AHundredAtOnceWithOneTokenMakeOnePerson(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	f := newFirm(t, db, enterprise)
	_, token := f.invite("new@example.com", account.Editor, f.site("Blog"))
	outcomes := together(t, 100, func(int) error { _, err := f.accept(token); return err })
	if want := map[string]int{"ok": 1, "INVALID_CREDENTIALS": 99}; !maps.Equal(outcomes, want) {
		t.Errorf("%v, want %v", outcomes, want)
	}
	if n := f.count(`SELECT count(*) FROM igny8_users WHERE tenant_id = ?`, f.id); n != 2 {
		t.Errorf("%d people, want the owner and the new one", n)
	}
}

// The plan may allow less than it did when the invitations were sent.
func TestAccept_FiftyAtOnceFillNoMoreThanThePlan(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	f := newFirm(t, db, enterprise)
	tokens := make([]string, 50)
	for i := range tokens {
		_, tokens[i] = f.invite(fmt.Sprintf("i%d@example.com", i), account.Viewer)
	}
	f.exec(`UPDATE igny8_tenants SET plan_id = (SELECT id FROM igny8_plans WHERE slug = ?) WHERE id = ?`, scale, f.id)
	outcomes := together(t, 50, func(i int) error {
		_, err := f.accept(tokens[i])
		if fault.Is(err, fault.PlanLimitReached) {
			if d := fault.Of(err)[0]; d.Details["limit"] != 5 || d.Details["used"] != 5 || d.Field[0] != "token" {
				t.Errorf("%v at %v", d.Details, d.Field)
			}
		}
		return err
	})
	if want := map[string]int{"ok": 4, "PLAN_LIMIT_REACHED": 46}; !maps.Equal(outcomes, want) {
		t.Errorf("%v, want %v", outcomes, want)
	}
	used, err := account.CountUsers(f.ctx(), db.App, f.id)
	if err != nil || used != 5 {
		t.Errorf("%d people, %v", used, err)
	}
}

// One address, invited by twenty accounts, signs in one person.
func TestAccept_AnAddressJoinsOneAccountHoweverManyInviteIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	firms, tokens := make([]*firm, 20), make([]string, 20)
	for i := range firms {
		firms[i] = newFirm(t, db, starter)
		_, tokens[i] = firms[i].invite("wanted@example.com", account.Viewer)
	}
	outcomes := together(t, len(firms), func(i int) error { _, err := firms[i].accept(tokens[i]); return err })
	if want := map[string]int{"ok": 1, "TAKEN": 19}; !maps.Equal(outcomes, want) {
		t.Errorf("%v, want %v", outcomes, want)
	}
	if n := firms[0].count(`SELECT count(*) FROM igny8_users WHERE email = 'wanted@example.com'`); n != 1 {
		t.Errorf("%d people", n)
	}
}
