package account_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestUpdate_ChangesWhatIsSaidAndNothingElse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	f.exec(`UPDATE igny8_tenants SET billing_email = 'bills@example.com' WHERE id = ?`, f.id)
	f.unchanged(func() {
		for _, in := range []account.Changes{{}, {
			Name: change.To(" Firm "), BillingEmail: change.To("Bills@Example.com"), DeletionRetentionDays: change.To(30),
		}} {
			if _, err := account.Update(f.ctx(), db.App, f.owner, today, in); err != nil {
				t.Error(err)
			}
		}
	})
	updated, err := account.Update(f.ctx(), db.App, f.owner, today, account.Changes{
		Name: change.To("  New Name "), BillingEmail: change.ToNull[string](), DeletionRetentionDays: change.To(365),
	})
	if err != nil || updated.Name != "New Name" || updated.BillingEmail != nil || updated.DeletionRetentionDays != 365 || !updated.UpdatedAt.Equal(today) {
		t.Fatalf("%+v, %v", updated, err)
	}
	f.wantEvents(fmt.Sprintf(`account.updated account %d {"name": "Firm", "billingEmail": "b***@example.com", "deletionRetentionDays": 30} `+
		`{"name": "New Name", "billingEmail": null, "deletionRetentionDays": 365}`, f.id))
	read, err := account.ByIDs(f.ctx(), db.App, []gid.Account{f.id})
	if err != nil || read[0].Name != "New Name" || read[0].BillingEmail != nil || read[0].DeletionRetentionDays != 365 || read[0].Slug != updated.Slug {
		t.Errorf("%+v, %v", read, err)
	}
}

func TestUpdate_TellsAllFaultsAtOnceAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, scale), newFirm(t, db, scale)
	var taken string
	if err := db.Admin.NewRaw(`SELECT slug FROM igny8_tenants WHERE id = ?`, other.id).Scan(t.Context(), &taken); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   account.Changes
		want []string
	}{
		"null": {
			account.Changes{Name: change.ToNull[string](), Slug: change.ToNull[string](), DeletionRetentionDays: change.ToNull[int]()},
			[]string{"REQUIRED at name", "REQUIRED at slug", "REQUIRED at deletionRetentionDays"},
		},
		"empty": {
			account.Changes{Name: change.To(" "), Slug: change.To(""), BillingEmail: change.To(""), DeletionRetentionDays: change.To(0)},
			[]string{"REQUIRED at name", "REQUIRED at slug", "REQUIRED at billingEmail", "INVALID at deletionRetentionDays"},
		},
		"ill-formed": {
			account.Changes{Name: change.To("a\nb"), Slug: change.To("A b"), BillingEmail: change.To("nobody"), DeletionRetentionDays: change.To(366)},
			[]string{"INVALID at name", "INVALID at slug", "INVALID at billingEmail", "INVALID at deletionRetentionDays"},
		},
		"long": {
			account.Changes{Name: change.To(strings.Repeat("ä", 101)), Slug: change.To(strings.Repeat("a", 61))},
			[]string{"TOO_LONG at name", "TOO_LONG at slug"},
		},
		"reserved": {
			account.Changes{Name: change.To("AWS Admin"), Slug: change.To("aws-adm1n")},
			[]string{"TAKEN at name", "TAKEN at slug"},
		},
		"another account's slug": {
			account.Changes{Name: change.ToNull[string](), Slug: change.To(taken)},
			[]string{"REQUIRED at name", "TAKEN at slug"},
		},
		"a free slug beside a fault": {
			account.Changes{Name: change.ToNull[string](), Slug: change.To("free-one")}, []string{"REQUIRED at name"},
		},
	} {
		f.unchanged(func() {
			t.Log(name)
			_, err := account.Update(f.ctx(), db.App, f.owner, today, c.in)
			refused(t, err, c.want...)
		})
	}
	f.unchanged(func() {
		admin := f.owner
		admin.User = &account.User{ID: f.owner.User.ID + 999, TenantID: f.id, Role: account.Owner}
		_, err := account.Update(f.ctx(), db.App, admin, today, account.Changes{Name: change.To("Mine")})
		refused(t, err, "FORBIDDEN")
	})
}

func TestUpdate_MovesTheSlugInTheDirectory(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, scale), newFirm(t, db, scale)
	slugOf := func(g *firm) string {
		var s string
		if err := db.Admin.NewRaw(`SELECT slug FROM igny8_tenants JOIN igny8_slug_directory d USING (slug) WHERE d.tenant_id = id AND id = ?`, g.id).
			Scan(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	old := slugOf(f)
	if _, err := account.Update(f.ctx(), db.App, f.owner, today, account.Changes{Slug: change.To("new-slug")}); err != nil {
		t.Fatal(err)
	}
	if got := slugOf(f); got != "new-slug" {
		t.Error(got)
	}
	_, err := account.Update(other.ctx(), db.App, other.owner, today, account.Changes{Slug: change.To("new-slug")})
	refused(t, err, "TAKEN at slug")
	if _, err := account.Update(other.ctx(), db.App, other.owner, today, account.Changes{Slug: change.To(old)}); err != nil {
		t.Errorf("the slug that was given up: %v", err)
	}
	if n := f.count(`SELECT count(*) FROM igny8_slug_directory`); n != 2 {
		t.Errorf("%d slugs of 2 accounts", n)
	}
}

func TestUpdate_ASlugThatManyWantGoesToOne(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	firms := make([]*firm, 20)
	for i := range firms {
		firms[i] = newFirm(t, db, starter)
	}
	outcomes := together(t, len(firms), func(i int) error {
		_, err := account.Update(firms[i].ctx(), db.App, firms[i].owner, today, account.Changes{Slug: change.To("wanted")})
		return err
	})
	if want := map[string]int{"ok": 1, "TAKEN": 19}; !maps.Equal(outcomes, want) {
		t.Errorf("%v, want %v", outcomes, want)
	}
	if n := firms[0].count(`SELECT count(*) FROM igny8_tenants a JOIN igny8_slug_directory d ON d.slug = a.slug AND d.tenant_id = a.id`); n != 20 {
		t.Errorf("%d accounts stand in the directory", n)
	}
}

func TestUpdate_KeepsASystemAccountsNameAndSlug(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := newFirm(t, db, scale)
	f.exec(`UPDATE igny8_tenants SET is_system = true, name = 'AWS Admin' WHERE id = ?`, f.id)
	developer := f.person(account.Developer)
	_, err := account.Update(f.ctx(), db.App, developer, today, account.Changes{Name: change.To("Other"), Slug: change.To("other")})
	refused(t, err, "INVALID_STATE at name", "INVALID_STATE at slug")
	updated, err := account.Update(f.ctx(), db.App, developer, today, account.Changes{Name: change.To("AWS Admin"), BillingEmail: change.To("b@example.com")})
	if err != nil || *updated.BillingEmail != "b@example.com" {
		t.Errorf("%+v, %v", updated, err)
	}
}
