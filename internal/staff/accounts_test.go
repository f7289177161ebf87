package staff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/staff"
)

func TestAccounts_PagesThroughAllNewestFirst(t *testing.T) {
	t.Parallel()
	h := build(t)
	all := []gid.Account{h.system}
	for i := range 7 {
		id := h.account(fmt.Sprintf("Shop %d", i), "active", "starter")
		// Three of each instant, so that the page's edge falls between equals.
		h.exec(`UPDATE igny8_tenants SET created_at = ? WHERE id = ?`, now.Add(time.Duration(i/3)*time.Hour), id)
		all = append(all, id)
	}
	gone := h.account("Gone", "active", "starter")
	h.exec(`UPDATE igny8_tenants SET deleted_at = ?, restore_until = ? WHERE id = ?`, now, now.Add(time.Hour), gone)
	slices.Reverse(all)
	size := 3
	args := page.Args{First: &size}
	var seen []gid.Account
	for range all {
		c, err := staff.Accounts(h.forStaff(), h.App, staff.AccountFilter{}, args)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, ids(c)...)
		if n, err := c.TotalCount(h.forStaff()); err != nil || n != len(all) {
			t.Fatalf("%d in all, %v, want %d", n, err, len(all))
		}
		if args.After = c.PageInfo.EndCursor; !c.PageInfo.HasNextPage {
			break
		}
	}
	if diff := cmp.Diff(all, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a, err := staff.Account(h.forStaff(), h.App, gone); a != nil || err != nil {
		t.Errorf("one that is deleted is found: %v, %v", a, err)
	}
	if a, err := staff.Account(h.forStaff(), h.App, all[0]); err != nil || a == nil || a.ID != all[0] {
		t.Errorf("one that is there: %v, %v", a, err)
	}
}

