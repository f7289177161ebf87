package apikey_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestRevoke_EndsTheKeyOnceAndForAll(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	key, secret := a.create()
	for i, at := range []time.Time{now.Add(time.Minute), now.Add(time.Hour)} {
		revoked, err := apikey.Revoke(a.ctx(), a.db.App, a.owner, at, key.ID)
		if err != nil || revoked.ID != key.ID || !revoked.RevokedAt.Equal(now.Add(time.Minute)) || *revoked.RevokedBy != a.owner.User.ID {
			t.Errorf("time %d: %+v, %v", i+1, revoked, err)
		}
	}
	if a.opens(v, secret, now.Add(time.Hour)) != nil {
		t.Error("the key works")
	}
	want := fmt.Sprintf(`api_key.revoked api_key %d by user {"name": "WordPress", "scopes": ["sites_read", "sync"], "siteId": %q, "expiresAt": null}`,
		key.ID, gid.Format(a.site))
	if diff := cmp.Diff([]string{want}, a.events()[1:]); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRevoke_LeavesTheSuccessorAlone(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	old, oldSecret := a.create()
	_, secret, err := a.rotate(old.ID, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apikey.Revoke(a.ctx(), a.db.App, a.owner, now, old.ID); err != nil {
		t.Fatal(err)
	}
	if a.opens(v, oldSecret, now) != nil || a.opens(v, secret, now) == nil {
		t.Error("the wrong key ended")
	}
}

func TestRevoke_RecordsStaffAsStaff(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v, _ := newVault(t)
	a, system := newTenant(t, db, v), newTenant(t, db, v)
	key, _ := a.create()
	var id gid.Impersonation
	a.scan(&id, `INSERT INTO igny8_impersonations (tenant_id, staff_tenant, staff_id, session_id, reason, created_at, expires_at)
		VALUES (?, ?, ?, 1, 'because', now(), now() + interval '1 hour') RETURNING id`, a.id, system.id, system.owner.User.ID)
	staff := account.Actor{
		User: system.owner.User, Account: a.owner.Account, Plan: a.owner.Plan,
		Impersonation: &account.Impersonation{TenantID: a.id, ID: id},
	}
	revoked, err := apikey.Revoke(a.ctx(), db.App, staff, now, key.ID)
	if err != nil || revoked.RevokedAt == nil || revoked.RevokedBy != nil {
		t.Errorf("%+v, %v", revoked, err)
	}
	var by string
	a.scan(&by, `SELECT concat_ws(' ', actor_kind, actor_id, impersonation_id) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'api_key.revoked'`, a.id)
	if want := fmt.Sprintf("staff %d %d", system.owner.User.ID, id); by != want {
		t.Errorf("by %s, want %s", by, want)
	}
}

func TestRevoke_FindsNoKeyOutOfReach(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	v, _ := newVault(t)
	a, other := newTenant(t, db, v), newTenant(t, db, v)
	theirs, _ := other.create()
	mine, _ := a.create()
	before := a.written() + other.written()
	for name, c := range map[string]struct {
		actor account.Actor
		id    gid.APIKey
	}{
		"another's":   {a.owner, theirs.ID},
		"none":        {a.owner, 987_654},
		"not granted": {a.person(account.Editor), mine.ID},
	} {
		_, err := apikey.Revoke(a.ctx(), db.App, c.actor, now, c.id)
		t.Run(name, func(t *testing.T) { t.Parallel(); wants(t, err, "NOT_FOUND at apiKeyId") })
	}
	if after := a.written() + other.written(); after != before {
		t.Errorf("written %s, before %s", after, before)
	}
}
