package account_test

import (
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestUpdateProfile_ChangesOnesOwnName(t *testing.T) {
	t.Parallel()
	f := newFirm(t, pgtest.New(t), starter)
	viewer, namesake := f.person(account.Viewer), newFirm(t, f.db, starter)
	// Keys are the account's own: another account may have a person of the same number.
	f.exec(`UPDATE igny8_tenants SET owner_id = NULL WHERE id = ?`, namesake.id)
	f.exec(`DELETE FROM igny8_login_directory WHERE tenant_id = ?`, namesake.id)
	f.exec(`UPDATE igny8_users SET id = ? WHERE tenant_id = ?`, viewer.User.ID, namesake.id)
	events := func() int { return f.count(`SELECT count(*) FROM igny8_audit_events`) }
	u, err := account.UpdateProfile(f.ctx(), f.db.App, viewer, today, account.ProfileChanges{Name: change.To("  Zoë  ")})
	if err != nil || u.Name != "Zoë" || u.ID != viewer.User.ID || !u.UpdatedAt.Equal(today) {
		t.Fatalf("%+v, %v", u, err)
	}
	if n := f.count(`SELECT count(*) FROM igny8_users WHERE name = 'Zoë'`); n != 1 || events() != 1 {
		t.Errorf("%d people have the name, %d events", n, events())
	}
	var event string
	if err := f.db.Admin.NewRaw(`SELECT to_jsonb(e)::text FROM igny8_audit_events e`).Scan(t.Context(), &event); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(event, `"profile.updated"`) || !strings.Contains(event, `["name"]`) || strings.Contains(event, "Zoë") {
		t.Errorf("recorded %s", event)
	}
	for name, in := range map[string]account.ProfileChanges{"nothing": {}, "the same": {Name: change.To("Zoë")}} {
		if u, err := account.UpdateProfile(f.ctx(), f.db.App, viewer, today, in); err != nil || u.Name != "Zoë" || events() != 1 {
			t.Errorf("%s: %+v, %v, %d events", name, u, err, events())
		}
	}
}

func TestUpdateProfile_RefusesWhatIsNoNameAndWhoIsNoPerson(t *testing.T) {
	t.Parallel()
	f := newFirm(t, pgtest.New(t), starter)
	for want, in := range map[fault.Code]change.Field[string]{
		fault.Required: change.ToNull[string](), fault.TooLong: change.To(strings.Repeat("ö", 101)), fault.Invalid: change.To("a\nb"),
	} {
		_, err := account.UpdateProfile(f.ctx(), f.db.App, f.owner, today, account.ProfileChanges{Name: in})
		if found := fault.Of(err); len(found) != 1 || found[0].Code != want || len(found[0].Field) != 1 || found[0].Field[0] != "name" {
			t.Errorf("%s: %v", want, err)
		}
	}
	name := account.ProfileChanges{Name: change.To("Somebody else")}
	staff, key, gone := f.owner, account.Actor{Key: &account.Key{TenantID: f.id}, Account: f.owner.Account}, f.person(account.Viewer)
	staff.Impersonation = &account.Impersonation{TenantID: f.id}
	f.exec(`UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE id = ?`, gone.User.ID)
	for who, c := range map[string]struct {
		actor account.Actor
		want  fault.Code
	}{
		"nobody": {account.Actor{}, fault.Unauthenticated}, "a key": {key, fault.Forbidden}, "staff": {staff, fault.Forbidden},
		"who was removed": {gone, fault.Unauthenticated},
	} {
		if _, err := account.UpdateProfile(f.ctx(), f.db.App, c.actor, today, name); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", who, err)
		}
	}
	if n := f.count(`SELECT count(*) FROM igny8_users WHERE name = 'Somebody else'`) + f.count(`SELECT count(*) FROM igny8_audit_events`); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}
