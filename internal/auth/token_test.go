package auth_test

import (
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestAuthenticate_TakesEveryHostileTokenForNobodys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	session := f.signedIn(t, f.logIn(t, ann).AccessToken).SessionID
	forged := newForge(t, ann, session, f.clock.Now())
	if actor := f.actor(t, request(t, forged.sign())); actor.SessionID != session {
		t.Fatal("the token that the others are made from is not good itself")
	}
	nobody := answer(t, f, request(t, ""))

	hostile := hostileTokens(forged, f.clock.Now())
	if len(hostile) < 40 {
		t.Fatalf("%d hostile tokens", len(hostile))
	}
	for name, token := range hostile {
		r := request(t, "")
		r.Header["Authorization"] = []string{"Bearer " + token}
		ctx, statements := pgtest.CountQueries(r.Context())
		began := time.Now()
		if got := answer(t, f, r.WithContext(ctx)); got != nobody {
			t.Errorf("%s: answered %s, nobody gets %s", name, got, nobody)
		}
		if statements.N() != 0 {
			t.Errorf("%s: the database was asked %q", name, statements.Statements())
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
}

func TestAuthenticate_TakesGoodTokensThatDoNotFitTheDatabaseForNobodys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, bob := f.person(t, "ann@example.com"), f.person(t, "bob@example.com")
	eve := f.colleague(t, ann, "eve@example.com", account.Viewer)
	ofAnn := f.signedIn(t, f.logIn(t, ann).AccessToken).SessionID
	ofBob := f.signedIn(t, f.logIn(t, bob).AccessToken).SessionID
	nobody := answer(t, f, request(t, ""))
	for name, token := range map[string]string{
		"a colleague on one's session":    newForge(t, eve, ofAnn, f.clock.Now()).sign(),
		"another account's session":       newForge(t, ann, ofBob, f.clock.Now()).sign(),
		"one's session, another account":  newForge(t, person{account: bob.account, id: ann.id}, ofAnn, f.clock.Now()).sign(),
		"one's account, another's person": newForge(t, person{account: ann.account, id: bob.id}, ofAnn, f.clock.Now()).sign(),
		"another's person and session":    newForge(t, person{account: ann.account, id: bob.id}, ofBob, f.clock.Now()).sign(),
		"a session that never was":        newForge(t, ann, 987_654, f.clock.Now()).sign(),
		"an account that never was":       newForge(t, person{account: 987_654, id: ann.id}, ofAnn, f.clock.Now()).sign(),
	} {
		if got := answer(t, f, request(t, token)); got != nobody {
			t.Errorf("%s: answered %s, nobody gets %s", name, got, nobody)
		}
	}
}

func TestAuthenticate_AcceptsBothLiveKeysAndForgetsRetiredOnes(t *testing.T) {
	t.Parallel()
	texts := strings.Split(keysText(), ",")
	one, two := texts[0], texts[1]
	f := newFixture(t, func(cfg *auth.Config) { cfg.Keys = mustKeys(t, one) })
	ann := f.person(t, "ann@example.com")
	old := f.logIn(t, ann).AccessToken
	with := func(keys string) *fixture {
		cfg := auth.Config{
			Keys: mustKeys(t, keys), RefreshSecret: []byte("a secret for refresh tokens, in tests"),
			Issuer: issuer, Audience: audience, Hasher: cheap(), Clock: f.clock.Now,
		}
		a, err := auth.New(f.db.App, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return &fixture{db: f.db, auth: a, clock: f.clock}
	}
	rotated := with(two + "," + one)
	fresh := rotated.logIn(t, ann).AccessToken
	rotated.signedIn(t, old)
	rotated.signedIn(t, fresh)
	with(one+","+two).signedIn(t, fresh)
	if with(two).actor(t, request(t, old)).SignedIn() {
		t.Error("a token of the retired key still signs in")
	}
	if f.actor(t, request(t, fresh)).SignedIn() {
		t.Error("a token of a key that is not known yet signs in")
	}
}

func TestAccessToken_LivesFifteenMinutesButNotBeyondItsSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	s := f.logIn(t, ann)
	if want := f.clock.Now().Truncate(time.Second).Add(15 * time.Minute); !s.ExpiresAt.Equal(want) || s.ExpiresAt.Location() != time.UTC {
		t.Errorf("expires at %s, want %s", s.ExpiresAt, want)
	}
	f.clock.Advance(15 * time.Minute)
	f.signedIn(t, s.AccessToken) // another server's clock may be behind
	f.clock.Advance(11 * time.Second)
	if f.actor(t, request(t, s.AccessToken)).SignedIn() {
		t.Error("still good after its time")
	}
	f.clock.Advance(auth.SessionLifetime - 15*time.Minute - 11*time.Second - 5*time.Minute)
	s = f.refresh(t, s.RefreshToken)
	if got := s.ExpiresAt.Sub(f.clock.Now()); got > 5*time.Minute {
		t.Errorf("expires in %s, its session in 5m", got)
	}
	f.signedIn(t, s.AccessToken)
	f.clock.Advance(5 * time.Minute)
	if f.actor(t, request(t, s.AccessToken)).SignedIn() {
		t.Error("still good after its session")
	}
}
