package auth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/retention"
	"igny8.com/accounts/internal/vault"
)

// A deleted account is absent at every way in, and what let people in before does not again after its
// return, but for their passwords.
func TestDeletedAccount_LetsNobodyInUntilItIsRestored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := f.person(t, "owner@deleted.test")
	colleague := f.colleague(t, owner, "viewer@deleted.test", account.Viewer)
	sessions := []*auth.Session{f.logIn(t, owner), f.logIn(t, colleague)}
	unknown := func(email string) string {
		_, err := f.auth.LogIn(t.Context(), email, password, home)
		wantCode(t, err, fault.InvalidCredentials)
		return err.Error()
	}

	keys, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	actor := f.signedIn(t, sessions[0].AccessToken)
	ctx := postgres.WithTenant(t.Context(), int64(owner.account))
	box := &mail.Box{Vault: keys, App: "https://app.test"}
	if _, err := retention.DeleteAccount(ctx, f.db.App, box, actor, f.clock.Now(), retention.Deletion{Confirm: actor.Account.Slug}); err != nil {
		t.Fatal(err)
	}
	absent := func(when string) {
		t.Helper()
		for _, s := range sessions {
			if f.actor(t, request(t, s.AccessToken)).SignedIn() {
				t.Errorf("%s, an access token signs somebody in", when)
			}
			_, err := f.auth.Refresh(t.Context(), s.RefreshToken, home)
			wantCode(t, err, fault.InvalidCredentials, "refreshToken")
		}
	}
	absent("deleted")
	stranger := unknown("nobody@deleted.test")
	for _, p := range []person{owner, colleague} {
		if got := unknown(p.email); got != stranger {
			t.Errorf("%s is told %q, a stranger %q", p.email, got, stranger)
		}
	}
	// Not even where one of the doors was left open.
	f.exec(t, `UPDATE igny8_sessions SET revoked_at = NULL, revoked_reason = NULL WHERE tenant_id = $1`, owner.account)
	f.exec(t, `INSERT INTO igny8_login_directory (email, tenant_id, user_id) VALUES ($1, $2, $3)`, owner.email, owner.account, owner.id)
	absent("deleted with sessions")
	unknown(owner.email)
	f.exec(t, `DELETE FROM igny8_login_directory WHERE tenant_id = $1`, owner.account)
	f.exec(t, `UPDATE igny8_sessions SET revoked_at = now(), revoked_reason = 'removed' WHERE tenant_id = $1`, owner.account)

	var restored *auth.Session
	_, err = retention.RestoreAccount(t.Context(), f.db.App, f.clock.Now().Add(time.Hour), f.restoreTicket(t, owner, box), home,
		func(ctx context.Context, tx bun.Tx, u *account.User) (err error) {
			restored, err = f.auth.StartSession(ctx, tx, u, home, f.clock.Now())
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	absent("restored")
	if a := f.signedIn(t, restored.AccessToken); a.User.ID != owner.id {
		t.Errorf("the restored session is %v's", a.User.ID)
	}
	f.logIn(t, owner)
	f.logIn(t, colleague)
}

// restoreTicket is the ticket in the letter that told an owner of the deletion.
func (f *fixture) restoreTicket(t *testing.T, of person, box *mail.Box) string {
	t.Helper()
	var id int64
	var identity, keyID string
	var sealed []byte
	f.scan(t, &id, `SELECT max(id) FROM igny8_mails WHERE tenant_id = $1 AND kind = 'account_deleted'`, of.account)
	f.scan(t, &sealed, `SELECT sealed FROM igny8_mails WHERE tenant_id = $1 AND id = $2`, of.account, id)
	f.scan(t, &keyID, `SELECT key_id FROM igny8_mails WHERE tenant_id = $1 AND id = $2`, of.account, id)
	f.scan(t, &identity, `SELECT concat('mail/', tenant_id, '/', id) FROM igny8_mails WHERE tenant_id = $1 AND id = $2`, of.account, id)
	plain, err := box.Vault.Open(sealed, keyID, identity)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(string(plain), "#token=")
	end := strings.IndexFunc(token, func(r rune) bool { return !strings.ContainsRune("igny8_restore_0123456789abcdef", r) })
	if end < 0 {
		t.Fatal("no ticket is in the letter")
	}
	return token[:end]
}
