package billing_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
)

var update = flag.Bool("update", false, "write docs/a-year.md")

const yearFile = "../../docs/a-year.md"

// year is a house with an account whose time stands still but where it is moved on.
type year struct {
	*house
	owner account.Actor
	now   time.Time
	diary [][]string
	// due does what falls due by an instant.
	due func(at time.Time)
}

// until moves on from one instant at which something falls due to the next, so that the diary can name them.
func (y *year) until(when string) {
	y.t.Helper()
	to := at(when)
	for {
		var next time.Time
		err := y.Admin.NewRaw(`SELECT least(coalesce((SELECT due_at FROM igny8_subscriptions WHERE tenant_id = ?0), ?1),
			coalesce((SELECT min(expires_at) FROM igny8_credit_grants WHERE tenant_id = ?0 AND remaining > 0), ?1), ?1)`,
			y.owner.AccountID(), to).Scan(y.t.Context(), &next)
		if err != nil {
			y.t.Fatal(err)
		}
		next = next.UTC()
		if next.Before(y.now) {
			next = y.now
		}
		y.now = next
		before := y.short()
		y.due(next)
		if after := y.short(); after != before {
			y.note("by itself")
		}
		if !next.Before(to) {
			return
		}
	}
}

// byClock does what falls due by then as an advance of the test clock does it.
func (y *year) byClock(at time.Time) {
	y.t.Helper()
	if _, err := sandboxes.AdvanceClock(y.t.Context(), y.App, y.staff, start, y.owner.AccountID(), at); err != nil {
		y.t.Fatal(err)
	}
}

// byJobs does it as the jobs do: first what is over expires, then what begins comes, as they meet at a boundary.
func (y *year) byJobs(at time.Time) {
	y.t.Helper()
	if _, err := credit.ExpireGrants(y.t.Context(), y.App, at); err != nil {
		y.t.Fatal(err)
	}
	if _, err := office.SettleDue(y.t.Context(), y.App, at); err != nil {
		y.t.Fatal(err)
	}
}

// short is where the account stands.
func (y *year) short() string {
	s, _ := y.stands(y.owner)
	return s
}

func (y *year) note(what string) {
	words := strings.Fields(y.short())
	y.diary = append(y.diary, []string{clock(y.now), what, words[0], words[1], words[2]})
}

