package account_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestInvite_MailsATokenThatIsKeptNowhere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	site := f.site("Blog")
	made, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today,
		account.NewInvitation{Email: " New@Example.COM ", Role: account.Editor, SiteIDs: []gid.Site{site, site}})
	if err != nil {
		t.Fatal(err)
	}
	if made.Email != "new@example.com" || made.Role != account.Editor || made.Status != account.InvitationPending ||
		!made.ExpiresAt.Equal(today.AddDate(0, 0, 7)) || made.InvitedBy != f.owner.User.ID {
		t.Errorf("%+v", made)
	}
	letters := f.letters("new@example.com")
	if len(letters) != 1 || letters[0].Kind != "invitation" || !strings.Contains(letters[0].Text, "to the account Firm on IGNY8, as an editor") ||
		!strings.Contains(letters[0].Text, "until 7 April 2026, 09:30 UTC") || strings.Contains(letters[0].Subject, "\n") {
		t.Fatalf("letters: %+v", letters)
	}
	token := f.token("new@example.com")
	if state := f.state(); strings.Contains(state, token) || strings.Contains(state, strings.TrimPrefix(token, "igny8_invite_")) {
		t.Error("the database knows the token")
	}
	f.wantEvents(fmt.Sprintf(`member.invited invitation %d {"role": "editor", "siteIds": ["site_%d"], "expiresAt": "2026-04-07T09:30:00.123456Z"}`, made.ID, site))
	read, err := account.InvitationsByIDs(f.ctx(), db.App, f.id, today, []gid.Invitation{made.ID})
	if err != nil || len(read) != 1 || len(read[0].SiteIDs) != 1 || read[0].SiteIDs[0] != site {
		t.Fatalf("read back: %+v, %v", read, err)
	}
}

func TestInvite_TellsAllFaultsAtOnceAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, scale), newFirm(t, db, scale)
	mine, gone, foreign := f.site("Mine"), f.site("Gone"), other.site("Foreign")
	f.exec(`UPDATE igny8_sites SET deleted_at = now(), restore_until = now() WHERE id = ?`, gone)
	admin := f.person(account.Admin)
	for name, c := range map[string]struct {
		actor account.Actor
		in    account.NewInvitation
		want  []string
	}{
		"everything": {
			admin,
			account.NewInvitation{Email: "nobody", Role: account.Owner, SiteIDs: []gid.Site{mine, gone, foreign, 999999}},
			[]string{"INVALID at email", "INVALID at role", "NOT_FOUND at siteIds.1", "NOT_FOUND at siteIds.2", "NOT_FOUND at siteIds.3"},
		},
		"no address":        {f.owner, account.NewInvitation{Role: account.Viewer}, []string{"REQUIRED at email"}},
		"staff":             {f.owner, account.NewInvitation{Email: "a@b.cd", Role: account.Developer}, []string{"INVALID at role"}},
		"automation":        {f.owner, account.NewInvitation{Email: "a@b.cd", Role: account.SystemBot}, []string{"INVALID at role"}},
		"no role":           {f.owner, account.NewInvitation{Email: "a@b.cd"}, []string{"INVALID at role"}},
		"somebody here":     {f.owner, account.NewInvitation{Email: admin.User.Email, Role: account.Viewer}, []string{"TAKEN at email"}},
		"too many sites":    {f.owner, account.NewInvitation{Email: "a@b.cd", Role: account.Viewer, SiteIDs: make([]gid.Site, 101)}, []string{"TOO_LONG at siteIds"}},
		"an editor invites": {f.person(account.Editor), account.NewInvitation{Email: "a@b.cd", Role: account.Viewer}, []string{"FORBIDDEN"}},
	} {
		f.unchanged(func() {
			_, err := account.Invite(f.ctx(), db.App, f.box, c.actor, today, c.in)
			t.Log(name)
			refused(t, err, c.want...)
			// With row-level security off the queries alone must refuse.
			_, err = account.Invite(f.ctx(), db.Admin, f.box, c.actor, today, c.in)
			refused(t, err, c.want...)
		})
	}
}

// Whether an address signs in elsewhere must not be told.
func TestInvite_AnswersAlikeForAnAddressOfAnotherAccount(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, scale), newFirm(t, db, scale)
	made, token := f.invite(other.owner.User.Email, account.Viewer)
	if made.Status != account.InvitationPending {
		t.Errorf("%+v", made)
	}
	f.unchanged(func() {
		_, err := f.accept(token)
		refused(t, err, "TAKEN at token")
	})
}

