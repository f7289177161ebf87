package account_test

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
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

// today is the time of all commands on people here; what the fixtures insert is an hour older.
var today = time.Date(2026, 3, 31, 9, 30, 0, 123456000, time.UTC)

// Plans of the catalogue, and the number of people that they allow.
const (
	starter    = "starter"    // 2
	growth     = "growth"     // 3
	scale      = "scale"      // 5
	enterprise = "enterprise" // no limit
)

var peopleSerial atomic.Int64

// firm is an account in a test's database, with an owner.
type firm struct {
	t     testing.TB
	db    *pgtest.DB
	box   *mail.Box
	id    gid.Account
	owner account.Actor
}

func newFirm(tb testing.TB, db *pgtest.DB, planSlug string) *firm {
	tb.Helper()
	seal, err := vault.Parse(vault.Generate())
	if err != nil {
		tb.Fatal(err)
	}
	f := &firm{t: tb, db: db, box: &mail.Box{Vault: seal, App: "https://app.example.com"}}
	slug := fmt.Sprintf("firm-%d", peopleSerial.Add(1))
	err = db.Admin.NewRaw(`INSERT INTO igny8_tenants (name, slug, plan_id, status, deletion_retention_days, created_at, updated_at)
		SELECT 'Firm', ?, id, 'active', 30, ?, ? FROM igny8_plans WHERE slug = ? RETURNING id`,
		slug, today.Add(-time.Hour), today.Add(-time.Hour), planSlug).Scan(tb.Context(), &f.id)
	if err != nil {
		tb.Fatalf("insert account: %v", err)
	}
	f.exec(`INSERT INTO igny8_slug_directory (slug, tenant_id) VALUES (?, ?)`, slug, f.id)
	f.owner = f.person(account.Owner)
	f.exec(`UPDATE igny8_tenants SET owner_id = ? WHERE id = ?`, f.owner.User.ID, f.id)
	return f
}

// ctx is the context of a request for the account.
func (f *firm) ctx() context.Context { return postgres.WithTenant(f.t.Context(), int64(f.id)) }

// person adds somebody to the account, who can sign in.
func (f *firm) person(role account.Role) account.Actor {
	f.t.Helper()
	n := peopleSerial.Add(1)
	u := &account.User{TenantID: f.id, Email: fmt.Sprintf("p%d@example.com", n), Name: fmt.Sprintf("Person %d", n), Role: role}
	err := f.db.Admin.NewRaw(`INSERT INTO igny8_users (tenant_id, email, name, role, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING id`,
		f.id, u.Email, u.Name, role, today.Add(-time.Hour), today.Add(-time.Hour)).Scan(f.t.Context(), &u.ID)
	if err != nil {
		f.t.Fatalf("insert user: %v", err)
	}
	f.exec(`INSERT INTO igny8_login_directory (email, tenant_id, user_id) VALUES (?, ?, ?)`, u.Email, f.id, u.ID)
	return account.Actor{User: u, Account: &account.Account{ID: f.id}, Plan: &plan.Plan{Active: true}}
}

// session signs a person in, past all rules.
func (f *firm) session(a account.Actor) {
	f.t.Helper()
	f.exec(`INSERT INTO igny8_sessions (tenant_id, user_id, token_hash, expires_at) VALUES (?, ?, '\x00', now() + interval '1 day')`,
		f.id, a.User.ID)
}

// site adds a site past all rules.
func (f *firm) site(name string) gid.Site {
	f.t.Helper()
	var id gid.Site
	err := f.db.Admin.NewRaw(`INSERT INTO igny8_sites (tenant_id, name, slug, domain) VALUES (?, ?, ?, 'old.example.com') RETURNING id`,
		f.id, name, fmt.Sprintf("site-%d", peopleSerial.Add(1))).Scan(f.t.Context(), &id)
	if err != nil {
		f.t.Fatalf("insert site: %v", err)
	}
	return id
}

func (f *firm) exec(query string, args ...any) {
	f.t.Helper()
	if _, err := f.db.Admin.NewRaw(query, args...).Exec(f.t.Context()); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
}

