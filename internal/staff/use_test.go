package staff_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun/dialect/pgdialect"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/change"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/staff"
)

func TestRecordUse_IsOneStatementThatTheAccountCanRead(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	acting := h.begin(h.jane, shop)
	ctx, statements := pgtest.CountQueries(h.as(acting))
	for _, c := range []struct {
		kind, action string
	}{{"query", "impersonation.read"}, {"subscription", "impersonation.read"}, {"mutation", "impersonation.write"}} {
		statements.Reset()
		fields := []string{"sites", "account", "sites"}
		if err := staff.RecordUse(ctx, h.App, acting, now, c.kind, fields); err != nil {
			t.Fatal(err)
		}
		if statements.N() != 1 || !strings.HasPrefix(statements.Statements()[0], "INSERT") {
			t.Errorf("%s: %q", c.kind, statements.Statements())
		}
		if fields[0] != "sites" {
			t.Error("the caller's own list was sorted")
		}
		log := strings.Split(h.log(shop), "\n")
		want := fmt.Sprintf(`%s impersonation {"fields": ["account", "sites"], "operation": %q} staff %d %d 203.0.113.7`,
			c.action, c.kind, h.jane.User.ID, acting.Impersonation.ID)
		if diff := cmp.Diff(want, log[len(log)-1]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestRecordUse_IsNothingForEverybodyElse(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	ctx, statements := pgtest.CountQueries(h.as(h.jane))
	for _, a := range []account.Actor{{}, h.jane, h.person(shop, "owner@shop.example", account.Owner)} {
		if err := staff.RecordUse(ctx, h.App, a, now, "query", []string{"account"}); err != nil {
			t.Error(err)
		}
	}
	if statements.N() != 0 {
		t.Errorf("%q", statements.Statements())
	}
}

// Commands know nothing of impersonations: whatever they record carries its number by itself.
func TestCommands_UnderAnImpersonationStandInTheLogAsIts(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "growth")
	owner := h.person(shop, "owner@shop.example", account.Owner)
	acting := h.begin(h.jane, shop)
	for _, a := range []account.Actor{owner, acting} {
		ctx := h.as(a)
		made, err := site.Create(ctx, h.App, a, now, site.NewSite{Name: a.User.Name, Domain: a.User.Name + ".example"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := site.Update(ctx, h.App, a, now, site.Changes{SiteID: made.ID, Name: change.To("New name")}); err != nil {
			t.Fatal(err)
		}
	}
	var events []string
	h.scan(pgdialect.Array(&events), `SELECT array_agg(concat_ws(' ', action, actor_kind, actor_id, 'under', impersonation_id) ORDER BY id)
		FROM igny8_audit_events WHERE tenant_id = ? AND subject_type = 'site'`, shop)
	var wanted []string
	for _, action := range []string{"site.created", "site.updated"} {
		wanted = append(wanted, fmt.Sprintf("%s user %d under", action, owner.User.ID))
	}
	for _, action := range []string{"site.created", "site.updated"} {
		wanted = append(wanted, fmt.Sprintf("%s staff %d under %d", action, h.jane.User.ID, acting.Impersonation.ID))
	}
	if diff := cmp.Diff(wanted, events); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Staff are none of the account's people: no site is granted to them.
	var grants int
	h.scan(&grants, `SELECT count(*) FROM igny8_site_user_access WHERE tenant_id = ? AND user_id = ?`, shop, h.jane.User.ID)
	if grants != 0 {
		t.Errorf("%d sites are granted to staff", grants)
	}
}