func TestAccounts_FindsWhatTheFilterSays(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Öl & Co", "active", "starter")
	bakery := h.account("Bakery", "suspended", "growth")
	percent := h.account("100% Wool", "trial", "free-trial")
	h.exec(`UPDATE igny8_tenants SET slug = 'oel-und-co', created_at = ? WHERE id = ?`, now.Add(time.Hour), shop)
	h.exec(`UPDATE igny8_tenants SET slug = 'bread' WHERE id = ?`, bakery)
	h.exec(`UPDATE igny8_tenants SET slug = 'wool' WHERE id = ?`, percent)
	h.exec(`UPDATE igny8_tenants SET slug = 'ops' WHERE id = ?`, h.system)
	h.person(bakery, "baker@bread.example", account.Owner)
	var growth gid.Plan
	h.scan(&growth, `SELECT id FROM igny8_plans WHERE slug = 'growth'`)
	search := func(s string) staff.AccountFilter { return staff.AccountFilter{Search: &s} }
	everybody := []gid.Account{shop, percent, bakery, h.system}
	after, before := now.Add(time.Minute), now
	for name, c := range map[string]struct {
		filter staff.AccountFilter
		want   []gid.Account
	}{
		"nothing":                     {staff.AccountFilter{}, everybody},
		"blank":                       {search("  "), everybody},
		"status":                      {staff.AccountFilter{Status: new(account.Suspended)}, []gid.Account{bakery}},
		"plan":                        {staff.AccountFilter{PlanID: &growth}, []gid.Account{bakery}},
		"plan by slug":                {staff.AccountFilter{PlanSlug: new("starter")}, []gid.Account{shop}},
		"a plan that is not there":    {staff.AccountFilter{PlanSlug: new("gold")}, []gid.Account{}},
		"name, in another case":       {search(" bak"), []gid.Account{bakery}},
		"name with an umlaut":         {search("Öl"), []gid.Account{shop}},
		"slug":                        {search("OEL-U"), []gid.Account{shop}},
		"what stands within a name":   {search("akery"), []gid.Account{}},
		"percent is no pattern":       {search("%"), []gid.Account{}},
		"underscore is no pattern":    {search("B_kery"), []gid.Account{}},
		"percent is itself":           {search("100%"), []gid.Account{percent}},
		"email":                       {search("Baker@Bread.example "), []gid.Account{bakery}},
		"part of an email":            {search("baker@bread"), []gid.Account{}},
		"email of nobody":             {search("nobody@bread.example"), []gid.Account{}},
		"quotes":                      {search(`' OR true --`), []gid.Account{}},
		"from an instant":             {staff.AccountFilter{CreatedFrom: &after}, []gid.Account{shop}},
		"up to an instant without it": {staff.AccountFilter{CreatedTo: &before}, []gid.Account{}},
		"between":                     {staff.AccountFilter{CreatedFrom: &before, CreatedTo: &after}, everybody[1:]},
		"search and status":           {staff.AccountFilter{Search: new("b"), Status: new(account.Active)}, []gid.Account{}},
	} {
		c2, err := staff.Accounts(h.forStaff(), h.App, c.filter, page.Args{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, ids(c2)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n, err := c2.TotalCount(h.forStaff()); err != nil || n != len(c.want) {
			t.Errorf("%s: %d in all, %v", name, n, err)
		}
	}
}

func TestAccounts_RefusesWhatCannotBeSearchedFor(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, text := range []string{"a\x00b", "a\xff", strings.Repeat("a", 255)} {
		_, err := staff.Accounts(h.forStaff(), h.App, staff.AccountFilter{Search: &text}, page.Args{})
		want(t, err, "BAD_USER_INPUT filter.search")
	}
}

func TestAccounts_ShowsOnlyOnesOwnOutsideOfStaffsScope(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	c, err := staff.Accounts(h.as(h.jane), h.App, staff.AccountFilter{}, page.Args{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]gid.Account{h.system}, ids(c)); diff != "" {
		t.Errorf("being staff shows accounts (-want +got):\n%s", diff)
	}
	if a, err := staff.Account(h.as(h.jane), h.App, shop); a != nil || err != nil {
		t.Errorf("being staff shows an account: %v, %v", a, err)
	}
}

// What staff read by being staff: of accounts their money, of people and content nothing.
func TestStaff_ReachNothingOfATenantByBeingStaff(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	owner := h.person(shop, "ann@shop.example", account.Owner)
	h.begin(h.jane, shop)
	h.exec(`INSERT INTO igny8_sites (tenant_id, name, slug, domain, status) VALUES (?, 'Site', 'site', 'shop.example', 'active')`, shop)
	h.exec(`INSERT INTO igny8_invitations (tenant_id, email, role, token_hash, invited_by, created_at, expires_at)
		VALUES (?, 'bob@shop.example', 'viewer', '\x00', ?, now(), now() + interval '1 day')`, shop, owner.User.ID)
	for _, table := range []string{
		"igny8_users", "igny8_sessions", "igny8_sites", "igny8_invitations", "igny8_audit_events", "igny8_impersonations",
	} {
		var there, seen int
		query := `SELECT count(*) FROM ` + table + ` WHERE tenant_id = ?`
		h.scan(&there, query, shop)
		if there == 0 {
			t.Errorf("%s: nothing is there to be seen", table)
		}
		if err := h.App.NewRaw(query, shop).Scan(h.forStaff(), &seen); err != nil || seen != 0 {
			t.Errorf("%s: staff see %d rows, %v", table, seen, err)
		}
	}
	// Nor do they write what they may read: the policies of staff are for reading alone.
	result, err := h.App.NewRaw(`UPDATE igny8_tenants SET name = 'mine' WHERE id = ?`, shop).Exec(h.forStaff())
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := result.RowsAffected(); n != 0 {
		t.Error("staff changed an account in the scope of staff")
	}
	if got, _ := postgres.Tenant(h.forStaff()); got != int64(h.system) {
		t.Fatalf("the scope is of %d", got)
	}
}
