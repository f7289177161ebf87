package demo_test

import (
	"context"
	"fmt"
	"testing"

	"igny8.com/accounts/internal/postgres"
)

func TestLoad_ShowsTheApplicationOneAccountAtATime(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := loaded(t)
	tables := rows(t, ctx, db.Admin, "SELECT DISTINCT tablename FROM pg_policies ORDER BY 1")
	if len(tables) < 17 {
		t.Fatalf("only %d tables have policies: %v", len(tables), tables)
	}
	visible := func(ctx context.Context, table string) int64 {
		t.Helper()
		return scalar(t, ctx, db.App, "SELECT count(*) FROM "+table)
	}
	for _, table := range tables {
		if n := visible(ctx, table); n != 0 {
			t.Errorf("without an account %s shows %d rows", table, n)
		}
		key := "tenant_id"
		if table == "igny8_tenants" {
			key = "id"
		}
		var sum int64
		for _, tenant := range []int64{5, 14, 28, 29, 30} {
			want := scalar(t, ctx, db.Admin, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = $1", table, key), tenant)
			if got := visible(postgres.WithTenant(ctx, tenant), table); got != want {
				t.Errorf("account %d sees %d rows of %s, want its own %d", tenant, got, table, want)
			}
			sum += want
		}
		if all := scalar(t, ctx, db.Admin, "SELECT count(*) FROM "+table); all != sum {
			t.Errorf("%s has %d rows, %d of which are the demo accounts'", table, all, sum)
		}
	}
	if n := visible(postgres.WithTenant(ctx, 5), "igny8_credit_transactions"); n != 280 {
		t.Errorf("the system account sees %d ledger lines, want 280", n)
	}
	if n := visible(postgres.WithTenant(ctx, 6), "igny8_tenants"); n != 0 {
		t.Errorf("an account that does not exist sees %d accounts", n)
	}
}
