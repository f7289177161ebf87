package main

import (
	"strings"
	"testing"

	"igny8.com/accounts/internal/jobs"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestJobs_EndsWithOneUntilEachKindWasDoneAndNoneIsGivenUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	env := map[string]string{"DATABASE_URL": db.URL(postgres.AppRole)}
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Admin.NewRaw(statement, args...).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	idle := command(t.Context(), env, "jobs")
	if idle.code != exitFailure || !strings.Contains(idle.stdout, "find_due_accounts was never done") {
		t.Fatalf("no server ever ran: %+v", idle)
	}
	for _, kind := range jobs.Kinds() {
		exec(`INSERT INTO river_job (kind, queue, args, state, attempt, max_attempts, finalized_at)
			VALUES (?0, ?0, '{}', 'completed', 1, 3, now())`, kind.Name)
	}
	if sound := command(t.Context(), env, "jobs"); sound.code != exitOK || !strings.Contains(sound.stdout, "purge_accounts") {
		t.Errorf("all were done: %+v", sound)
	}
	exec(`INSERT INTO river_job (id, kind, queue, args, state, attempt, max_attempts, finalized_at, errors)
		VALUES (77, 'settle_account', 'settle_account', '{"account": 5}', 'discarded', 10, 10, now(), array['{"error": "it broke"}'::jsonb])`)
	failed := command(t.Context(), env, "jobs")
	if failed.code != exitFailure || !strings.Contains(failed.stdout, `77  settle_account {"account": 5}  attempt 10 of 10, given up: it broke`) {
		t.Errorf("one was given up: %+v", failed)
	}
	if none := command(t.Context(), nil, "jobs"); none.code != exitUsage {
		t.Errorf("without a database: %+v", none)
	}
}