func (f *firm) count(query string, args ...any) int {
	f.t.Helper()
	var n int
	if err := f.db.Admin.NewRaw(query, args...).Scan(f.t.Context(), &n); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// live is how many sessions of the person are open, and why, in words, the others ended.
func (f *firm) live(a account.Actor) string {
	f.t.Helper()
	var s string
	err := f.db.Admin.NewRaw(`SELECT coalesce(string_agg(coalesce(revoked_reason, 'live'), '+' ORDER BY id), '')
		FROM igny8_sessions WHERE tenant_id = ? AND user_id = ?`, f.id, a.User.ID).Scan(f.t.Context(), &s)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// invite invites an address in the owner's name, past the minute that must lie between two letters.
func (f *firm) invite(email string, role account.Role, sites ...gid.Site) (*account.Invitation, string) {
	f.t.Helper()
	i, err := account.Invite(f.ctx(), f.db.App, f.box, f.owner, today,
		account.NewInvitation{Email: email, Role: role, SiteIDs: sites})
	if err != nil {
		f.t.Fatalf("invite %s: %v", email, err)
	}
	return i, f.token(email)
}

// letters are the letters that wait to be sent to the address, oldest first.
func (f *firm) letters(to string) []mail.Letter {
	f.t.Helper()
	var rows []struct {
		ID     int64
		Kind   string
		Sealed []byte
		KeyID  string
	}
	err := f.db.Admin.NewRaw(`SELECT id, kind, sealed, key_id FROM igny8_mails WHERE tenant_id = ? ORDER BY id`, f.id).Scan(f.t.Context(), &rows)
	if err != nil {
		f.t.Fatal(err)
	}
	letters := []mail.Letter{}
	for _, row := range rows {
		plain, err := f.box.Vault.Open(row.Sealed, row.KeyID, fmt.Sprintf("mail/%d/%d", f.id, row.ID))
		if err != nil {
			f.t.Fatal(err)
		}
		l := mail.Letter{Kind: row.Kind}
		if err := json.Unmarshal(plain, &l); err != nil {
			f.t.Fatal(err)
		}
		if l.To == to {
			letters = append(letters, l)
		}
	}
	return letters
}

// token is the one in the newest letter to the address.
func (f *firm) token(email string) string {
	f.t.Helper()
	letters := f.letters(email)
	if len(letters) == 0 {
		f.t.Fatalf("no letter to %s", email)
	}
	_, after, found := strings.Cut(letters[len(letters)-1].Text, "https://app.example.com/accept-invitation#token=")
	token, _, ended := strings.Cut(after, "\n")
	if !found || !ended {
		f.t.Fatalf("no link in the letter to %s", email)
	}
	return token
}

func (f *firm) accept(token string) (*account.User, error) {
	return account.Accept(f.t.Context(), f.db.App, today.Add(time.Minute),
		account.Acceptance{Token: token, Name: "New Person", PasswordHash: "$argon2id$kept"},
		account.Origin{IP: "192.0.2.7", RequestID: "r7"}, nobodyElse)
}

func nobodyElse(context.Context, bun.Tx, *account.User) error { return nil }

// roles are the people who are there, by id.
func (f *firm) roles() map[gid.User]account.Role {
	f.t.Helper()
	var rows []struct {
		ID   gid.User
		Role account.Role
	}
	err := f.db.Admin.NewRaw(`SELECT id, role FROM igny8_users WHERE tenant_id = ? AND deleted_at IS NULL`, f.id).Scan(f.t.Context(), &rows)
	if err != nil {
		f.t.Fatal(err)
	}
	roles := map[gid.User]account.Role{}
	for _, r := range rows {
		roles[r.ID] = r.Role
	}
	return roles
}

func (f *firm) named() gid.User {
	f.t.Helper()
	return gid.User(f.count(`SELECT coalesce(owner_id, 0) FROM igny8_tenants WHERE id = ?`, f.id))
}

// events are the account's audit events as "action subject before after", oldest first.
func (f *firm) events() []string {
	f.t.Helper()
	events := []string{}
	err := f.db.Admin.NewRaw(`SELECT concat_ws(' ', action, subject_type, subject_id, before::text, after::text)
		FROM igny8_audit_events WHERE tenant_id = ? ORDER BY id`, f.id).Scan(f.t.Context(), &events)
	if err != nil {
		f.t.Fatal(err)
	}
	return events
}

// wantEvents checks that exactly these events were recorded.
func (f *firm) wantEvents(want ...string) {
	f.t.Helper()
	if got := f.events(); !slices.Equal(got, want) {
		f.t.Errorf("the audit log says\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// unchanged runs fn and checks that it writes nothing about people.
func (f *firm) unchanged(fn func()) {
	f.t.Helper()
	before := f.state()
	fn()
	if after := f.state(); after != before {
		f.t.Errorf("it wrote something:\n%s\nwas\n%s", after, before)
	}
}

// state is everything that commands on people can change, as text.
func (f *firm) state() string {
	f.t.Helper()
	var b strings.Builder
	for _, table := range []string{
		"igny8_users", "igny8_invitations", "igny8_sessions", "igny8_login_directory", "igny8_site_user_access", "igny8_mails", "igny8_audit_events",
		"igny8_slug_directory", "igny8_tenants",
	} {
		column := "tenant_id"
		if table == "igny8_tenants" {
			column = "id"
		}
		var rows string
		err := f.db.Admin.NewRaw(`SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM ? AS t WHERE ? = ?`,
			bun.Ident(table), bun.Ident(column), f.id).Scan(f.t.Context(), &rows)
		if err != nil {
			f.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", table, rows)
	}
	return b.String()
}

// refused checks that err is exactly these faults, each "CODE at field" or "CODE".
func refused(tb testing.TB, err error, want ...string) {
	tb.Helper()
	faults := fault.Of(err)
	got := make([]string, 0, len(faults))
	for _, f := range faults {
		s := string(f.Code)
		if len(f.Field) > 0 {
			s += " at " + strings.Join(f.Field, ".")
		}
		got = append(got, s)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		tb.Errorf("got the error %v, want %q", err, want)
	}
}

// together calls fn n times at once and counts the outcomes: ok, or the code of the one fault.
func together(tb testing.TB, n int, fn func(i int) error) map[string]int {
	tb.Helper()
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
	outcomes := map[string]int{}
	for _, err := range errs {
		switch faults := fault.Of(err); {
		case err == nil:
			outcomes["ok"]++
		case len(faults) == 1:
			outcomes[string(faults[0].Code)]++
		default:
			tb.Errorf("not one fault: %v", err)
		}
	}
	return outcomes
}
