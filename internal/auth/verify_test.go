package auth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// verifyToken is the token of the letter that somebody gets who signs up.
func (f *fixture) verifyToken(t *testing.T, p person) string {
	t.Helper()
	inside := postgres.WithTenant(t.Context(), int64(p.account))
	err := postgres.InTx(inside, f.db.App, func(ctx context.Context, tx bun.Tx) error {
		users, err := account.UsersByIDs(ctx, tx, p.account, []gid.User{p.id})
		if err != nil {
			return err
		}
		return f.auth.PostVerification(ctx, tx, users[0], f.clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokenIn(t, f.letter(t, p.email, verifySubject), "/verify-email")
}

func (f *fixture) verified(t *testing.T, p person) (at *time.Time) {
	t.Helper()
	f.scan(t, &at, `SELECT email_verified_at FROM igny8_users WHERE tenant_id = $1 AND id = $2`, p.account, p.id)
	return at
}

func TestVerifyEmail_VerifiesTheAddressThatTheLinkCameTo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	token := f.verifyToken(t, ann)
	at := f.clock.Now()
	for range 2 { // again, as browsers and people do
		if err := f.auth.VerifyEmail(t.Context(), token, home); err != nil {
			t.Fatal(err)
		}
		f.clock.Advance(time.Hour)
	}
	if got := f.verified(t, ann); got == nil || !got.Equal(at) {
		t.Errorf("verified at %v", got)
	}
	if diff := cmp.Diff([]string{"email.verified by user"}, f.auditEvents(t, ann.account)); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyEmail_AnswersAlikeToEveryLinkThatIsNotGood(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, moved, gone, closed := f.person(t, "ann@example.com"), f.person(t, "moved@example.com"), f.person(t, "gone@example.com"), f.person(t, "closed@example.com")
	reset := f.resetToken(t, ann)
	tokens := map[string]string{
		"expired": f.verifyToken(t, ann), "nonsense": "nonsense", "empty": "", "a reset": reset,
		"a reset in disguise": "igny8_verify_" + strings.TrimPrefix(reset, "igny8_reset_"),
	}
	f.clock.Advance(24 * time.Hour)
	tokens["of another address"], tokens["of who was removed"], tokens["of who left"] = f.verifyToken(t, moved), f.verifyToken(t, gone), f.verifyToken(t, closed)
	good := f.verifyToken(t, ann)
	tokens["another account's"] = strings.Replace(good, good[13:29], tokens["of another address"][13:29], 1)
	f.exec(t, `UPDATE igny8_users SET email = 'elsewhere@example.com' WHERE tenant_id = $1`, moved.account)
	f.exec(t, `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE tenant_id = $1`, gone.account)
	f.exec(t, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`, closed.account)
	before := f.everything(t)
	var first fault.List
	for name, token := range tokens {
		err := f.auth.VerifyEmail(t.Context(), token, home)
		wantCode(t, err, fault.InvalidCredentials, "token")
		if first == nil {
			first = fault.Of(err)
		}
		if diff := cmp.Diff(first, fault.Of(err)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if after := f.everything(t); after != before {
		t.Errorf("written: %s, before %s", after, before)
	}
	if err := f.auth.VerifyEmail(t.Context(), good, home); err != nil {
		t.Error(err)
	}
}

func TestRequestEmailVerification_MailsThreeLettersAnHourUntilItIsVerified(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	actor := f.signedIn(t, f.logIn(t, ann).AccessToken)
	first := f.verifyToken(t, ann)
	ask := func() error { return f.auth.RequestEmailVerification(t.Context(), actor) }
	f.clock.Advance(10 * time.Minute)
	for range 2 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		tokenIn(t, f.letter(t, ann.email, verifySubject), "/verify-email")
	}
	err := ask()
	wantCode(t, err, fault.Throttled)
	if got := fault.Of(err)[0].Details["retryAfterSeconds"]; got != 50*60 {
		t.Errorf("try again in %v s", got)
	}
	f.clock.Advance(50 * time.Minute)
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	f.letter(t, ann.email, verifySubject)
	// Older links work beside newer ones.
	if err := f.auth.VerifyEmail(t.Context(), first, home); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(2 * time.Hour)
	if err := ask(); err != nil || len(f.letters(t)) != 0 {
		t.Errorf("although it is verified: %v", err)
	}
}

func TestLettersToPeople_NeedABox(t *testing.T) {
	t.Parallel()
	with := newFixture(t)
	ann := with.person(t, "ann@example.com")
	token := with.resetToken(t, ann)
	s := with.logIn(t, ann)
	before := with.everything(t)
	without := newFixtureOn(t, with.db, withoutMail)
	for name, err := range map[string]error{
		"reset request": without.auth.RequestPasswordReset(t.Context(), ann.email, home),
		"verification":  without.auth.RequestEmailVerification(t.Context(), without.signedIn(t, s.AccessToken)),
		"change":        without.auth.ChangePassword(t.Context(), without.signedIn(t, s.AccessToken), password, another),
		"reset": func() error {
			_, err := without.auth.ResetPassword(t.Context(), token, another, home)
			return err
		}(),
	} {
		if err == nil || len(fault.Of(err)) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := with.everything(t); after != before {
		t.Errorf("written: %s, before %s", after, before)
	}
}
