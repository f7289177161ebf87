package auth_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/ticket"
)

func TestResetPassword_SignsInByTheMailedLinkAndEndsAllSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	eve := f.colleague(t, ann, "eve@example.com", account.Admin)
	old, ofEve := f.logIn(t, ann), f.logIn(t, eve)
	earlier, token := f.resetToken(t, ann), f.resetToken(t, ann)
	s, err := f.auth.ResetPassword(t.Context(), token, another, home)
	if err != nil {
		t.Fatal(err)
	}
	actor := f.signedIn(t, s.AccessToken)
	if actor.User.ID != ann.id || actor.User.EmailVerifiedAt == nil || !actor.User.EmailVerifiedAt.Equal(f.clock.Now()) {
		t.Errorf("signed in %+v", actor.User)
	}
	f.signedIn(t, f.refresh(t, s.RefreshToken).AccessToken)
	f.signedIn(t, ofEve.AccessToken)
	if f.actor(t, request(t, old.AccessToken)).SignedIn() {
		t.Error("an old access token is still good")
	}
	_, err = f.auth.LogIn(t.Context(), ann.email, password, home)
	wantCode(t, err, fault.InvalidCredentials)
	for name, used := range map[string]string{"the used link": token, "an earlier link": earlier} {
		if _, err := f.auth.ResetPassword(t.Context(), used, "a third fine password", home); !fault.Is(err, fault.InvalidCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if notice := f.letter(t, ann.email, noticeSubject); !strings.Contains(notice.Text, "by a link that we had mailed you") {
		t.Errorf("%s", notice.Text)
	}
	want := []string{
		"session.started by user", "session.started by user", "password.reset_requested by system", "password.reset_requested by system",
		"session.ended password by user", "password.reset by user", "email.verified by user", "session.started by user",
	}
	if diff := cmp.Diff(want, f.auditEvents(t, ann.account)); diff != "" {
		t.Error(diff)
	}
	// What the database keeps lets nobody in.
	var kept string
	f.scan(t, &kept, `SELECT (SELECT string_agg(to_jsonb(e)::text, ' ') FROM igny8_audit_events e) || (SELECT string_agg(to_jsonb(k)::text, ' ') FROM igny8_mail_tokens k)
		|| (SELECT string_agg(to_jsonb(m)::text, ' ') FROM igny8_mails m)`)
	for _, secret := range []string{token, strings.TrimPrefix(token, "igny8_reset_")[32:], another} {
		if strings.Contains(kept, secret) {
			t.Errorf("the database holds %s", secret)
		}
	}
	var events string
	f.scan(t, &events, `SELECT string_agg(to_jsonb(e)::text, ' ') FROM igny8_audit_events e`)
	if strings.Contains(events, ann.email) || !strings.Contains(events, home.IP) {
		t.Errorf("audit events: %s", events)
	}
}

func TestResetPassword_AnswersAlikeToEveryLinkThatIsNotGood(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	people := map[string]person{}
	tokens := map[string]string{}
	for _, name := range []string{"expired", "moved", "removed", "closed", "forged", "verification", "used"} {
		p := f.person(t, name+"@example.com")
		people[name], tokens[name] = p, f.resetToken(t, p)
	}
	f.exec(t, `UPDATE igny8_mail_tokens SET created_at = created_at - interval '1 hour', expires_at = $2 WHERE tenant_id = $1`, people["expired"].account, f.clock.Now())
	f.exec(t, `UPDATE igny8_users SET email = 'elsewhere@example.com' WHERE tenant_id = $1`, people["moved"].account)
	f.exec(t, `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE tenant_id = $1`, people["removed"].account)
	f.exec(t, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`, people["closed"].account)
	f.exec(t, `UPDATE igny8_mail_tokens SET purpose = 'verify_email' WHERE tenant_id = $1`, people["verification"].account)
	f.exec(t, `UPDATE igny8_mail_tokens SET used_at = now() WHERE tenant_id = $1`, people["used"].account)
	good := tokens["forged"]
	tokens["forged"] = good[:len(good)-1] + map[bool]string{true: "0", false: "1"}[good[len(good)-1] != '0']
	tokens["of nobody"], _ = ticket.New(ticket.Password, 4711, 1)
	tokens["of no row"], _ = ticket.New(ticket.Password, people["forged"].account, 4711)
	tokens["to verify"] = "igny8_verify_" + strings.TrimPrefix(good, "igny8_reset_")
	tokens["in capitals"] = "igny8_reset_" + strings.ToUpper(strings.TrimPrefix(good, "igny8_reset_"))
	tokens["empty"], tokens["nonsense"], tokens["endless"] = "", "nonsense\x00\xff", strings.Repeat("igny8_reset_", 1<<14)
	before := f.everything(t)
	var first fault.List
	for name, token := range tokens {
		s, err := f.auth.ResetPassword(t.Context(), token, another, home)
		wantCode(t, err, fault.InvalidCredentials, "token")
		if first == nil {
			first = fault.Of(err)
		}
		if diff := cmp.Diff(first, fault.Of(err)); s != nil || diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if after := f.everything(t); after != before {
		t.Errorf("written: %s, before %s", after, before)
	}
	if _, err := f.auth.ResetPassword(t.Context(), good, another, home); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestResetPassword_IsGoodForHalfAnHour(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	early, late := f.person(t, "early@example.com"), f.person(t, "late@example.com")
	tokens := []string{f.resetToken(t, early), f.resetToken(t, late)}
	f.clock.Advance(30*time.Minute - time.Microsecond)
	if _, err := f.auth.ResetPassword(t.Context(), tokens[0], another, home); err != nil {
		t.Error(err)
	}
	f.clock.Advance(time.Microsecond)
	_, err := f.auth.ResetPassword(t.Context(), tokens[1], another, home)
	wantCode(t, err, fault.InvalidCredentials, "token")
}

func TestResetPassword_KeepsTheLinkWhenThePasswordIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.resetToken(t, f.person(t, "ann.of.example@example.com"))
	for _, weak := range []string{"", "short", "Ann.of.Example", "Ann.of.Example@example.com", strings.Repeat("x", 1<<16), "\xff a broken password"} {
		_, err := f.auth.ResetPassword(t.Context(), token, weak, home)
		wantCode(t, err, fault.WeakPassword, "newPassword")
	}
	_, err := f.auth.ResetPassword(t.Context(), "nonsense", "short", home)
	if len(fault.Of(err)) != 2 || !fault.Is(err, fault.InvalidCredentials) || !fault.Is(err, fault.WeakPassword) {
		t.Errorf("both wrong: %v", err)
	}
	if _, err := f.auth.ResetPassword(t.Context(), token, another, home); err != nil {
		t.Error(err)
	}
}

func TestResetPassword_WorksOnceOfAHundredParallelTries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	token := f.resetToken(t, ann)
	const many = 100
	results, sessions := make([]error, many), make([]*auth.Session, many)
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range many {
		group.Go(func() {
			<-start
			sessions[i], results[i] = f.auth.ResetPassword(t.Context(), token, another, home)
		})
	}
	close(start)
	group.Wait()
	won := 0
	for i, err := range results {
		if err == nil {
			won++
			f.signedIn(t, sessions[i].AccessToken)
			continue
		}
		wantCode(t, err, fault.InvalidCredentials, "token")
	}
	var live int
	f.scan(t, &live, `SELECT count(*) FROM igny8_sessions`)
	if won != 1 || live != 1 {
		t.Errorf("%d resets succeeded, %d sessions were made", won, live)
	}
}

func TestResetPassword_IsAllOrNothingWhereverItIsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	f.logIn(t, ann)
	token := f.resetToken(t, ann)
	before := f.everything(t)
	for n := 1; ; n++ {
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := f.auth.ResetPassword(ctx, token, another, home)
		if _, fired := killer.Fired(); !fired {
			if err != nil || n < 15 {
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
