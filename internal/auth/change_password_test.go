package auth_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

const another = "another fine password"

func TestChangePassword_EndsEveryOtherSessionAndTellsThePerson(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	eve := f.colleague(t, ann, "eve@example.com", account.Admin)
	here, there, ofEve := f.logIn(t, ann), f.logIn(t, ann), f.logIn(t, eve)
	mailed := f.resetToken(t, ann)
	if err := f.auth.ChangePassword(t.Context(), f.signedIn(t, here.AccessToken), password, another); err != nil {
		t.Fatal(err)
	}
	f.signedIn(t, f.refresh(t, here.RefreshToken).AccessToken)
	f.signedIn(t, ofEve.AccessToken)
	if f.actor(t, request(t, there.AccessToken)).SignedIn() {
		t.Error("the other session's access token is still good")
	}
	_, err := f.auth.Refresh(t.Context(), there.RefreshToken, home)
	wantCode(t, err, fault.InvalidCredentials, "refreshToken")
	_, err = f.auth.LogIn(t.Context(), ann.email, password, home)
	wantCode(t, err, fault.InvalidCredentials)
	if _, err := f.auth.LogIn(t.Context(), ann.email, another, home); err != nil {
		t.Errorf("the new password: %v", err)
	}
	f.logIn(t, eve)
	_, err = f.auth.ResetPassword(t.Context(), mailed, "a third fine password", home)
	wantCode(t, err, fault.InvalidCredentials, "token")

	notice := f.letter(t, ann.email, noticeSubject)
	if !strings.Contains(notice.Text, "from your settings, on 22 November 2026 at 09:30 UTC,\nfrom 192.0.2.1.") || strings.Contains(notice.Text, "token") {
		t.Errorf("%s", notice.Text)
	}
	events := strings.Join(f.auditEvents(t, ann.account), "; ")
	if !strings.Contains(events, "session.ended password by user; password.changed by user") {
		t.Errorf("%s", events)
	}
}

func TestChangePassword_SaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	actor := f.signedIn(t, f.logIn(t, ann).AccessToken)
	before := f.everything(t)
	for name, c := range map[string]struct{ current, next, want string }{
		"wrong":           {"some other password", another, "INVALID_CREDENTIALS at currentPassword"},
		"empty":           {"", another, "INVALID_CREDENTIALS at currentPassword"},
		"endless":         {strings.Repeat("x", 1<<16), another, "INVALID_CREDENTIALS at currentPassword"},
		"weak":            {password, "short", "WEAK_PASSWORD at newPassword"},
		"the same":        {password, password, "WEAK_PASSWORD at newPassword"},
		"the own address": {password, "Ann@Example.COM", "WEAK_PASSWORD at newPassword"},
		"both":            {"some other password", "short", "INVALID_CREDENTIALS at currentPassword WEAK_PASSWORD at newPassword"},
	} {
		err := f.auth.ChangePassword(t.Context(), actor, c.current, c.next)
		var got []string
		for _, e := range fault.Of(err) {
			got = append(got, string(e.Code)+" at "+strings.Join(e.Field, "."))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := f.everything(t); after != before {
		t.Errorf("written: %s, before %s", after, before)
	}
}

func TestChangePassword_EvaluatesAtMostTenOfTwoHundredParallelGuesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	actor := f.signedIn(t, f.logIn(t, ann).AccessToken)
	actor.Origin = home
	const many = 200
	results := make([]error, many)
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			results[i] = f.auth.ChangePassword(t.Context(), actor, fmt.Sprintf("guess number %06d", i), another)
		})
	}
	group.Wait()
	evaluated := 0
	for _, err := range results {
		switch {
		case fault.Is(err, fault.InvalidCredentials):
			evaluated++
		case !fault.Is(err, fault.Throttled):
			t.Fatal(err)
		}
	}
	if evaluated != 10 {
		t.Errorf("%d guesses were evaluated, want 10", evaluated)
	}
	if err := f.auth.ChangePassword(t.Context(), actor, password, another); !fault.Is(err, fault.Throttled) {
		t.Errorf("the right one: %v", err)
	}
	// They are the same guesses as those at the front door.
	_, err := f.auth.LogIn(t.Context(), ann.email, password, home)
	wantCode(t, err, fault.Throttled)
	f.clock.Advance(90 * time.Second)
	if err := f.auth.ChangePassword(t.Context(), actor, password, another); err != nil {
		t.Error(err)
	}
}

func TestChangePassword_HoldsNoConnectionWhileItHashesAndTakesBackRightOnes(t *testing.T) {
	t.Parallel()
	hasher, err := auth.NewHasher(auth.Cost{MemoryKiB: 1024, Iterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(cfg *auth.Config) { cfg.Hasher = hasher })
	actor := f.signedIn(t, f.logIn(t, f.person(t, "ann@example.com")).AccessToken)
	compared := 0
	hasher.Watch(func(string) {
		compared++
		if n := f.db.App.Pool.Stat().AcquiredConns(); n != 0 {
			t.Errorf("%d connections are held while a password is hashed", n)
		}
	})
	passwords := []string{password, another}
	const times = 14 // more than could be guessed
	for n := range times {
		if err := f.auth.ChangePassword(t.Context(), actor, passwords[n%2], passwords[(n+1)%2]); err != nil {
			t.Fatal(err)
		}
	}
	if compared != times {
		t.Errorf("%d comparisons", compared)
	}
}

func TestChangePassword_RefusesAPasswordThatWasChangedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	actor := f.signedIn(t, f.logIn(t, ann).AccessToken)
	tx, err := f.db.Admin.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SELECT FROM igny8_tenants WHERE id = $1 FOR NO KEY UPDATE`, ann.account); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() { answer <- f.auth.ChangePassword(t.Context(), actor, password, another) }()
	f.untilWaiting(t)
	if _, err := tx.Exec(t.Context(), `UPDATE igny8_users SET password_hash = 'x' WHERE tenant_id = $1`, ann.account); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-answer, fault.InvalidCredentials, "currentPassword")
}

func TestChangePassword_IsAllOrNothingWhereverItIsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	here := f.logIn(t, ann)
	f.logIn(t, ann)
	actor := f.signedIn(t, here.AccessToken)
	before := f.everything(t)
	for n := 1; ; n++ {
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		err := f.auth.ChangePassword(ctx, actor, password, another)
		if _, fired := killer.Fired(); !fired {
			if err != nil || n < 10 {
				t.Fatalf("after %d statements: %v", n, err)
			}
			break
		}
		if err == nil || len(fault.Of(err)) != 0 {
			t.Fatalf("cut before statement %d: %v, want an error that is no fault", n, err)
		}
		if after := f.everything(t); after != before {
			t.Fatalf("cut before statement %d: %s, before %s", n, after, before)
		}
	}
}
