package main

import (
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestDoctor_EndsWithOneWhereSomethingIsWrongAndNamesIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := demo.Load(t.Context(), db.Admin, cheapHasher(t).Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DATABASE_URL": db.URL(postgres.AppRole)}
	sound := command(t.Context(), env, "doctor")
	if sound.code != exitOK || !strings.Contains(sound.stdout, "0 problems") {
		t.Fatalf("%+v", sound)
	}
	if _, err := db.Admin.NewRaw(`UPDATE igny8_credit_accounts SET balance = balance + 1 WHERE tenant_id = 5`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken := command(t.Context(), env, "doctor")
	if broken.code != exitFailure || len(broken.problems(t)) != 1 || !strings.Contains(broken.stdout, "acct_5: balance.ledger: igny8_credit_accounts 5") {
		t.Errorf("%+v", broken)
	}
	if none := command(t.Context(), nil, "doctor"); none.code != exitUsage {
		t.Errorf("without a database: %+v", none)
	}
}