// renews asks for a month and pays for it at once.
func (y *year) renews(when, plan, what string) {
	y.t.Helper()
	y.until(when)
	y.pay(y.owner, plan, 1, y.now)
	y.note(what)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// table is a table in Markdown.
func table(b *strings.Builder, title string, head []string, rows [][]string) {
	fmt.Fprintf(b, "\n## %s\n\n| %s |\n|%s\n", title, strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}

// rows are a query's, a text a column.
func (y *year) rows(query string) [][]string {
	y.t.Helper()
	lines := []string{}
	if err := y.Admin.NewRaw(`SELECT concat_ws('|', `+query, y.owner.AccountID()).Scan(y.t.Context(), &lines); err != nil {
		y.t.Fatal(err)
	}
	rows := make([][]string, len(lines))
	for i, line := range lines {
		rows[i] = strings.Split(line, "|")
	}
	return rows
}

const (
	minute  = `to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')`
	dollars = `to_char(%s / 100.0, 'FM999990.00')`
)

func (y *year) page() string {
	var b strings.Builder
	b.WriteString("# A year of an account\n\n" +
		"An account that pays late twice, upgrades once and cancels. Written by a test from what the database holds afterwards, on a test\n" +
		"clock (`internal/billing/year_test.go`); it fails when anything of this changes. Times are in UTC,\n" +
		"sums in US dollars.\n")
	table(&b, "What happened", []string{"when", "what", "account", "plan", "subscription"}, y.diary)
	table(&b, "Periods", []string{"kind", "plan", "from", "to", "price"}, y.rows(
		fmt.Sprintf(`d.kind, q.slug, `+minute+`, `+minute+`, `+dollars+`)
		FROM igny8_subscription_periods AS d JOIN igny8_plans AS q ON q.id = d.plan_id WHERE tenant_id = ? ORDER BY start_at`,
			"start_at", "end_at", "d.price_minor")))
	table(&b, "Payments", []string{"asked for", "for", "plan", "net", "credited", "from the balance", "to pay", "status", "decided"}, y.rows(
		fmt.Sprintf(minute+`, purpose, q.slug, `+dollars+`, `+dollars+`, `+dollars+`, `+dollars+`, p.status, coalesce(`+minute+`, '-'))
		FROM igny8_payments AS p JOIN igny8_plans AS q ON q.id = p.plan_id WHERE tenant_id = ? ORDER BY p.id`,
			"p.created_at", "net_minor", "credited_minor", "applied_minor", "amount_minor", "decided_at")))
	table(&b, "Invoices", []string{"number", "issued", "line", "from", "to", "sum"}, y.rows(
		fmt.Sprintf(`number, `+minute+`, description, `+minute+`, `+minute+`, `+dollars+`)
		FROM igny8_invoices AS i JOIN igny8_invoice_lines AS l ON l.tenant_id = i.tenant_id AND l.invoice_id = i.id
		WHERE i.tenant_id = ? ORDER BY number, position`, "issued_at", "period_start", "period_end", "amount_minor")))
	table(&b, "Credits", []string{"when", "what", "credits", "balance", "about"}, y.rows(
		fmt.Sprintf(minute+`, type, amount, balance_after, description)
		FROM igny8_credit_transactions WHERE tenant_id = ? ORDER BY seq`, "created_at")))
	table(&b, "Letters", []string{"when", "kind"}, y.rows(
		fmt.Sprintf(minute+`, kind) FROM igny8_mails WHERE tenant_id = ? ORDER BY id`, "created_at")))
	return b.String()
}

func TestYear_IsWhatTheDocsShow(t *testing.T) {
	t.Parallel()
	h := build(t)
	y := &year{house: h, owner: h.open("ada"), now: start}
	h.mustFreeze(y.owner, start)
	y.due = y.byClock
	y.note("signs up")
	y.renews("2026-01-31 07:00", "starter", "pays an hour before the trial ends")
	y.renews("2026-02-27 09:00", "starter", "renews")
	y.renews("2026-03-30 09:00", "starter", "renews")
	y.renews("2026-05-04 10:00", "starter", "pays late, within the 7 days of grace")
	y.renews("2026-05-30 09:00", "starter", "renews")
	y.renews("2026-06-29 09:00", "starter", "renews")
	y.renews("2026-08-12 15:00", "starter", "pays late, after the grace time: a new anchor")
	y.renews("2026-09-10 09:00", "starter", "renews")
	y.until("2026-09-27 12:00")
	upgrade := y.mustChange(y.owner, "growth", y.now)
	y.note("asks for the upgrade")
	y.until("2026-09-28 12:00")
	y.confirmAt(upgrade, y.now)
	y.note("pays for it")
	y.renews("2026-10-10 09:00", "growth", "renews, partly from the balance")
	y.renews("2026-11-11 09:00", "growth", "renews")
	y.until("2026-12-01 09:00")
	if _, err := office.CancelSubscription(as(t.Context(), y.owner), h.App, y.owner, y.now, ""); err != nil {
		t.Fatal(err)
	}
	y.note("cancels at the end of what is paid for")
	y.until("2027-01-17 08:00")
	y.note("a year after")

	if *update {
		if err := os.WriteFile(yearFile, []byte(y.page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(yearFile)
	if err != nil {
		t.Fatal(err)
	}
	if got := y.page(); got != string(want) {
		t.Errorf("docs/a-year.md is not what happens; go test ./internal/billing -run Year -update writes\n%s", got)
	}
	// Whatever the page says: no gap between periods, each month granted once, each payment one invoice.
	for what, query := range map[string]string{
		"gaps": `SELECT count(*) FROM (SELECT start_at, lag(end_at) OVER (ORDER BY start_at) AS before
			FROM igny8_subscription_periods WHERE tenant_id = ?) AS p WHERE start_at <> before`,
		"months granted other than once": `SELECT count(*) FROM igny8_subscription_periods AS p WHERE tenant_id = ? AND kind = 'paid' AND 1 <>
			(SELECT count(*) FROM igny8_credit_grants AS g WHERE g.tenant_id = p.tenant_id AND g.period_id = p.id)`,
		"payments without one invoice": `SELECT count(*) FROM igny8_payments AS p WHERE tenant_id = ? AND status = 'confirmed' AND 1 <>
			(SELECT count(*) FROM igny8_invoices AS i WHERE i.tenant_id = p.tenant_id AND i.payment_id = p.id)`,
	} {
		if n := count(t, h.DB, query, y.owner.AccountID()); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}