func TestInvite_TakesThePlaceOfAnOpenOne(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, starter) // one seat: a second invitation to the address needs no second one
	first, old := f.invite("new@example.com", account.Viewer)
	again := account.NewInvitation{Email: "new@example.com", Role: account.Editor}
	_, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today.Add(59*time.Second), again)
	refused(t, err, "INVALID_STATE at email")
	if _, err = account.Invite(f.ctx(), db.App, f.box, f.owner, today.Add(time.Minute), again); err != nil {
		t.Fatal(err)
	}
	if n := len(f.letters("new@example.com")); n != 2 {
		t.Errorf("%d letters", n)
	}
	_, err = f.accept(old)
	refused(t, err, "INVALID_CREDENTIALS at token")
	joined, err := f.accept(f.token("new@example.com"))
	if err != nil || joined.Role != account.Editor {
		t.Fatalf("%+v, %v", joined, err)
	}
	read, err := account.InvitationsByIDs(f.ctx(), db.App, f.id, today, []gid.Invitation{first.ID})
	if err != nil || read[0].Status != account.InvitationRevoked {
		t.Errorf("the first is %+v, %v", read[0], err)
	}
}

func TestInvite_LeavesInvitationsToRolesAboveAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	made, token := f.invite("boss@example.com", account.Owner)
	admin := f.person(account.Admin)
	later := today.Add(time.Hour)
	_, err := account.Invite(f.ctx(), db.App, f.box, admin, later, account.NewInvitation{Email: "boss@example.com", Role: account.Viewer})
	refused(t, err, "INVALID_STATE at email")
	_, err = account.RevokeInvitation(f.ctx(), db.App, admin, later, made.ID)
	refused(t, err, "INVALID_STATE at invitationId")
	if joined, err := f.accept(token); err != nil || joined.Role != account.Owner {
		t.Errorf("%+v, %v", joined, err)
	}
	// One that nobody can accept any more is in nobody's way.
	if _, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today, account.NewInvitation{Email: "late@example.com", Role: account.Owner}); err != nil {
		t.Fatal(err)
	}
	_, err = account.Invite(f.ctx(), db.App, f.box, admin, today.AddDate(0, 0, 7), account.NewInvitation{Email: "late@example.com", Role: account.Viewer})
	if err != nil {
		t.Error(err)
	}
}

func TestInvite_CountsSeatsThatAreTakenAndPromised(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, growth)
	f.invite("one@example.com", account.Viewer)
	f.invite("two@example.com", account.Viewer)
	in := account.NewInvitation{Email: "three@example.com", Role: account.Viewer}
	_, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today, in)
	refused(t, err, "PLAN_LIMIT_REACHED at email")
	if found := fault.Of(err)[0]; found.Details["limit"] != 3 || found.Details["used"] != 3 {
		t.Errorf("%v", found.Details)
	}
	// The promises end with the invitations.
	if _, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today.AddDate(0, 0, 7), in); err != nil {
		t.Error(err)
	}
}

func TestInvite_FiftyAtOncePromiseNoMoreThanThePlanHas(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	f := newFirm(t, db, scale)
	outcomes := together(t, 50, func(i int) error {
		_, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today,
			account.NewInvitation{Email: fmt.Sprintf("i%d@example.com", i), Role: account.Viewer})
		return err
	})
	if want := map[string]int{"ok": 4, "PLAN_LIMIT_REACHED": 46}; !maps.Equal(outcomes, want) {
		t.Errorf("%v, want %v", outcomes, want)
	}
	if n := f.count(`SELECT count(*) FROM igny8_mails WHERE tenant_id = ?`, f.id); n != 4 {
		t.Errorf("%d letters", n)
	}
}

