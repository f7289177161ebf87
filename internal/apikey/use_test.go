package apikey_test

import (
	"context"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// hashedWith is the vault key that a key is kept under.
func (a *tenant) hashedWith(key *account.Key) string {
	a.t.Helper()
	var id string
	a.scan(&id, `SELECT hash_key_id FROM igny8_site_api_keys WHERE tenant_id = ? AND id = ?`, a.id, key.ID)
	return id
}

func TestUsed_IsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	key, secret := a.create()
	for _, c := range []struct{ at, want time.Duration }{
		{0, 0},
		{time.Minute - time.Microsecond, 0},
		{time.Minute, time.Minute},
		{90 * time.Second, time.Minute},
		{time.Hour, time.Hour},
		// A server whose clock is behind does not take a use back.
		{time.Second, time.Hour},
	} {
		if a.opens(v, secret, now.Add(c.at)) == nil {
			t.Fatal("the key does not open")
		}
		if used := a.read(key.ID).LastUsedAt; used == nil || !used.Equal(now.Add(c.want)) {
			t.Errorf("used after %s, kept %v, want after %s", c.at, used, c.want)
		}
	}
}

func TestUsed_RacesToOneWrite(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t, pgtest.WithMaxConns(8)), v)
	key, secret := a.create()
	a.exec(`CREATE TABLE writes (id bigint)`)
	a.exec(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN INSERT INTO writes VALUES (new.id); RETURN new; END'`)
	a.exec(`CREATE TRIGGER note AFTER UPDATE ON igny8_site_api_keys FOR EACH ROW EXECUTE FUNCTION note()`)
	a.scan(&key.Hash, `SELECT hash FROM igny8_site_api_keys WHERE id = ?`, key.ID)
	key.HashKeyID = v.Current()
	presented, _ := apikey.Read(secret)
	if got := race(t, 30, func() error { return apikey.Used(a.ctx(), a.db.App, v, now, key, presented) }); got["ok"] != 30 {
		t.Errorf("%v", got)
	}
	var n int
	a.scan(&n, `SELECT count(*) FROM writes`)
	if n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

// Whoever holds the row ends the key or writes the same: a request does not wait for them.
func TestUsed_DoesNotWaitForALock(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	key, secret := a.create()
	tx, err := a.db.Admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.NewRaw(`UPDATE igny8_site_api_keys SET name = 'held' WHERE id = ?`, key.ID).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.scan(&key.Hash, `SELECT hash FROM igny8_site_api_keys WHERE id = ?`, key.ID)
	key.HashKeyID = v.Current()
	presented, _ := apikey.Read(secret)
	ctx, cancel := context.WithTimeout(a.ctx(), 20*time.Second)
	defer cancel()
	if err := apikey.Used(ctx, a.db.App, v, now, key, presented); err != nil {
		t.Errorf("waited: %v", err)
	}
}

func TestUsed_MovesKeysToTheKeyThatSealsNow(t *testing.T) {
	t.Parallel()
	v, pair := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	key, secret := a.create()
	legacy, err := apikey.Import(t.Context(), a.db.App, v, now, a.id, a.site, legacyValue)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[*account.Key]string{key: secret, legacy: legacyValue}
	newer, newerPair := newVault(t, pair)
	alone := mustVault(t, newerPair)
	for key, secret := range secrets {
		if a.opens(alone, secret, now) != nil {
			t.Error("a key opens without the key that it is hashed with")
		}
		if a.opens(newer, secret, now) == nil || a.hashedWith(key) != newer.Current() {
			t.Errorf("used with a newer vault, the key is kept under %s", a.hashedWith(key))
		}
		// The old key of the vault is not needed any more.
		if found := a.opens(alone, secret, now.Add(time.Second)); found == nil || found.ID != key.ID {
			t.Errorf("with the new key alone: %+v", found)
		}
		if a.opens(v, secret, now.Add(time.Second)) != nil {
			t.Error("the old hash opens too")
		}
	}
	var entries int
	a.scan(&entries, `SELECT count(*) FROM igny8_api_key_directory`)
	if entries != 2 {
		t.Errorf("%d entries of two keys", entries)
	}
}

func TestUsed_ChangesNothingOfAKeyThatWasRevokedMeanwhile(t *testing.T) {
	t.Parallel()
	v, pair := newVault(t)
	a := newTenant(t, pgtest.New(t), v)
	key, secret := a.create()
	a.scan(&key.Hash, `SELECT hash FROM igny8_site_api_keys WHERE id = ?`, key.ID)
	key.HashKeyID = v.Current()
	if _, err := apikey.Revoke(a.ctx(), a.db.App, a.owner, now, key.ID); err != nil {
		t.Fatal(err)
	}
	before := a.row(key.ID)
	newer, _ := newVault(t, pair)
	presented, _ := apikey.Read(secret)
	if err := apikey.Used(a.ctx(), a.db.App, newer, now, key, presented); err != nil {
		t.Fatal(err)
	}
	if after := a.row(key.ID); after != before || a.hashedWith(key) != v.Current() {
		t.Errorf("became %s, was %s", after, before)
	}
}
