package retention_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/retention"
)

func (a *tenant) export() []byte {
	a.t.Helper()
	var out bytes.Buffer
	must(a.t, retention.Export(a.ctx(), a.App, a.owner, now, &out))
	return out.Bytes()
}

func read(t *testing.T, document []byte) map[string]any {
	t.Helper()
	found := map[string]any{}
	if err := json.Unmarshal(document, &found); err != nil {
		t.Fatalf("%v in:\n%s", err, document)
	}
	return found
}

func TestExport_HoldsAllThatTheAccountHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.open(), w.open()
	s := a.live()
	b.live()
	a.person(account.Viewer)
	document := read(t, a.export())

	// How many of each, as the database has it.
	lists := map[string]string{
		"people": "igny8_users", "invitations": "igny8_invitations", "sites": "igny8_sites", "sectors": "igny8_sectors",
		"apiKeys": "igny8_site_api_keys", "wordPress": "igny8_wordpress_connections", "syncEvents": "igny8_sync_events",
		"periods": "igny8_subscription_periods", "payments": "igny8_payments", "invoices": "igny8_invoices",
		"grants": "igny8_credit_grants", "ledger": "igny8_credit_transactions", "holds": "igny8_credit_holds", "siteBudgets": "igny8_site_budgets",
		"auditEvents": "igny8_audit_events",
		"balance":     "igny8_balance_transactions", "refunds": "igny8_refunds", "creditDebts": "igny8_credit_debts",
	}
	for name, table := range lists {
		rows, _ := document[name].([]any)
		if n := w.count(`SELECT count(*) FROM `+table+` WHERE tenant_id = ?`, a.id); len(rows) != n || n == 0 {
			t.Errorf("%s has %d rows, want %d", name, len(rows), n)
		}
	}
	for _, name := range []string{"account", "credits", "subscription"} {
		if of, ok := document[name].(map[string]any); !ok || len(of) < 4 {
			t.Errorf("%s is %v", name, document[name])
		}
	}
	if known := len(lists) + 3 + 4; len(document) != known {
		t.Errorf("%d members, want %d", len(document), known)
	}
	if document["format"] != "igny8-account" || document["version"] != 1.0 || document["complete"] != true ||
		document["exportedAt"] != now.Format(time.RFC3339Nano) {
		t.Errorf("the frame is %v %v %v %v", document["format"], document["version"], document["exportedAt"], document["complete"])
	}
	at := func(path ...any) any {
		v := any(document)
		for _, p := range path {
			switch p := p.(type) {
			case string:
				v = v.(map[string]any)[p]
			case int:
				v = v.([]any)[p]
			}
		}
		return v
	}
	for _, want := range []struct {
		value any
		path  []any
	}{
		{gid.Format(a.id), []any{"account", "id"}},
		{"starter", []any{"account", "plan"}},
		{"canary-street", []any{"account", "billingAddress", "street"}},
		{"2024-03-28T09:30:00.123456+00:00", []any{"account", "createdAt"}},
		{a.owner.User.Email, []any{"people", 0, "email"}},
		{gid.Format(s), []any{"people", 0, "siteAccess", 0, "siteId"}},
		{gid.Format(s), []any{"invitations", 0, "siteIds", 0}},
		{"canary-shop.test", []any{"sites", 0, "domain"}},
		{"credits", []any{"apiKeys", 0, "scopes", 1}},
		{"canary-wp-user", []any{"wordPress", 0, "username"}},
		{"canary-title", []any{"syncEvents", 0, "details", "title"}},
		{1.0, []any{"invoices", 0, "lines", 0, "position"}},
		{"Canary Payer", []any{"payments", 0, "payerName"}},
		{1.0, []any{"ledger", 0, "seq"}},
		{gid.Format(a.owner.User.ID), []any{"ledger", 0, "actorId"}},
		{"account.opened", []any{"auditEvents", 0, "action"}},
		{"198.51.100.77", []any{"auditEvents", 0, "ip"}},
		{"open", []any{"holds", 0, "status"}},
		{gid.Format(s), []any{"siteBudgets", 0, "siteId"}},
		{7000.0, []any{"siteBudgets", 0, "monthlyCredits"}},
	} {
		if got := at(want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}
	spent := at("ledger").([]any)
	// The three last are of the payment that was refunded.
	last := spent[len(spent)-5].(map[string]any)
	if last["description"] != "canary-description" || last["metadata"].(map[string]any)["for"] != "canary-metadata" ||
		len(last["grants"].([]any)) == 0 {
		t.Errorf("the last line is %v", last)
	}
	text := string(a.export())
	for _, foreign := range []string{gid.Format(b.id) + `"`, b.owner.User.Email, b.slug} {
		if strings.Contains(text, foreign) {
			t.Errorf("%s of another account is in it", foreign)
		}
	}
}

func TestExport_HoldsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.live()
	a.person(account.Viewer)
	a.delete(now)
	token := a.ticket()
	_, err := w.restore(token, now)
	must(t, err)
	text := string(a.export())
	secrets := []string{
		"canary-password", "canary-session-hash", "canary-invitation-hash", "canary-mail-hash", "canary-key-hash", "canary-lookup",
		"canary-sealed", "canary-fingerprint", token,
	}
	// Other columns of bytes that exist: fingerprints of requests, seals of letters.
	var bytesOf [][]byte
	must(t, a.Admin.NewRaw(`SELECT fingerprint FROM igny8_credit_requests WHERE tenant_id = ?0 UNION ALL
		SELECT fingerprint FROM igny8_idempotency_keys WHERE tenant_id = ?0 UNION ALL
		SELECT sealed FROM igny8_mails WHERE tenant_id = ?0 UNION ALL
		SELECT token_hash FROM igny8_mail_tokens WHERE tenant_id = ?0`, a.id).Scan(t.Context(), &bytesOf))
	if len(bytesOf) < 8 {
		t.Fatalf("only %d secrets of bytes", len(bytesOf))
	}
	for _, b := range bytesOf {
		secrets = append(secrets, string(b))
	}
	for _, s := range secrets {
		for _, form := range []string{
			s, hex.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		} {
			if strings.Contains(text, form) {
				t.Errorf("%q is in the export", s)
			}
		}
	}
}