func TestInvite_BoundsHowManyLettersAnAccountSends(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, enterprise)
	f.exec(`INSERT INTO igny8_invitations (tenant_id, email, role, token_hash, invited_by, created_at, expires_at, revoked_at)
		SELECT ?, 'e' || n || '@example.com', 'viewer', '\x00', ?, ?::timestamptz + n * interval '1 s', ?::timestamptz + interval '1 day', now()
		FROM generate_series(1, 100) n`, f.id, f.owner.User.ID, today.Add(-10*time.Minute), today)
	in := account.NewInvitation{Email: "new@example.com", Role: account.Viewer}
	_, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today, in)
	refused(t, err, "THROTTLED")
	if wait := fault.Of(err)[0].Details["retryAfterSeconds"]; wait != 50*60+1 {
		t.Errorf("to wait: %v s", wait)
	}
	if _, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today.Add(50*time.Minute+time.Second), in); err != nil {
		t.Error(err)
	}
}

// Whom staff let in would stay when they leave.
func TestInvite_IsNotForStaffWhoActForTheAccount(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, house := newFirm(t, db, scale), newFirm(t, db, scale)
	staff := house.person(account.Developer)
	staff.Account, staff.Impersonation = &account.Account{ID: f.id}, &account.Impersonation{ID: 1, TenantID: f.id}
	f.unchanged(func() {
		_, err := account.Invite(f.ctx(), db.App, f.box, staff, today, account.NewInvitation{Email: "a@b.cd", Role: account.Viewer})
		refused(t, err, "FORBIDDEN")
	})
	key := account.Actor{Key: &account.Key{ID: 1, TenantID: f.id}, Account: &account.Account{ID: f.id}}
	f.unchanged(func() {
		_, err := account.Invite(f.ctx(), db.App, f.box, key, today, account.NewInvitation{Email: "a@b.cd", Role: account.Viewer})
		refused(t, err, "FORBIDDEN")
	})
}

func TestInvite_QuotesNamesSoThatTheyLeadNowhere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	f.exec(`UPDATE igny8_tenants SET name = E'Win at https://evil.example.com/x\r\nBcc: all@example.com ' || repeat('x', 200) WHERE id = ?`, f.id)
	f.owner.User.Name = "Dr. No\u202e"
	f.invite("new@example.com", account.Viewer)
	l := f.letters("new@example.com")[0]
	if strings.ContainsAny(l.Subject, "\r\n\u202e") || strings.Contains(l.Text+l.Subject, "evil.example") || strings.Contains(l.Text, "\r") {
		t.Errorf("%q\n%s", l.Subject, l.Text)
	}
	if !strings.HasPrefix(l.Subject, "Dr. No invites you to Win at https") || strings.Contains(l.Text, strings.Repeat("x", 80)) {
		t.Errorf("%q\n%s", l.Subject, l.Text)
	}
}

func TestInvite_IsUndoneWithItsTransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	for n := 1; ; n++ {
		before := f.state()
		ctx, killer := pgtest.KillBefore(t, f.ctx(), n)
		_, err := account.Invite(ctx, db.App, f.box, f.owner, today, account.NewInvitation{Email: "new@example.com", Role: account.Viewer})
		statement, fired := killer.Fired()
		if !fired {
			if err != nil || n < 12 {
				t.Fatalf("after %d statements: %v", n, err)
			}
			return
		}
		if err == nil || f.state() != before {
			t.Fatalf("killed before %q: %v", statement, err)
		}
	}
}

// Who may invite is judged when the account is locked, not when the request came.
func TestInvite_IsRefusedToWhoeverWasDemotedMeanwhile(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	admin := f.person(account.Admin) // as the request knew them
	if _, err := account.ChangeRole(f.ctx(), db.App, f.owner, today, admin.User.ID, account.Viewer); err != nil {
		t.Fatal(err)
	}
	in := account.NewInvitation{Email: "new@example.com", Role: account.Viewer}
	_, err := account.Invite(f.ctx(), db.App, f.box, admin, today, in)
	refused(t, err, "FORBIDDEN")
	if _, err := account.RemoveMember(f.ctx(), db.App, f.owner, today, admin.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err = account.Invite(f.ctx(), db.App, f.box, admin, today, in)
	refused(t, err, "FORBIDDEN")
}

func TestInvite_OfADeletedAccountIsNotFound(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	f.exec(`UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = ?`, f.id)
	_, err := account.Invite(f.ctx(), db.App, f.box, f.owner, today, account.NewInvitation{Email: "a@b.cd", Role: account.Viewer})
	refused(t, err, "NOT_FOUND")
	if _, ok := errors.AsType[*fault.Error](err); !ok {
		t.Error(err)
	}
}
