package retention_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// purges are all functions by which the application can have something removed.
var purges = []string{
	`igny8_purge_account(?)`, `igny8_purge_sync_events(?, 1000)`, `igny8_purge_ledger(?, 0, 1000)`,
	`igny8_purge_audit(?, 0, 1000)`, `igny8_purge_invoices(?)`, `igny8_purge_receipts(?)`, `igny8_purge_stripe(?)`, `igny8_purge_finish(?)`, `igny8_purge_people(?, '2400-01-01', 1000)`,
}

func TestPurgeFunctions_RefuseWhatIsNotOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alive, early, system, elsewhere := w.open(), w.open(), w.open(), w.open()
	for _, a := range []*tenant{alive, early, system, elsewhere} {
		a.live()
		a.exec(`UPDATE igny8_users SET deleted_at = now(), restore_until = now() + interval '1 hour' WHERE id = ?`, a.person(account.Viewer).User.ID)
	}
	early.delete(now)
	early.exec(`UPDATE igny8_tenants SET restore_until = now() + interval '1 hour' WHERE id = ?`, early.id)
	for _, a := range []*tenant{system, elsewhere} {
		a.delete(now)
		a.exec(`UPDATE igny8_users SET deleted_at = ?, restore_until = ? WHERE tenant_id = ? AND deleted_at IS NOT NULL`, now, over, a.id)
	}
	system.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, system.id)
	system.exec(`UPDATE igny8_users SET deleted_at = NULL, restore_until = NULL WHERE tenant_id = ?`, system.id)

	for name, attempt := range map[string]struct {
		of    *tenant
		scope gid.Account
	}{
		"a live account": {alive, alive.id}, "too early": {early, early.id}, "a system account": {system, system.id},
		"in another account's scope": {elsewhere, alive.id}, "in no scope": {elsewhere, 0},
	} {
		before := attempt.of.everything()
		for _, query := range purges {
			for _, ctx := range []context.Context{
				postgres.WithTenant(t.Context(), int64(attempt.scope)),
				postgres.WithStaff(postgres.WithTenant(t.Context(), int64(attempt.scope))),
			} {
				var answers []string
				must(t, w.App.NewRaw(`SELECT x::text FROM `+query+` AS x WHERE x IS NOT NULL`, attempt.of.id).Scan(ctx, &answers))
				if len(answers) > 0 {
					t.Errorf("%s: %s answers %q", name, query, answers)
				}
			}
		}
		if diff := cmp.Diff(before, attempt.of.everything()); diff != "" {
			t.Errorf("%s: something went:\n%s", name, diff)
		}
	}
}

// as runs statements on one connection in a transaction that is rolled back, and gives the last one's error.
func (w *world) as(ctx context.Context, db bun.IDB, statements ...string) error {
	w.t.Helper()
	tx, err := db.BeginTx(ctx, nil)
	must(w.t, err)
	defer func() { must(w.t, tx.Rollback()) }()
	for i, s := range statements {
		if _, err = tx.ExecContext(ctx, s); err != nil && i < len(statements)-1 {
			w.t.Fatalf("%s: %v", s, err)
		}
	}
	return err
}

func TestLedger_LetsNobodyButThePurgeTakeItsWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.live()
	app := []string{`SET LOCAL app.scrub_ledger = 'on'`, `SET LOCAL app.scrub_audit = 'on'`}
	owner := []string{`SET LOCAL ROLE igny8_owner`, fmt.Sprintf(`SET LOCAL app.tenant_id = '%d'`, a.id)}
	scrub := slices.Concat(owner, app)
	const words = `UPDATE igny8_credit_transactions SET description = '', metadata = '{}'`

	for _, statement := range []string{
		words, `UPDATE igny8_audit_events SET ip = ''`, `DELETE FROM igny8_credit_transactions`, `DELETE FROM igny8_sync_events`,
		`DELETE FROM igny8_invitations`, `DELETE FROM igny8_users`, `UPDATE igny8_tenants SET purged_at = now()`,
		`SELECT igny8_account_is_over(1)`,
	} {
		if err := w.as(a.ctx(), a.App, append(app, statement)...); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("the application may do %s: %v", statement, err)
		}
	}
	refused := func(who string, before []string, statements ...string) {
		for _, statement := range statements {
			if err := w.as(t.Context(), a.Admin, append(before, statement)...); err == nil || !strings.Contains(err.Error(), "only ever added to") {
				t.Errorf("%s may do %s: %v", who, statement, err)
			}
		}
	}
	refused("the owner by mistake", owner, words, `DELETE FROM igny8_credit_transactions`, `TRUNCATE igny8_credit_transactions CASCADE`,
		`UPDATE igny8_credit_transaction_grants SET amount = amount + 1`)
	refused("the owner who scrubs", scrub, words+`, amount = amount + 1`, words+`, seq = seq + 1000`, words+`, actor_id = 7`,
		words+`, created_at = now()`, words+`, idempotency_key = 'x' || id`, `UPDATE igny8_credit_transactions SET description = 'other words'`,
		`UPDATE igny8_credit_transactions SET metadata = '{"other": "words"}'`, `DELETE FROM igny8_credit_transactions`,
		`TRUNCATE igny8_credit_transactions CASCADE`, `UPDATE igny8_credit_transaction_grants SET amount = amount + 1`,
		`UPDATE igny8_credit_requests SET balance = 0`, `DELETE FROM igny8_credit_requests`)
	refused("a superuser who scrubs", app, words)
	if err := w.as(t.Context(), a.Admin, append(scrub, words)...); err != nil {
		t.Errorf("the owner who scrubs may not: %v", err)
	}
}

