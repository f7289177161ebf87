package auth_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

func TestStartSession_IsPartOfItsTransaction(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	inside := postgres.WithTenant(t.Context(), int64(ann.account))
	users, err := account.UsersByIDs(inside, f.db.App, ann.account, []gid.User{ann.id})
	if err != nil {
		t.Fatal(err)
	}
	start := func(then error) (s *auth.Session) {
		t.Helper()
		err := postgres.InTx(inside, f.db.App, func(ctx context.Context, tx bun.Tx) (err error) {
			if s, err = f.auth.StartSession(ctx, tx, users[0], home, f.clock.Now()); err != nil {
				return err
			}
			return then
		})
		if (err == nil) != (then == nil) {
			t.Fatal(err)
		}
		return s
	}
	undone := start(context.Canceled)
	if f.actor(t, request(t, undone.AccessToken)).SignedIn() {
		t.Error("a session that was rolled back signs in")
	}
	actor := f.signedIn(t, start(nil).AccessToken)
	if actor.User.LastLoginAt == nil || !actor.User.LastLoginAt.Equal(f.clock.Now()) {
		t.Errorf("last log-in %v, want %s", actor.User.LastLoginAt, f.clock.Now())
	}
	var got string
	f.scan(t, &got, `SELECT concat_ws(' ', ip, user_agent, request_id, actor_kind, actor_id, subject_type, subject_id)
		FROM igny8_audit_events WHERE tenant_id = $1`, ann.account)
	if want := fmt.Sprintf("203.0.113.7 curl/8 req-1 user %d session %d", ann.id, actor.SessionID); got != want {
		t.Errorf("audit event %q, want %q", got, want)
	}
}
