package retention_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/retention"
	"igny8.com/accounts/internal/signup"
	"igny8.com/accounts/internal/ticket"
	"igny8.com/accounts/internal/vault"
)

// now is when accounts are deleted here: long ago by the database's clock, which judges a purge too.
var now = time.Date(2024, 3, 31, 9, 30, 0, 123456000, time.UTC)

const (
	retentionDays = 14
	day           = 24 * time.Hour
)

var over = now.Add(retentionDays * day)

var serial atomic.Int64

// world is a test's database with what commands need beside it.
type world struct {
	*pgtest.DB
	t   *testing.T
	box *mail.Box
}

func newWorld(t *testing.T, opts ...pgtest.Option) *world {
	t.Helper()
	keys, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		DB: pgtest.New(t, append([]pgtest.Option{pgtest.WithMaxConns(8)}, opts...)...), t: t,
		box: &mail.Box{Vault: keys, App: "https://app.test"},
	}
}

// tenant is an account with its owner.
type tenant struct {
	*world
	id    gid.Account
	slug  string
	owner account.Actor
}

// open signs an account up, a month before now.
func (w *world) open() *tenant {
	w.t.Helper()
	n := serial.Add(1)
	in := signup.Request{
		Email: fmt.Sprintf("owner%d@people.test", n), Name: fmt.Sprintf("Olive Owner %d", n), PasswordHash: "$argon2id$canary-password",
	}
	var owner *account.User
	origin := account.Origin{IP: "198.51.100.77", UserAgent: "canary-agent/1", RequestID: "canary-request"}
	opened, err := signup.Run(w.t.Context(), w.App, in, origin, now.Add(-3*day),
		func(_ context.Context, _ bun.Tx, u *account.User) error { owner = u; return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	a := &tenant{world: w, id: opened.ID, slug: opened.Slug}
	a.owner = account.Actor{
		User: owner, Account: opened, Plan: &plan.Plan{Features: []plan.Feature{"ai_writer", "image_gen"}},
		Origin: account.Origin{IP: "198.51.100.77", UserAgent: "canary-agent/1", RequestID: "canary-request"},
	}
	a.session(owner)
	return a
}

func (a *tenant) ctx() context.Context { return postgres.WithTenant(a.t.Context(), int64(a.id)) }

// person adds somebody who signs in to the account.
func (a *tenant) person(role account.Role) account.Actor {
	a.t.Helper()
	n := serial.Add(1)
	u := &account.User{TenantID: a.id, Email: fmt.Sprintf("person%d@people.test", n), Role: role}
	a.scan(&u.ID, `INSERT INTO igny8_users (tenant_id, email, name, role, password_hash) VALUES (?, ?, ?, ?, '$argon2id$canary-password')
		RETURNING id`, a.id, u.Email, fmt.Sprintf("Paula Person %d", n), role)
	a.exec(`INSERT INTO igny8_login_directory (email, tenant_id, user_id) VALUES (?, ?, ?)`, u.Email, a.id, u.ID)
	a.session(u)
	return account.Actor{User: u, Account: &account.Account{ID: a.id}, Plan: a.owner.Plan}
}

func (w *world) session(u *account.User) {
	w.t.Helper()
	w.exec(`INSERT INTO igny8_sessions (tenant_id, user_id, token_hash, expires_at, ip, user_agent)
		VALUES (?, ?, 'canary-session-hash', ?, '198.51.100.77', 'canary-agent/1')`, u.TenantID, u.ID, now.Add(30*day))
}

// remove takes a person out of the account as it is done for an admin.
func (a *tenant) remove(u *account.User, at time.Time) {
	a.t.Helper()
	if _, err := account.RemoveMember(a.ctx(), a.App, a.owner, at, u.ID); err != nil {
		a.t.Fatal(err)
	}
}

func (a *tenant) verify() *credit.Verification {
	a.t.Helper()
	v, err := credit.Verify(a.t.Context(), a.App, a.id)
	must(a.t, err)
	return v
}

// delete deletes the account at the time that is given.
func (a *tenant) delete(at time.Time) {
	a.t.Helper()
	must(a.t, a.tryDelete(a.owner, at, retention.Deletion{Confirm: a.slug}))
}

func (a *tenant) tryDelete(actor account.Actor, at time.Time, in retention.Deletion) error {
	_, err := retention.DeleteAccount(a.ctx(), a.App, a.box, actor, at, in)
	return err
}

// tickets are what the account's letters of deletion hold, newest letter first, by address.
func (a *tenant) tickets() map[string][]string {
	a.t.Helper()
	found := map[string][]string{}
	for _, l := range a.letters() {
		if _, token, ok := strings.Cut(l.Text, a.box.App+"/restore-account#token="); ok {
			token, _, _ = strings.Cut(token, "\n")
			found[l.To] = append(found[l.To], token)
		}
	}
	return found
}

// ticket is the newest one that was mailed to the account's owner.
func (a *tenant) ticket() string {
	a.t.Helper()
	all := a.tickets()[a.owner.User.Email]
	if len(all) == 0 {
		a.t.Fatal("no ticket was mailed to the owner")
	}
	return all[0]
}

// letters are the account's letters that wait, newest first.
func (a *tenant) letters() []mail.Letter {
	a.t.Helper()
	var rows []struct {
		ID     int64
		Sealed []byte
		KeyID  string
	}
	err := a.Admin.NewRaw(`SELECT id, sealed, key_id FROM igny8_mails WHERE tenant_id = ? ORDER BY id DESC`, a.id).Scan(a.t.Context(), &rows)
	must(a.t, err)
	letters := make([]mail.Letter, len(rows))
	for i, r := range rows {
		plain, err := a.box.Vault.Open(r.Sealed, r.KeyID, fmt.Sprintf("mail/%d/%d", a.id, r.ID))
		must(a.t, err)
		must(a.t, json.Unmarshal(plain, &letters[i]))
	}
	return letters
}

// restore brings the account back by a ticket.
func (w *world) restore(token string, at time.Time) (*account.Account, error) {
	return retention.RestoreAccount(w.t.Context(), w.App, at, token, account.Origin{},
		func(context.Context, bun.Tx, *account.User) error { return nil })
}

func (w *world) purge(at time.Time) int {
	w.t.Helper()
	n, err := retention.Purge(w.t.Context(), w.App, at)
	must(w.t, err)
	return n
}

// other makes a ticket that the database does not know.
func (a *tenant) other(kind ticket.Kind, id int64) string {
	text, _ := ticket.New(kind, a.id, id)
	return text
}

// events are the actions in the account's log, oldest first.
func (a *tenant) events() []string {
	a.t.Helper()
	var actions []string
	err := a.Admin.NewRaw(`SELECT action FROM igny8_audit_events WHERE tenant_id = ? ORDER BY id`, a.id).Scan(a.t.Context(), &actions)
	must(a.t, err)
	return actions
}

// everything is each row of the account in the whole database as text, and those of global tables that name it.
func (a *tenant) everything() []string {
	a.t.Helper()
	var tables []string
	err := a.Admin.NewRaw(`SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id'
		UNION SELECT 'igny8_tenants' ORDER BY 1`).Scan(a.t.Context(), &tables)
	must(a.t, err)
	if len(tables) < 25 {
		a.t.Fatalf("only %d tables", len(tables))
	}
	all := []string{}
	for _, table := range tables {
		column := "tenant_id"
		if table == "igny8_tenants" {
			column = "id"
		}
		var rows []string
		query := fmt.Sprintf(`SELECT '%s ' || t::text FROM %s AS t WHERE %s = ? ORDER BY 1`, table, table, column)
		must(a.t, a.Admin.NewRaw(query, a.id).Scan(a.t.Context(), &rows))
		all = append(all, rows...)
	}
	return all
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := w.Admin.NewRaw(query, args...).Exec(w.t.Context()); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

func (w *world) scan(into any, query string, args ...any) {
	w.t.Helper()
	if err := w.Admin.NewRaw(query, args...).Scan(w.t.Context(), into); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	var n int
	w.scan(&n, query, args...)
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants checks that err is exactly these faults, each "CODE at field" or "CODE".
func wants(t *testing.T, err error, want ...string) {
	t.Helper()
	got := []string{}
	for _, f := range fault.Of(err) {
		s := string(f.Code)
		if len(f.Field) > 0 {
			s += " at " + strings.Join(f.Field, ".")
		}
		got = append(got, s)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got the error %v, want %q", err, want)
	}
}

// race calls fn n times at once and gives the errors.
func race(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// tally counts errors by their code, successes as "ok".
func tally(t *testing.T, errs []error) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, err := range errs {
		switch faults := fault.Of(err); {
		case err == nil:
			n["ok"]++
		case len(faults) == 1:
			n[string(faults[0].Code)]++
		default:
			t.Errorf("not one fault: %v", err)
		}
	}
	return n
}
