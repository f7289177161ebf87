package retention_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/retention"
)

// A return that is on its way when the purge comes is waited for.
func TestPurge_WaitsForWhoeverHasTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	u := a.person(account.Editor).User
	a.remove(u, now)
	tx, err := a.App.BeginTx(a.ctx(), nil)
	must(t, err)
	_, err = account.Lock(a.ctx(), tx, a.id)
	must(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := retention.Purge(t.Context(), w.App, over)
		done <- err
	}()
	tick, patience := time.NewTicker(2*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for w.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		case <-patience:
			t.Fatal("nothing waits")
		case <-tick.C:
		}
	}
	_, err = tx.ExecContext(a.ctx(), fmt.Sprintf(`UPDATE igny8_users SET deleted_at = NULL, deleted_by = NULL, restore_until = NULL WHERE id = %d`, u.ID))
	must(t, err)
	must(t, tx.Commit())
	must(t, <-done)
	if w.count(`SELECT count(*) FROM igny8_users WHERE id = ? AND email = ? AND purged_at IS NULL`, u.ID, u.Email) != 1 {
		t.Error("who came back was purged")
	}
}

// grow adds n lines to the ledger and n events to the log, valid and full of words.
func (a *tenant) grow(n int) {
	a.t.Helper()
	a.exec(`WITH g AS (
			INSERT INTO igny8_credit_grants (tenant_id, kind, amount, remaining, priority, granted_at) VALUES (?0, 'promotion', ?1, 0, 20, ?2) RETURNING id
		), l AS (
			INSERT INTO igny8_credit_transactions (tenant_id, seq, type, amount, balance_after, description, metadata, actor_kind, idempotency_key, created_at)
			SELECT ?0, last_seq + n, CASE WHEN n = 1 THEN 'promotion' ELSE 'deduction' END, CASE WHEN n = 1 THEN ?1 ELSE -1 END,
				balance + ?1 - n + 1, 'canary-line', '{"who": "Canary"}', 'system', 'grow:' || n, ?2
			FROM igny8_credit_accounts, generate_series(1, ?1 + 1) AS n WHERE tenant_id = ?0 RETURNING id, amount
		), p AS (
			INSERT INTO igny8_credit_transaction_grants (tenant_id, transaction_id, grant_id, amount) SELECT ?0, l.id, g.id, l.amount FROM l, g
		)
		UPDATE igny8_credit_accounts SET last_seq = last_seq + ?1 + 1 WHERE tenant_id = ?0`, a.id, n, now)
	a.exec(`INSERT INTO igny8_audit_events (tenant_id, action, subject_type, subject_id, actor_kind, after, ip, created_at)
		SELECT ?0, 'account.grown', 'account', ?0, 'system', '{"who": "Canary"}', '198.51.100.77', ?2 FROM generate_series(1, ?1)`, a.id, n, now)
	a.exec(`INSERT INTO igny8_sync_events (tenant_id, site_id, kind, direction, outcome, items, external_id, fingerprint, actor_kind, occurred_at, created_at)
		SELECT ?0, (SELECT min(id) FROM igny8_sites WHERE tenant_id = ?0), 'publish', 'to_site', 'succeeded', 1, 'grown-' || n, 'x', 'system', ?2, ?2
		FROM generate_series(1, ?1) AS n`, a.id, n, now)
	// The lines went past the ledger, so their days are added up anew.
	a.exec(`DELETE FROM igny8_credit_usage_days WHERE tenant_id = ?`, a.id)
	err := postgres.InTx(postgres.WithTenant(a.t.Context(), int64(a.id)), a.Admin, func(ctx context.Context, tx bun.Tx) error {
		return credit.SumUsage(ctx, tx, a.id)
	})
	if err != nil {
		a.t.Fatal(err)
	}
	if v := a.verify(); !v.OK() {
		a.t.Fatalf("the fixture's ledger is wrong: %v", v.Problems)
	}
}

func TestPurge_GoesThroughLongLedgersInBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.live()
	a.grow(2500)
	a.delete(now)
	kept := a.counted()
	ctx, statements := pgtest.CountQueries(t.Context())
	n, err := retention.Purge(ctx, w.App, over)
	must(t, err)
	if n != 1 {
		t.Errorf("%d were purged", n)
	}
	for _, part := range []string{"igny8_purge_ledger", "igny8_purge_audit", "igny8_purge_sync_events"} {
		calls := 0
		for _, s := range statements.Statements() {
			if strings.Contains(s, part) {
				calls++
			}
		}
		if calls != 4 { // three batches, and one that finds nothing
			t.Errorf("%s was called %d times", part, calls)
		}
	}
	a.wantsNothingPersonal()
	if diff := cmp.Diff(kept, a.counted()); diff != "" {
		t.Errorf("what counts changed:\n%s", diff)
	}
	if v := a.verify(); !v.OK() || v.CheckedLines < 2500 {
		t.Errorf("the ledger of %d lines: %v", v.CheckedLines, v.Problems)
	}
}

func TestPurge_IsContinuedAfterAnyInterruption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := 1; ; n++ {
		a := w.open()
		a.live()
		a.remove(a.person(account.Editor).User, now)
		a.delete(now)
		kept := a.counted()
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := retention.Purge(ctx, w.App, over)
		statement, fired := killer.Fired()
		if fired && err == nil {
			t.Errorf("killed before %q, and nothing was said", statement)
		}
		w.purge(over)
		if !a.purged() {
			t.Errorf("killed before %q, it was never finished", statement)
		}
		a.wantsNothingPersonal()
		if diff := cmp.Diff(kept, a.counted()); diff != "" {
			t.Errorf("killed before %q, what counts changed:\n%s", statement, diff)
		}
		if told := len(slices.DeleteFunc(a.events(), func(s string) bool { return s != "account.purged" })); told != 1 {
			t.Errorf("killed before %q, the log tells of it %d times", statement, told)
		}
		if !fired {
			if n < 10 {
				t.Errorf("only %d statements", n-1)
			}
			return
		}
	}
}

func TestPurge_CountsEachOnceAmongSeveralWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pgtest.WithMaxConns(12))
	const accounts = 12
	tenants := make([]*tenant, accounts)
	for i := range tenants {
		a := w.open()
		a.live()
		a.remove(a.person(account.Editor).User, now.Add(-day))
		if i%2 == 0 {
			a.delete(now)
		}
		tenants[i] = a
	}
	done := make([]int, 6)
	for _, err := range race(len(done), func(i int) error {
		var err error
		done[i], err = retention.Purge(t.Context(), w.App, over)
		return err
	}) {
		must(t, err)
	}
	total := w.purge(over) // what two kept from each other
	for _, n := range done {
		total += n
	}
	people := w.count(`SELECT count(*) FROM igny8_audit_events WHERE action = 'members.purged'`)
	if total != accounts/2+people {
		t.Errorf("%d were counted, want %d accounts and %d people", total, accounts/2, people)
	}
	for i, a := range tenants {
		if a.purged() != (i%2 == 0) {
			t.Errorf("account %d: purged is %v", i, a.purged())
		}
		if told := len(slices.DeleteFunc(a.events(), func(s string) bool { return s != "account.purged" })); told != (i+1)%2 {
			t.Errorf("account %d: told %d times", i, told)
		}
		if left := w.count(`SELECT count(*) FROM igny8_users WHERE tenant_id = ? AND deleted_at IS NOT NULL AND purged_at IS NULL`, a.id); left != 0 {
			t.Errorf("account %d: %d people are left", i, left)
		}
	}
}
