package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/wordpress"
)

// walls are those that stand between accounts at a stage.
type walls bool

const (
	// allWalls are as in production.
	allWalls walls = true
	// firstWall is the scope of queries alone: neither the policies of Postgres nor the net hold anything.
	firstWall walls = false
)

// stage is a server on one of the neighbourhood's databases.
type stage struct {
	*api

	w *neighbourhood
	r *Resolver
	// predicates knows the statements that were run; nil behind all walls.
	predicates *pgtest.Predicates
	asked      int
	// given are values that are the caller's own by now.
	given []string
}

// copied opens a stage on a copy of a frozen database.
func (w *neighbourhood) copied(t *testing.T, of *pgtest.DB, standing walls) *stage {
	t.Helper()
	return w.open(t, pgtest.Copy(t, of), standing)
}

func (w *neighbourhood) open(t *testing.T, db *pgtest.DB, standing walls) *stage {
	t.Helper()
	s := &stage{w: w}
	handle := db.App
	if standing == firstWall {
		handle, s.predicates = pgtest.WatchTenantPredicates(t, db.Admin)
	}
	s.api = serveOn(t, db, func(r *Resolver, schema *Config, middleware *func(http.Handler) http.Handler) {
		authority, err := auth.New(handle, auth.Config{
			Keys: w.keys, RefreshSecret: w.refreshSecret(), Issuer: "https://accounts.test", Audience: "accounts",
			Hasher: r.Hasher, Clock: r.Clock, Logger: r.Log, Mail: &mail.Box{Vault: w.vault, App: "https://app.test"}, Vault: w.vault,
			Limits: manyGuesses, LetterLimits: manyGuesses,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.r = r
		r.DB, r.Auth, r.Vault, r.Mail = handle, authority, w.vault, &mail.Box{Vault: w.vault, App: "https://app.test"}
		r.WordPress = wordpress.New(w.vault, wordpress.Config{Resolver: nowhere})
		r.SecondAbove = []money.Money{{Minor: 25_000, Currency: "USD"}}
		if standing == firstWall {
			open(r, schema, middleware)
		}
		*middleware = func(next http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", next)
			mux.Handle("GET "+exportPath, ExportHandler(r))
			return authority.Middleware(mux)
		}
	})
	if w.nanos != 0 {
		s.clock.nanos.Store(w.nanos)
	}
	return s
}

const exportPath = "/export.json"

// manyGuesses lets the sweep try what it has to: bounds on guessing are tested elsewhere.
var manyGuesses = func() auth.Limits {
	limit := auth.Limit{Burst: 1_000_000, Every: time.Second}
	return auth.Limits{Pair: limit, Address: limit, All: limit}
}()

// nowhere resolves no name.
var nowhere = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("there is no network")
}}

// ask posts an operation, and gives status and body. Each has an instant of its own, which is the same at
// every stage that is asked the same.
func (s *stage) ask(who, query string, variables map[string]any) string {
	s.t.Helper()
	s.tick()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		s.t.Fatal(err)
	}
	header, known := s.w.headers[who]
	if !known {
		s.t.Fatalf("nobody is called %s", who)
	}
	if strings.HasPrefix(query, "subscription") {
		return s.begin(header, query, variables)
	}
	status, text := s.post(header, string(body))
	return fmt.Sprintf("%d %s", status, text)
}

func (s *stage) tick() {
	s.asked++
	s.clock.nanos.Store(s.w.nanos + int64(s.asked)*int64(time.Second/4))
}

// export gets all that the asker's account has.
func (s *stage) export(who string) string {
	s.t.Helper()
	s.tick()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+exportPath, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	for k, v := range s.w.headers[who] {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s %v", resp.StatusCode, text, err)
}

// secrets are what is random in answers, and differs between any two that are alike in all else.
var secrets = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+|igny8_(?:rt|live|invite|reset|verify|restore)_\w+|"requestId":"\w+"`)

// plain is an answer without what is random in it.
func plain(answer string) string { return secrets.ReplaceAllString(answer, "…") }

// betrayed are the canaries that an answer holds.
func (w *neighbourhood) betrayed(answer string) []string {
	answer = strings.ToLower(answer)
	return slices.DeleteFunc(slices.Clone(w.canaries), func(c string) bool { return !strings.Contains(answer, strings.ToLower(c)) })
}

// strangers are the accounts whose rows the server was handed since it was last asked and should not have
// been. A token and a password are compared with what they name, whoever sends them, and staff name a
// payment by its number alone, which the mirror has too.
func (s *stage) strangers(who string) []int64 {
	owners := s.predicates.Owners()
	switch who {
	case "staff":
		return nil
	case "nobody": // nothing names the mirror
		return slices.DeleteFunc(owners, func(n int64) bool { return n != s.w.mirror })
	}
	return slices.DeleteFunc(owners, func(n int64) bool { return n == s.w.caller || n == s.w.staff && who == "impersonator" })
}

// rowsOf are checksums of what accounts have, by table: all tables with a column tenant_id there are, and
// the accounts' own rows.
func (s *stage) rowsOf(tenants ...int64) map[string]string {
	s.t.Helper()
	var list []string
	for _, n := range tenants {
		list = append(list, strconv.FormatInt(n, 10))
	}
	in := "(" + strings.Join(list, ", ") + ")"
	queries := []string{"SELECT 'igny8_tenants' AS name, coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '') AS sum FROM igny8_tenants AS t WHERE id IN " + in}
	for _, table := range s.tenantTables() {
		queries = append(queries, fmt.Sprintf("SELECT '%s', coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '') FROM %s AS t WHERE tenant_id IN %s", table, table, in))
	}
	var rows []struct{ Name, Sum string }
	if err := s.db.Admin.NewRaw(strings.Join(queries, " UNION ALL ")).Scan(s.t.Context(), &rows); err != nil {
		s.t.Fatal(err)
	}
	sums := map[string]string{}
	for _, r := range rows {
		sums[r.Name] = r.Sum
	}
	return sums
}

func (s *stage) tenantTables() []string {
	s.t.Helper()
	tables := strings.Fields(scan[string](s.api, `SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.columns
		JOIN information_schema.tables USING (table_schema, table_name)
		WHERE table_schema = 'public' AND column_name = 'tenant_id' AND table_type = 'BASE TABLE'
			-- Staff's lists, whose rows have one number among all accounts.
			AND table_name NOT IN ('igny8_stripe_events', 'igny8_stripe_drifts')`))
	if len(tables) < 25 {
		s.t.Fatalf("only %d tables belong to accounts", len(tables))
	}
	return tables
}

// differing names the tables whose sums differ.
func differing(before, after map[string]string) []string {
	var tables []string
	for table, sum := range before {
		if after[table] != sum {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return tables
}
