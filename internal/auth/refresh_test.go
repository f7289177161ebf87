package auth_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
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

func TestRefresh_RotatesAndKeepsTheSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	first := f.logIn(t, ann)
	session := f.signedIn(t, first.AccessToken).SessionID
	tokens := map[string]bool{first.RefreshToken: true, first.AccessToken: true}
	last := first
	for n := 1; n <= 5; n++ {
		f.clock.Advance(time.Hour)
		last = f.refresh(t, last.RefreshToken)
		if tokens[last.RefreshToken] || tokens[last.AccessToken] {
			t.Fatalf("exchange %d gave a token that was given before", n)
		}
		tokens[last.RefreshToken], tokens[last.AccessToken] = true, true
		if got := f.signedIn(t, last.AccessToken).SessionID; got != session {
			t.Fatalf("exchange %d moved from session %d to %d", n, session, got)
		}
	}
	var generation int
	var rotated time.Time
	var hash []byte
	f.scan(t, &generation, `SELECT generation FROM igny8_sessions WHERE tenant_id = $1`, ann.account)
	f.scan(t, &rotated, `SELECT rotated_at FROM igny8_sessions WHERE tenant_id = $1`, ann.account)
	f.scan(t, &hash, `SELECT token_hash FROM igny8_sessions WHERE tenant_id = $1`, ann.account)
	if want := sha256.Sum256([]byte(last.RefreshToken)); generation != 5 || !rotated.Equal(f.clock.Now()) || !bytes.Equal(hash, want[:]) {
		t.Errorf("row: generation %d, rotated at %s, hash %x; want 5, %s, %x", generation, rotated, hash, f.clock.Now(), want)
	}
}

func TestRefresh_UseOfAnOldTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	for name, arrange := range map[string]func(first *auth.Session) (stolen, current *auth.Session){
		"the one before, after the grace": func(first *auth.Session) (stolen, current *auth.Session) {
			current = f.refresh(t, first.RefreshToken)
			f.clock.Advance(10*time.Second + time.Microsecond)
			return first, current
		},
		"one of two exchanges ago, within the grace": func(first *auth.Session) (stolen, current *auth.Session) {
			return first, f.refresh(t, f.refresh(t, first.RefreshToken).RefreshToken)
		},
	} {
		other := f.logIn(t, ann)
		stolen, current := arrange(f.logIn(t, ann))
		f.signedIn(t, current.AccessToken)
		_, err := f.auth.Refresh(t.Context(), stolen.RefreshToken, account.Origin{IP: "198.51.100.66"})
		wantCode(t, err, fault.InvalidCredentials, "refreshToken")
		if _, err := f.auth.Refresh(t.Context(), current.RefreshToken, home); !fault.Is(err, fault.InvalidCredentials) {
			t.Errorf("%s: the newest token is still good: %v", name, err)
		}
		if f.actor(t, request(t, current.AccessToken)).SignedIn() {
			t.Errorf("%s: the access token is still good", name)
		}
		f.refresh(t, other.RefreshToken) // another device's session is another family
	}
	var reasons []string
	f.scan(t, &reasons, `SELECT array_agg(revoked_reason ORDER BY id) FROM igny8_sessions WHERE tenant_id = $1 AND revoked_at IS NOT NULL`, ann.account)
	if diff := cmp.Diff([]string{"reuse", "reuse"}, reasons); diff != "" {
		t.Error(diff)
	}
	started, ended := "session.started by user", "session.ended reuse by system"
	if diff := cmp.Diff([]string{started, started, ended, started, started, ended}, f.auditEvents(t, ann.account)); diff != "" {
		t.Error(diff)
	}
}

func TestRefresh_AnswersALostAnswerAgainWithinTheGrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.logIn(t, f.person(t, "ann@example.com"))
	next := f.refresh(t, first.RefreshToken)
	f.clock.Advance(10 * time.Second)
	again := f.refresh(t, first.RefreshToken)
	if again.RefreshToken != next.RefreshToken {
		t.Fatal("asked again, another successor")
	}
	f.signedIn(t, again.AccessToken)
	f.clock.Advance(time.Hour)
	f.refresh(t, again.RefreshToken)
}

