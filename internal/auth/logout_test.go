package auth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
)

func TestLogOut_EndsTheAccessTokenAtTheNextRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	here, there := f.logIn(t, ann), f.logIn(t, ann)
	actor := f.signedIn(t, here.AccessToken)
	if err := f.auth.LogOut(t.Context(), actor, nil); err != nil {
		t.Fatal(err)
	}
	if f.actor(t, request(t, here.AccessToken)).SignedIn() {
		t.Error("the access token is still good")
	}
	_, err := f.auth.Refresh(t.Context(), here.RefreshToken, home)
	wantCode(t, err, fault.InvalidCredentials, "refreshToken")
	f.signedIn(t, there.AccessToken)

	if err := f.auth.LogOut(t.Context(), actor, nil); err != nil {
		t.Errorf("again: %v", err)
	}
	started := "session.started by user"
	if diff := cmp.Diff([]string{started, started, "session.ended log_out by user"}, f.auditEvents(t, ann.account)); diff != "" {
		t.Error(diff)
	}
}

func TestLogOut_ByRefreshTokenEndsThatSessionIfItIsOnesOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, bob := f.person(t, "ann@example.com"), f.person(t, "bob@example.com")
	eve := f.colleague(t, ann, "eve@example.com", account.Admin)
	here, there, old := f.logIn(t, ann), f.logIn(t, ann), f.logIn(t, ann)
	renewed := f.refresh(t, old.RefreshToken)
	ofBob, ofEve := f.logIn(t, bob), f.logIn(t, eve)
	actor := f.signedIn(t, here.AccessToken)
	// Keys are the account's own: another account may have a person of the same number.
	namesake := f.person(t, "cid@example.com")
	f.exec(t, `INSERT INTO igny8_users (tenant_id, id, email, role, password_hash) VALUES ($1, $2, 'namesake@example.com', 'owner', $3)`,
		namesake.account, ann.id, passwordHash())
	f.exec(t, `INSERT INTO igny8_login_directory (email, tenant_id, user_id) VALUES ('namesake@example.com', $1, $2)`, namesake.account, ann.id)
	ofNamesake := f.logIn(t, person{account: namesake.account, id: ann.id, email: "namesake@example.com"})
	for name, token := range map[string]string{
		"nonsense": "nonsense", "empty": "", "another account's": ofBob.RefreshToken, "a colleague's": ofEve.RefreshToken,
		"an access token": there.AccessToken, "a namesake's": ofNamesake.RefreshToken,
	} {
		err := f.auth.LogOut(t.Context(), actor, &token)
		if len(fault.Of(err)) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		wantCode(t, err, fault.InvalidCredentials, "refreshToken")
	}
	for _, s := range []*auth.Session{here, there, renewed, ofBob, ofEve, ofNamesake} {
		f.signedIn(t, s.AccessToken)
	}
	for _, token := range []string{there.RefreshToken, old.RefreshToken} {
		if err := f.auth.LogOut(t.Context(), actor, &token); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*auth.Session{there, renewed} {
		if f.actor(t, request(t, s.AccessToken)).SignedIn() {
			t.Error("an ended session's access token is still good")
		}
	}
	f.signedIn(t, here.AccessToken)
}

func TestLogOut_RefusesNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	wantCode(t, f.auth.LogOut(t.Context(), account.Actor{}, nil), fault.Unauthenticated)
}
