package auth_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
)

func (f *fixture) sessions(t *testing.T, db *postgres.DB, p person, args page.Args) *auth.DeviceConnection {
	t.Helper()
	found, err := auth.Sessions(postgres.WithTenant(t.Context(), int64(p.account)), db, p.account, p.id, f.clock.Now(), args)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func idsOf(devices []*auth.Device) []gid.Session {
	ids := []gid.Session{}
	for _, d := range devices {
		ids = append(ids, d.ID)
	}
	return ids
}

func TestSessions_ListsOnesOwnThatAreLiveNewestFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, bob := f.person(t, "ann@example.com"), f.person(t, "bob@example.com")
	eve := f.colleague(t, ann, "eve@example.com", account.Admin)
	id := func(s *auth.Session) gid.Session { return f.signedIn(t, s.AccessToken).SessionID }
	f.logIn(t, ann) // expires
	f.clock.Advance(auth.SessionLifetime)
	first, second, third := f.logIn(t, ann), f.logIn(t, ann), f.logIn(t, ann)
	f.logIn(t, bob)
	// Keys are the account's own: another account may have a person of the same number.
	f.exec(t, `INSERT INTO igny8_users (tenant_id, id, email, role) VALUES ($1, $2, 'namesake@example.com', 'owner')`, bob.account, ann.id)
	f.exec(t, `INSERT INTO igny8_sessions (tenant_id, user_id, token_hash, expires_at) VALUES ($1, $2, '', '2030-01-01')`, bob.account, ann.id)
	ofEve := id(f.logIn(t, eve))
	f.clock.Advance(time.Minute)
	if _, err := f.auth.Refresh(t.Context(), first.RefreshToken, account.Origin{IP: "198.51.100.4", UserAgent: "Firefox"}); err != nil {
		t.Fatal(err)
	}
	gone := id(second)
	if err := f.auth.LogOut(t.Context(), f.signedIn(t, second.AccessToken), nil); err != nil {
		t.Fatal(err)
	}
	for name, db := range map[string]*postgres.DB{"app": f.db.App, "no policies": f.db.Admin} {
		all := f.sessions(t, db, ann, page.Args{})
		if diff := cmp.Diff([]gid.Session{id(third), id(first)}, idsOf(all.Nodes())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		d := all.Nodes()[1]
		if d.IP != "198.51.100.4" || d.UserAgent != "Firefox" || !d.LastUsedAt.Equal(f.clock.Now()) ||
			!d.CreatedAt.Equal(f.clock.Now().Add(-time.Minute)) || !d.ExpiresAt.Equal(d.CreatedAt.Add(auth.SessionLifetime)) || d.Tenant() != ann.account {
			t.Errorf("%+v", d)
		}
		if n, err := all.TotalCount(postgres.WithTenant(t.Context(), int64(ann.account))); n != 2 || err != nil {
			t.Errorf("%d in all, %v", n, err)
		}
		rest := f.sessions(t, db, ann, page.Args{First: new(1), After: all.PageInfo.StartCursor})
		if diff := cmp.Diff([]gid.Session{id(first)}, idsOf(rest.Nodes())); diff != "" {
			t.Errorf("%s, second page: %s", name, diff)
		}
		found, err := auth.SessionsByIDs(postgres.WithTenant(t.Context(), int64(ann.account)), db, ann.account, ann.id, f.clock.Now(),
			[]gid.Session{id(first), gone, ofEve, 1, 999})
		if err != nil || cmp.Diff([]gid.Session{id(first)}, idsOf(found)) != "" {
			t.Errorf("%s: by ids %v, %v", name, idsOf(found), err)
		}
	}
}

func TestRevokeSession_EndsThatDeviceAtItsNextRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	here, there := f.logIn(t, ann), f.logIn(t, ann)
	actor, other := f.signedIn(t, here.AccessToken), f.signedIn(t, there.AccessToken)
	if err := f.auth.RevokeSession(t.Context(), actor, other.SessionID); err != nil {
		t.Fatal(err)
	}
	if f.actor(t, request(t, there.AccessToken)).SignedIn() {
		t.Error("the access token is still good")
	}
	_, err := f.auth.Refresh(t.Context(), there.RefreshToken, home)
	wantCode(t, err, fault.InvalidCredentials, "refreshToken")
	f.signedIn(t, here.AccessToken)
	if err := f.auth.RevokeSession(t.Context(), actor, actor.SessionID); err != nil {
		t.Errorf("the session that this is done in: %v", err)
	}
	if f.actor(t, request(t, here.AccessToken)).SignedIn() {
		t.Error("the own access token is still good")
	}
	started, ended := "session.started by user", "session.ended revoked by user"
	if diff := cmp.Diff([]string{started, started, ended, ended}, f.auditEvents(t, ann.account)); diff != "" {
		t.Error(diff)
	}
}

