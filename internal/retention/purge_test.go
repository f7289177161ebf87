package retention_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/doctor"
)

// personal are parts of all that the fixtures hold of people, and of secrets.
var personal = []string{
	"canary", "Canary", "people.test", "Olive", "Paula", "198.51.100.77", "argon2id", "olive-owner", "igny8_restore", "igny8_live",
}

// counted is what the end of an account must not change: everything of its ledger but the words, its
// grants, holds, periods, invoices, the sums of its payments, and who did what.
const counted = `
	SELECT 'credits ' || t::text FROM igny8_credit_accounts AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'line ' || (to_jsonb(t) - 'description' - 'metadata')::text FROM igny8_credit_transactions AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'part ' || t::text FROM igny8_credit_transaction_grants AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'grant ' || t::text FROM igny8_credit_grants AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'hold ' || t::text FROM igny8_credit_holds AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'request ' || t::text FROM igny8_credit_requests AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'key ' || t::text FROM igny8_idempotency_keys AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'period ' || t::text FROM igny8_subscription_periods AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'invoice ' || (to_jsonb(t) - 'buyer_name' - 'buyer_address' - 'buyer_email' - 'buyer_tax_id' - 'note')::text FROM igny8_invoices AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'invoice line ' || t::text FROM igny8_invoice_lines AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'refund ' || t::text FROM igny8_refunds AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'debt ' || t::text FROM igny8_credit_debts AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'external ' || t::text FROM igny8_external_payments AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'payment ' || (to_jsonb(t) - 'payer_name' - 'proof_url' - 'instructions' - 'rejection_reason' - 'updated_at')::text
		FROM igny8_payments AS t WHERE tenant_id = ?0
	UNION ALL SELECT 'event ' || concat_ws(' ', id, action, subject_type, subject_id, actor_kind, actor_id, impersonation_id, created_at)
		FROM igny8_audit_events AS t WHERE tenant_id = ?0 AND action NOT IN ('account.purged', 'members.purged')
	ORDER BY 1`

func (a *tenant) counted() []string {
	a.t.Helper()
	var rows []string
	must(a.t, a.Admin.NewRaw(counted, a.id).Scan(a.t.Context(), &rows))
	if len(rows) < 4 {
		a.t.Fatalf("only %d rows count", len(rows))
	}
	return rows
}

func (a *tenant) purged() bool {
	a.t.Helper()
	return a.count(`SELECT count(*) FROM igny8_tenants WHERE id = ? AND purged_at IS NOT NULL`, a.id) == 1
}

// wantsNothingPersonal finds what is left of people in any row of the account.
func (a *tenant) wantsNothingPersonal() {
	a.t.Helper()
	for _, row := range a.everything() {
		for _, p := range personal {
			if strings.Contains(row, p) {
				a.t.Errorf("%q is left in: %s", p, row)
			}
		}
	}
}

func TestPurge_LeavesWhatCountsAndNothingOfPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, c := w.open(), w.open(), w.open()
	for _, x := range []*tenant{a, b, c} {
		x.live()
		x.person(account.Editor)
	}
	a.remove(a.person(account.Editor).User, now)
	a.delete(now)
	c.delete(now.Add(day))
	kept, neighbour, later := a.counted(), b.everything(), c.everything()
	if len(kept) < 40 {
		t.Fatalf("the fixture has only %d rows that count", len(kept))
	}

	if n := w.purge(over.Add(-time.Microsecond)); n != 0 || a.purged() {
		t.Fatalf("%d were purged before the time", n)
	}
	if n := w.purge(over); n != 1 || !a.purged() {
		t.Fatalf("%d were purged", n)
	}
	a.wantsNothingPersonal()
	if diff := cmp.Diff(kept, a.counted()); diff != "" {
		t.Errorf("what counts changed:\n%s", diff)
	}
	if diff := cmp.Diff(neighbour, b.everything()); diff != "" {
		t.Errorf("the neighbour changed:\n%s", diff)
	}
	if diff := cmp.Diff(later, c.everything()); diff != "" {
		t.Errorf("one whose time is not over changed:\n%s", diff)
	}
	report, err := doctor.Examine(t.Context(), a.App)
	must(t, err)
	if v := a.verify(); !v.OK() || !report.OK() {
		t.Errorf("the ledger: %v, the doctor: %v", v.Problems, report.Problems)
	}
	if events := a.events(); events[len(events)-1] != "account.purged" {
		t.Errorf("the log ends with %s", events[len(events)-1])
	}
	var facts string
	w.scan(&facts, `SELECT name || ', ' || slug || ', ' || billing_address::text || ', ' || (SELECT count(*) FROM igny8_slug_directory WHERE tenant_id = id)
		FROM igny8_tenants WHERE id = ?`, a.id)
	if want := fmt.Sprintf("(deleted), deleted-%d, {}, 0", a.id); facts != want {
		t.Errorf("the account is %q, want %q", facts, want)
	}
	if n := w.count(`SELECT count(*) FROM igny8_users WHERE tenant_id = ? AND purged_at IS NOT NULL AND deleted_at IS NOT NULL AND password_hash IS NULL
		AND email = 'deleted-' || id || '@deleted.invalid' AND name = ''`, a.id); n != 3 {
		t.Errorf("%d people are anonymous, want 3", n)
	}
	if n := w.purge(over.Add(time.Hour)); n != 0 {
		t.Errorf("%d were purged again", n)
	}
}