// The function's leave to scrub ends with it, within the same transaction too.
func TestLedger_IsShutAgainAfterAPurge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.open(), w.open()
	a.live()
	b.live()
	a.delete(now)
	b.exec(`UPDATE igny8_users SET deleted_at = ?, restore_until = ? WHERE id = ?`, now, over, b.person(account.Editor).User.ID)
	for _, change := range []string{
		`UPDATE igny8_credit_transactions SET description = '', metadata = '{}'`, `UPDATE igny8_audit_events SET ip = ''`,
	} {
		err := w.as(t.Context(), a.Admin, `SET LOCAL ROLE igny8_owner`, fmt.Sprintf(`SET LOCAL app.tenant_id = '%d'`, a.id),
			fmt.Sprintf(`SELECT igny8_purge_ledger(%d, 0, 100)`, a.id), fmt.Sprintf(`SELECT igny8_purge_audit(%d, 0, 100)`, a.id),
			fmt.Sprintf(`SET LOCAL app.tenant_id = '%d'`, b.id), change)
		if err == nil || !strings.Contains(err.Error(), "only ever added to") {
			t.Errorf("%s after an account's purge: %v", change, err)
		}
		err = w.as(t.Context(), a.Admin, `SET LOCAL ROLE igny8_owner`, fmt.Sprintf(`SET LOCAL app.tenant_id = '%d'`, b.id),
			fmt.Sprintf(`SELECT igny8_purge_people(%d, now(), 100)`, b.id), change)
		if err == nil || !strings.Contains(err.Error(), "only ever added to") {
			t.Errorf("%s after the purge of people: %v", change, err)
		}
	}
}

// What the owner's functions look through is not for the application, in the scope of staff neither.
func TestRemovedPeople_AreSeenByNoOtherAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.open(), w.open()
	a.remove(a.person(account.Editor).User, now)
	for _, ctx := range []context.Context{
		t.Context(), postgres.WithStaff(t.Context()), b.ctx(), postgres.WithStaff(b.ctx()),
	} {
		var seen int
		must(t, w.App.NewRaw(`SELECT count(*) FROM igny8_users WHERE tenant_id = ?`, a.id).Scan(ctx, &seen))
		if seen != 0 {
			t.Errorf("%d people of another account can be read", seen)
		}
	}
}

// The database's own wall away, every statement still keeps to its account.
func TestStatements_KeepToTheirAccountWithoutRowLevelSecurity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tables []string
	must(t, w.Admin.NewRaw(`SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY 1`).Scan(t.Context(), &tables))
	for _, table := range tables {
		w.exec(`ALTER TABLE ` + table + ` DISABLE ROW LEVEL SECURITY`)
	}
	below, a, above := w.open(), w.open(), w.open()
	for _, x := range []*tenant{below, a, above} {
		x.live()
		x.person(account.Editor)
		x.exec(`UPDATE igny8_users SET deleted_at = ?, restore_until = ? WHERE id = ?`, now, over, x.person(account.Editor).User.ID)
	}
	neighbours := func() []string { return append(below.everything(), above.everything()...) }
	before := neighbours()

	// In this order: what has ended is not exported any more.
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"export", func() {
			document := string(a.export())
			for _, x := range []*tenant{below, above} {
				if strings.Contains(document, x.owner.User.Email) || strings.Contains(document, `"`+gid.Format(x.id)+`"`) {
					t.Errorf("the export holds account %d", x.id)
				}
			}
		}},
		{"return and end", func() {
			a.delete(now)
			_, err := w.restore(a.ticket(), now)
			must(t, err)
			a.delete(now)
			var ids []int64
			must(t, w.App.NewRaw(`SELECT igny8_purge_people(?, ?, 10)`, a.id, over).Scan(a.ctx(), &ids))
			if len(ids) != 1 {
				t.Errorf("%d people went", len(ids))
			}
			for _, query := range purges {
				var answers []string
				must(t, w.App.NewRaw(`SELECT x::text FROM `+query+` AS x WHERE x IS NOT NULL`, a.id).Scan(a.ctx(), &answers))
			}
		}},
	} {
		step.do()
		if diff := cmp.Diff(before, neighbours()); diff != "" {
			t.Errorf("%s: the neighbours changed:\n%s", step.name, diff)
		}
	}
	a.wantsNothingPersonal()
}