func TestRefresh_FiftyAtOnceMakeOneSuccessor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	first := f.logIn(t, ann)
	const many = 50
	answers := make([]*auth.Session, many)
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range many {
		group.Go(func() {
			<-start
			var err error
			if answers[i], err = f.auth.Refresh(t.Context(), first.RefreshToken, home); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	group.Wait()
	if t.Failed() {
		return
	}
	successors := map[string]bool{}
	for _, s := range answers {
		successors[s.RefreshToken] = true
		f.signedIn(t, s.AccessToken)
	}
	var generation int
	f.scan(t, &generation, `SELECT generation FROM igny8_sessions WHERE tenant_id = $1`, ann.account)
	if len(successors) != 1 || generation != 1 {
		t.Errorf("%d successors, generation %d; want 1, 1", len(successors), generation)
	}
	f.refresh(t, answers[0].RefreshToken)
}

func TestRefresh_RefusesAlikeWhateverIsWrong(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	refused := map[string]error{}
	try := func(name, token string) {
		t.Helper()
		s, err := f.auth.Refresh(t.Context(), token, home)
		wantCode(t, err, fault.InvalidCredentials, "refreshToken")
		if s != nil {
			t.Errorf("%s: a session came with the refusal", name)
		}
		refused[name] = err
	}
	fresh := func() (person, *auth.Session) {
		p := f.person(t, fmt.Sprintf("p%d@example.com", len(refused)))
		return p, f.logIn(t, p)
	}
	_, s := fresh()
	try("empty", "")
	try("an access token", s.AccessToken)
	try("changed", strings.Replace(s.RefreshToken, s.RefreshToken[60:62], "zz", 1))
	try("in capitals", strings.ToUpper(s.RefreshToken))

	p, s := fresh()
	f.exec(t, `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE tenant_id = $1`, p.account)
	try("of a deleted person", s.RefreshToken)
	p, s = fresh()
	f.exec(t, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`, p.account)
	try("of a deleted account", s.RefreshToken)
	p, s = fresh()
	f.exec(t, `UPDATE igny8_sessions SET revoked_at = now(), revoked_reason = 'role' WHERE tenant_id = $1`, p.account)
	try("revoked", s.RefreshToken)
	p, s = fresh()
	f.exec(t, `DELETE FROM igny8_sessions WHERE tenant_id = $1`, p.account)
	try("of a session that is gone", s.RefreshToken)
	p, s = fresh()
	s = f.refresh(t, s.RefreshToken)
	f.exec(t, `UPDATE igny8_sessions SET generation = 0 WHERE tenant_id = $1`, p.account)
	try("newer than the row, as after a restored backup", s.RefreshToken)
	p, s = fresh()
	f.exec(t, `UPDATE igny8_sessions SET token_hash = '\x00' WHERE tenant_id = $1`, p.account)
	try("not the row's", s.RefreshToken)
	_, s = fresh()
	f.clock.Advance(auth.SessionLifetime)
	try("expired", s.RefreshToken)

	for name, err := range refused {
		if diff := cmp.Diff(fault.Of(refused["empty"]), fault.Of(err)); diff != "" {
			t.Errorf("%s is refused otherwise: %s", name, diff)
		}
	}
}

// A refresh that meets the end of its session halfway must not come out ahead of it.
func TestRefresh_RefusesASessionThatIsBeingEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	s := f.logIn(t, ann)
	tx, err := f.db.Admin.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	const end = `UPDATE igny8_sessions SET revoked_at = now(), revoked_reason = 'password' WHERE tenant_id = $1`
	if _, err := tx.Exec(t.Context(), end, ann.account); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		_, err := f.auth.Refresh(t.Context(), s.RefreshToken, home)
		answer <- err
	}()
	f.untilWaiting(t)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-answer, fault.InvalidCredentials, "refreshToken")
}

func TestRefresh_LastsThirtyDaysHoweverOftenItIsUsed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.logIn(t, f.person(t, "ann@example.com"))
	for range 29 {
		f.clock.Advance(24 * time.Hour)
		s = f.refresh(t, s.RefreshToken)
	}
	f.clock.Advance(24*time.Hour - time.Microsecond)
	s = f.refresh(t, s.RefreshToken)
	f.clock.Advance(time.Microsecond)
	_, err := f.auth.Refresh(t.Context(), s.RefreshToken, home)
	wantCode(t, err, fault.InvalidCredentials, "refreshToken")
}

func TestRefresh_IsAllOrNothingWhereverItIsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.logIn(t, f.person(t, "ann@example.com"))
	for n := 1; ; n++ {
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := f.auth.Refresh(ctx, s.RefreshToken, home)
		if _, fired := killer.Fired(); !fired {
			if err != nil || n < 5 {
				t.Fatalf("after %d statements: %v", n, err)
			}
			break
		}
		if err == nil || len(fault.Of(err)) != 0 {
			t.Fatalf("cut before statement %d: %v, want an error that is no fault", n, err)
		}
		// Nothing of it holds: the same token is still the good one.
		f.clock.Advance(time.Hour)
		s = f.refresh(t, s.RefreshToken)
	}
}