func TestExport_LeavesOutWhatIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	s := a.live()
	gone := a.person(account.Editor)
	a.remove(gone.User, now)
	a.exec(`UPDATE igny8_sites SET deleted_at = ?, restore_until = ? WHERE tenant_id = ? AND id = ?`, now, over, a.id, s)
	document := read(t, a.export())
	for _, name := range []string{"sites", "sectors", "apiKeys", "wordPress", "syncEvents", "siteBudgets"} {
		if rows := document[name].([]any); len(rows) != 0 {
			t.Errorf("%s of a deleted site: %v", name, rows)
		}
	}
	people := document["people"].([]any)
	if len(people) != 1 || len(people[0].(map[string]any)["siteAccess"].([]any)) != 0 {
		t.Errorf("people: %v", people)
	}
}

func TestExport_IsTheSameEachTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.live()
	a.export()
	first := a.export()
	second := a.export()
	// The second has one event more: that of the first.
	i := bytes.LastIndex(second, []byte(",\n{\"id\":\"evt_"))
	j := bytes.LastIndex(second, []byte("],\n\"complete\""))
	if i < 0 || j < i {
		t.Fatalf("the end is not as it should be:\n%s", second[len(second)-500:])
	}
	if diff := cmp.Diff(string(first), string(slices.Concat(second[:i], second[j:]))); diff != "" {
		t.Errorf("two exports differ:\n%s", diff)
	}
}

// watcher is a writer that looks what the database has been asked before each write.
type watcher struct {
	asked   *pgtest.Counter
	largest int
	total   int
	at      []int
}

func (w *watcher) Write(p []byte) (int, error) {
	w.largest, w.total = max(w.largest, len(p)), w.total+len(p)
	w.at = append(w.at, w.asked.N())
	return len(p), nil
}

func TestExport_StreamsInBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.live()
	a.grow(5000)
	ctx, statements := pgtest.CountQueries(a.ctx())
	out := &watcher{asked: statements}
	must(t, retention.Export(ctx, a.App, a.owner, now, out))
	if statements.N() < 40 || statements.N() > 70 {
		t.Errorf("%d statements", statements.N())
	}
	for _, s := range statements.Statements() {
		if strings.Contains(s, "OFFSET") || strings.Contains(s, "row_to_json") && !strings.Contains(s, "LIMIT") {
			t.Errorf("not a batch: %s", s)
		}
	}
	// Each batch is written before the next is read: nothing waits for the end.
	seen := len(slices.Compact(slices.Clone(out.at)))
	if seen < 35 || out.total < 1<<20 || out.largest > out.total/10 {
		t.Errorf("%d bytes, %d at most at once, written between %d statements", out.total, out.largest, seen)
	}
	if n := len(read(t, a.export())["ledger"].([]any)); n < 5000 {
		t.Errorf("%d lines", n)
	}
}

// meddler changes the account on its first write.
type meddler struct {
	bytes.Buffer
	meddle func()
}

func (m *meddler) Write(p []byte) (int, error) {
	if m.meddle != nil {
		m.meddle()
		m.meddle = nil
	}
	return m.Buffer.Write(p)
}

func TestExport_IsOfOneInstant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	s := a.live()
	m := &meddler{meddle: func() {
		one := int64(1)
		_, err := credit.Spend(a.ctx(), a.App, a.owner, now, func(context.Context, gid.Site) (bool, error) { return true, nil },
			credit.Spending{Operation: credit.IdeaGeneration, Quantity: &one, SiteID: &s, IdempotencyKey: "meddle"})
		must(t, err)
		a.exec(`UPDATE igny8_sites SET name = 'meddled' WHERE tenant_id = ?`, a.id)
	}}
	must(t, retention.Export(a.ctx(), a.App, a.owner, now, m))
	document := read(t, m.Bytes())
	lines := document["ledger"].([]any)
	balance := document["credits"].(map[string]any)["balance"]
	if last := lines[len(lines)-1].(map[string]any); last["balanceAfter"] != balance {
		t.Errorf("balance %v, the last line says %v", balance, last["balanceAfter"])
	}
	if bytes.Contains(m.Bytes(), []byte("meddled")) || a.count(`SELECT count(*) FROM igny8_sites WHERE name = 'meddled'`) != 1 {
		t.Error("it shows what came after it began")
	}
}

// full is a writer that breaks after so many bytes.
type full struct{ left int }

var errFull = errors.New("disk full")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestExport_IsRecordedBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.live()
	if err := retention.Export(a.ctx(), a.App, a.owner, now, &full{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	if events := a.events(); events[len(events)-1] != "account.exported" {
		t.Errorf("the log ends with %s", events[len(events)-1])
	}
	a.delete(now)
	var out bytes.Buffer
	wants(t, retention.Export(a.ctx(), a.App, a.owner, now, &out), "NOT_FOUND")
	if out.Len() != 0 {
		t.Errorf("wrote %s", out.String())
	}
}