func TestRevokeSession_KnowsNothingOfOthersSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, bob := f.person(t, "ann@example.com"), f.person(t, "bob@example.com")
	eve := f.colleague(t, ann, "eve@example.com", account.Admin)
	old := f.signedIn(t, f.logIn(t, ann).AccessToken).SessionID
	f.clock.Advance(auth.SessionLifetime)
	actor := f.signedIn(t, f.logIn(t, ann).AccessToken)
	ended := f.signedIn(t, f.logIn(t, ann).AccessToken)
	if err := f.auth.LogOut(t.Context(), ended, nil); err != nil {
		t.Fatal(err)
	}
	others := []*auth.Session{f.logIn(t, bob), f.logIn(t, eve)}
	ids := map[string]gid.Session{"expired": old, "ended": ended.SessionID, "never there": 4711, "none": 0}
	ids["another account's"] = f.signedIn(t, others[0].AccessToken).SessionID
	ids["a colleague's"] = f.signedIn(t, others[1].AccessToken).SessionID
	// Keys are the account's own: another account may have a session of the same number.
	f.exec(t, `INSERT INTO igny8_sessions (tenant_id, id, user_id, token_hash, expires_at) VALUES ($1, $2, $3, '', '2030-01-01')`,
		bob.account, actor.SessionID, bob.id)
	var first fault.List
	for name, id := range ids {
		err := f.auth.RevokeSession(t.Context(), actor, id)
		wantCode(t, err, fault.NotFound, "sessionId")
		if first == nil {
			first = fault.Of(err)
		}
		if diff := cmp.Diff(first, fault.Of(err)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, s := range others {
		f.signedIn(t, s.AccessToken)
	}
	if err := f.auth.RevokeSession(t.Context(), actor, actor.SessionID); err != nil {
		t.Fatal(err)
	}
	var live int
	f.scan(t, &live, `SELECT count(*) FROM igny8_sessions WHERE tenant_id = $1 AND revoked_at IS NULL`, bob.account)
	if live != 2 {
		t.Errorf("%d sessions of the other account are left", live)
	}
}

func TestLogOutEverywhere_EndsAllSessionsOfThePersonAndNobodyElses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	eve := f.colleague(t, ann, "eve@example.com", account.Admin)
	mine, ofEve := []*auth.Session{f.logIn(t, ann), f.logIn(t, ann), f.logIn(t, ann)}, f.logIn(t, eve)
	if err := f.auth.LogOutEverywhere(t.Context(), f.signedIn(t, mine[1].AccessToken)); err != nil {
		t.Fatal(err)
	}
	for _, s := range mine {
		if f.actor(t, request(t, s.AccessToken)).SignedIn() {
			t.Error("an access token is still good")
		}
		_, err := f.auth.Refresh(t.Context(), s.RefreshToken, home)
		wantCode(t, err, fault.InvalidCredentials, "refreshToken")
	}
	f.signedIn(t, ofEve.AccessToken)
	events := f.auditEvents(t, ann.account)
	if got := events[len(events)-1]; got != "session.ended log_out by user" {
		t.Errorf("%s", got)
	}
	var facts string
	f.scan(t, &facts, `SELECT concat_ws(' ', subject_type, subject_id = $2, after->>'sessions') FROM igny8_audit_events
		WHERE tenant_id = $1 AND action = 'session.ended'`, ann.account, ann.id)
	if facts != "user t 3" {
		t.Errorf("recorded: %s", facts)
	}
}

// personal are the commands about one's own sign-in, given what they need.
func (f *fixture) personal(t *testing.T, actor account.Actor) map[string]error {
	t.Helper()
	return map[string]error{
		"revoke":     f.auth.RevokeSession(t.Context(), actor, actor.SessionID),
		"everywhere": f.auth.LogOutEverywhere(t.Context(), actor),
		"password":   f.auth.ChangePassword(t.Context(), actor, password, "another fine password"),
		"verify":     f.auth.RequestEmailVerification(t.Context(), actor),
	}
}

func TestPersonalCommands_AreForPeopleAboutThemselves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, bob := f.person(t, "ann@example.com"), f.person(t, "bob@example.com")
	actor := f.signedIn(t, f.logIn(t, ann).AccessToken)
	key := account.Actor{Key: &account.Key{TenantID: ann.account}, Account: actor.Account, Plan: actor.Plan}
	staff := actor
	staff.Impersonation = &account.Impersonation{TenantID: bob.account}
	for name, err := range f.personal(t, account.Actor{}) {
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("nobody, %s: %v", name, err)
		}
	}
	for who, a := range map[string]account.Actor{"a key": key, "staff for another": staff} {
		for name, err := range f.personal(t, a) {
			if !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s, %s: %v", who, name, err)
			}
		}
	}
	wantCode(t, f.auth.LogOut(t.Context(), key, nil), fault.Forbidden)
	f.signedIn(t, f.logIn(t, ann).AccessToken)
}

// Between the door and the lock a session can end, a person be removed and an account be deleted.
func TestPersonalCommands_DoNothingForWhoIsNotSignedInAnyMore(t *testing.T) {
	t.Parallel()
	for name, over := range map[string]string{
		"signed out": `UPDATE igny8_sessions SET revoked_at = now(), revoked_reason = 'revoked' WHERE tenant_id = $1`,
		"removed":    `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE tenant_id = $1`,
		"deleted":    `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ann := f.person(t, "ann@example.com")
			actor := f.signedIn(t, f.logIn(t, ann).AccessToken)
			before := f.everything(t)
			f.exec(t, over, ann.account)
			for command, err := range f.personal(t, actor) {
				// Whose hash cannot be read any more has no right password either.
				if !fault.Is(err, fault.Unauthenticated) && (command != "password" || !fault.Is(err, fault.InvalidCredentials)) {
					t.Errorf("%s: %v", command, err)
				}
			}
			if diff := cmp.Diff(before, f.everything(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// everything is what commands about signing in could have written.
func (f *fixture) everything(t *testing.T) (state string) {
	t.Helper()
	f.scan(t, &state, `SELECT concat_ws(' ', (SELECT count(*) FROM igny8_sessions), (SELECT count(*) FROM igny8_audit_events),
		(SELECT count(*) FROM igny8_mails), (SELECT count(*) FROM igny8_mail_tokens), (SELECT count(*) FROM igny8_mail_tokens WHERE used_at IS NOT NULL),
		(SELECT string_agg(md5(password_hash) || (email_verified_at IS NOT NULL), ',' ORDER BY id) FROM igny8_users))`)
	return state
}