func TestPurge_IsTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.delete(now)
	token := a.ticket()
	w.purge(over)
	// Even for a server whose clock is behind.
	_, err := w.restore(token, now.Add(time.Hour))
	wants(t, err, "INVALID_CREDENTIALS at token")
	if _, err := a.Admin.NewRaw(`UPDATE igny8_tenants SET deleted_at = NULL, restore_until = NULL WHERE id = ?`, a.id).Exec(t.Context()); err == nil {
		t.Error("the database lets it come back")
	}
	if again := w.reopen(a.owner.User.Email, a.owner.Account.Name); again.slug != a.slug {
		t.Errorf("the slug is not free: %s", again.slug)
	}
}

func TestPurge_WaitsForTheDatabasesClockToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.open(), w.open()
	b.remove(b.person(account.Editor).User, time.Now())
	a.delete(time.Now().UTC().Truncate(time.Microsecond))
	before := append(a.everything(), b.everything()...)
	if n := w.purge(time.Now().Add(100 * day)); n != 0 {
		t.Errorf("%d were purged by a clock that is ahead", n)
	}
	if diff := cmp.Diff(before, append(a.everything(), b.everything()...)); diff != "" {
		t.Errorf("something went:\n%s", diff)
	}
}

func TestPurge_TakesPeopleWhoWereRemovedOutOfLiveAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.open(), w.open()
	s := a.live()
	gone, stays, later := a.person(account.Editor), a.person(account.Editor), a.person(account.Editor)
	for _, u := range []*account.User{gone.User, stays.User} {
		a.exec(`INSERT INTO igny8_site_user_access (tenant_id, site_id, user_id) VALUES (?, ?, ?)`, a.id, s, u.ID)
		a.exec(`INSERT INTO igny8_invitations (tenant_id, email, role, token_hash, invited_by, created_at, expires_at, accepted_at, accepted_by)
			VALUES (?0, ?1, 'editor', 'x', ?2, ?3, ?4, ?3, ?5)`, a.id, u.Email, a.owner.User.ID, now, now.Add(day), u.ID)
		tx, err := a.App.BeginTx(a.ctx(), nil)
		must(t, err)
		by := account.Actor{User: u, Account: a.owner.Account, Origin: account.Origin{IP: "192.0.2.55", UserAgent: "theirs", RequestID: "r"}}.By(a.id)
		must(t, audit.Record(a.ctx(), tx, a.id, by, now, audit.On("member.updated", "user", u.ID).
			From(map[string]any{"email": u.Email, "role": "viewer"}).To(map[string]any{"name": "Paula Person", "role": "editor"})))
		must(t, tx.Commit())
	}
	a.remove(gone.User, now)
	a.remove(later.User, now.Add(day))
	kept, neighbour := a.counted(), b.everything()

	if n := w.purge(over.Add(-time.Microsecond)); n != 0 {
		t.Fatalf("%d were purged before the time", n)
	}
	if n := w.purge(over); n != 1 {
		t.Fatalf("%d were purged", n)
	}
	if diff := cmp.Diff(kept, a.counted()); diff != "" {
		t.Errorf("what counts changed:\n%s", diff)
	}
	for _, row := range a.everything() {
		if strings.Contains(row, gone.User.Email) {
			t.Errorf("the person is left in: %s", row)
		}
	}
	about := func(u *account.User) string {
		var facts string
		w.scan(&facts, `SELECT concat_ws(' ', before::text, after::text, ip, user_agent) FROM igny8_audit_events
			WHERE tenant_id = ? AND action = 'member.updated' AND subject_id = ?`, a.id, u.ID)
		return facts
	}
	if got := strings.TrimSpace(about(gone.User)); got != `{"role": "viewer"} {"role": "editor"}` {
		t.Errorf("the log keeps %s", got)
	}
	if got := about(stays.User); !strings.Contains(got, stays.User.Email) || !strings.Contains(got, "192.0.2.55 theirs") {
		t.Errorf("the log of who stays is %s", got)
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM igny8_sessions WHERE user_id = ?`:                                                                  0,
		`SELECT count(*) FROM igny8_site_user_access WHERE user_id = ?`:                                                          0,
		`SELECT count(*) FROM igny8_users WHERE id = ? AND purged_at IS NOT NULL AND name = ''`:                                  1,
		`SELECT count(*) FROM igny8_audit_events WHERE action = 'members.purged' AND after->>'members' = '["user_' || ? || '"]'`: 1,
	} {
		if n := w.count(query, gone.User.ID); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	for _, u := range []*account.User{stays.User, later.User} {
		if n := w.count(`SELECT count(*) FROM igny8_users WHERE id = ? AND email = ? AND purged_at IS NULL`, u.ID, u.Email); n != 1 {
			t.Errorf("%s was purged", u.Email)
		}
	}
	if diff := cmp.Diff(neighbour, b.everything()); diff != "" {
		t.Errorf("the neighbour changed:\n%s", diff)
	}
	if v := a.verify(); !v.OK() {
		t.Errorf("the ledger: %v", v.Problems)
	}
	if n := w.purge(over.Add(2 * day)); n != 1 {
		t.Errorf("later, %d were purged", n)
	}
}
