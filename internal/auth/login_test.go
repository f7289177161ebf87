package auth_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestLogIn_SignsInByEmailInAnyCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	for _, email := range []string{"ann@example.com", " Ann@Example.COM "} {
		s, err := f.auth.LogIn(t.Context(), email, password, home)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.signedIn(t, s.AccessToken); got.User.ID != ann.id || got.Account.ID != ann.account {
			t.Errorf("%q signs %s in", email, got.User.Email)
		}
	}
}

func TestLogIn_OpensInEveryStatus(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	for _, status := range []account.Status{
		account.Trial, account.PendingPayment, account.Active, account.Suspended, account.Cancelled,
	} {
		f.exec(t, `UPDATE igny8_tenants SET status = $2 WHERE id = $1`, ann.account, status)
		if got := f.signedIn(t, f.logIn(t, ann).AccessToken).Account.Status; got != status {
			t.Errorf("status %s, want %s", got, status)
		}
	}
}

func TestLogIn_RefusesAlikeWhoIsUnknownAndWhatIsWrong(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	f := newFixture(t, func(cfg *auth.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	f.person(t, "ann@example.com")
	gone, closed := f.person(t, "gone@example.com"), f.person(t, "closed@example.com")
	f.exec(t, `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE tenant_id = $1`, gone.account)
	f.exec(t, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`, closed.account)
	invited := f.person(t, "invited@example.com")
	f.exec(t, `UPDATE igny8_users SET password_hash = NULL WHERE tenant_id = $1`, invited.account)
	imported := f.person(t, "imported@example.com")
	f.exec(t, `UPDATE igny8_users SET password_hash = 'pbkdf2_sha256$1$x$y' WHERE tenant_id = $1`, imported.account)

	var unknown fault.List
	for _, c := range []struct{ email, password string }{
		{"nobody@example.com", password},
		{"ann@example.com", "another long password"},
		{"ann@example.com", ""},
		{"ann@example.com", strings.Repeat("x", 1<<16)},
		{"ann@example.com", passwordHash()},
		{"gone@example.com", password},
		{"closed@example.com", password},
		{"closed@example.com", "another long password"},
		{"invited@example.com", password},
		{"invited@example.com", ""},
		{"imported@example.com", password},
		{"", password},
		{"no address", password},
		{"ann@example.com\x00", password},
		{"ann\xff@example.com", password},
		{"' OR 1=1 --@example.com", password},
		{strings.Repeat("a", 1<<16) + "@example.com", password},
	} {
		s, err := f.auth.LogIn(t.Context(), c.email, c.password, home)
		wantCode(t, err, fault.InvalidCredentials)
		if unknown == nil {
			unknown = fault.Of(err)
		}
		if diff := cmp.Diff(unknown, fault.Of(err)); s != nil || diff != "" {
			t.Errorf("%.30q with %.20q: %s", c.email, c.password, diff)
		}
	}
	var sessions int
	f.scan(t, &sessions, `SELECT count(*) FROM igny8_sessions`)
	if sessions != 0 {
		t.Errorf("%d sessions were made", sessions)
	}
	if got := logged.String(); strings.Count(got, "log-in refused") != 1 || !strings.Contains(got, "user_") ||
		strings.Contains(got, "imported@") || strings.Contains(got, password) {
		t.Errorf("logged: %s", got)
	}
}

// What an unknown email costs is compared by work, which can be counted, and not by the clock of a
// busy machine. Meanwhile no connection is held, since a slow hashing must not keep others from the
// database.
func TestLogIn_DoesTheSameForWhoIsUnknownAndWhatIsWrong(t *testing.T) {
	t.Parallel()
	hasher, err := auth.NewHasher(auth.Cost{MemoryKiB: 1024, Iterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(cfg *auth.Config) { cfg.Hasher = hasher })
	f.person(t, "ann@example.com")
	var compared []string
	hasher.Watch(func(hash string) {
		compared = append(compared, hash)
		if n := f.db.App.Pool.Stat().AcquiredConns(); n != 0 {
			t.Errorf("%d connections are held while a password is hashed", n)
		}
	})
	asked := func(email string) (shapes []string) {
		ctx, counter := pgtest.CountQueries(t.Context())
		if _, err := f.auth.LogIn(ctx, email, "another long password", home); !fault.Is(err, fault.InvalidCredentials) {
			t.Fatal(err)
		}
		for _, s := range counter.Statements() {
			shape, _, _ := strings.Cut(s, "WHERE")
			shapes = append(shapes, shape)
		}
		return shapes
	}
	known, unknown := asked("ann@example.com"), asked("nobody@example.com")
	if diff := cmp.Diff(known, unknown); diff != "" || len(known) == 0 {
		t.Errorf("asked for a known (-) and an unknown (+) email:\n%s", diff)
	}
	if diff := cmp.Diff([]string{passwordHash(), "decoy"}, compared); diff != "" {
		t.Errorf("compared with: %s", diff)
	}
}

func TestLogIn_EvaluatesAtMostTenOfTwoHundredParallelGuesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	const many = 200
	results := make([]error, many)
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range many {
		group.Go(func() {
			<-start
			_, results[i] = f.auth.LogIn(t.Context(), ann.email, fmt.Sprintf("guess number %06d", i), home)
		})
	}
	close(start)
	group.Wait()
	evaluated := 0
	for _, err := range results {
		faults := fault.Of(err)
		switch {
		case len(faults) != 1:
			t.Fatal(err)
		case faults[0].Code == fault.InvalidCredentials:
			evaluated++
		case faults[0].Code != fault.Throttled || faults[0].Details["retryAfterSeconds"] != 90:
			t.Fatalf("%v %v", err, faults[0].Details)
		}
	}
	if evaluated != 10 {
		t.Errorf("%d guesses were evaluated, want 10", evaluated)
	}
	// The right password is not even looked at from there, and the owner comes in from elsewhere.
	_, err := f.auth.LogIn(t.Context(), ann.email, password, home)
	wantCode(t, err, fault.Throttled)
	if _, err := f.auth.LogIn(t.Context(), ann.email, password, account.Origin{IP: "198.51.100.4"}); err != nil {
		t.Errorf("the owner, from another address: %v", err)
	}
	// Nobody else is shut out at the address, and time opens it again.
	bob := f.person(t, "bob@example.com")
	f.logIn(t, bob)
	f.clock.Advance(90 * time.Second)
	f.logIn(t, ann)
}

func TestLogIn_ThrottlesUnknownEmailsAlike(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.person(t, "ann@example.com")
	guess := func(email string) (codes []fault.Code) {
		for range 12 {
			_, err := f.auth.LogIn(t.Context(), email, "another long password", home)
			codes = append(codes, fault.Of(err)[0].Code)
		}
		return codes
	}
	if known, unknown := guess("ann@example.com"), guess("nobody@example.com"); !slices.Equal(known, unknown) {
		t.Errorf("known %v, unknown %v", known, unknown)
	}
}

func TestLogIn_DoesNotCountRightPasswords(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	for range 120 {
		f.logIn(t, ann)
	}
}

func TestLogIn_RenewsAHashOfAnotherCost(t *testing.T) {
	t.Parallel()
	other, err := auth.NewHasher(auth.Cost{MemoryKiB: 2048, Iterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(cfg *auth.Config) { cfg.Hasher = other })
	ann := f.person(t, "ann@example.com")
	stored := func() (hash string) {
		f.scan(t, &hash, `SELECT password_hash FROM igny8_users WHERE tenant_id = $1`, ann.account)
		return hash
	}
	before := stored()
	f.logIn(t, ann)
	renewed := stored()
	if !other.Outdated(before) || other.Outdated(renewed) {
		t.Errorf("%s became %s", before, renewed)
	}
	f.logIn(t, ann)
	if stored() != renewed {
		t.Error("a hash of the right cost was made again")
	}
}

// Between the comparison and the session's row, the password may have been changed, which ended
// all sessions: a log-in with the old one must not slip in behind.
func TestLogIn_RefusesAPasswordThatWasChangedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	tx, err := f.db.Admin.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SELECT FROM igny8_tenants WHERE id = $1 FOR NO KEY UPDATE`, ann.account); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		_, err := f.auth.LogIn(t.Context(), ann.email, password, home)
		answer <- err
	}()
	f.untilWaiting(t)
	if _, err := tx.Exec(t.Context(), `UPDATE igny8_users SET password_hash = 'x' WHERE tenant_id = $1`, ann.account); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-answer, fault.InvalidCredentials)
}

func TestLogIn_IsAllOrNothingWhereverItIsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	for n := 1; ; n++ {
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := f.auth.LogIn(ctx, ann.email, password, home)
		if _, fired := killer.Fired(); !fired {
			if err != nil || n < 10 {
				t.Fatalf("after %d statements: %v", n, err)
			}
			break
		}
		if err == nil || len(fault.Of(err)) != 0 {
			t.Fatalf("cut before statement %d: %v, want an error that is no fault", n, err)
		}
		var left int
		f.scan(t, &left, `SELECT (SELECT count(*) FROM igny8_sessions) + (SELECT count(*) FROM igny8_audit_events)
			+ (SELECT count(*) FROM igny8_users WHERE last_login_at IS NOT NULL)`)
		if left != 0 {
			t.Fatalf("cut before statement %d: %d rows were left", n, left)
		}
	}
}
