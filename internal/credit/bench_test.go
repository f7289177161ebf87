//go:build unix

package credit_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/migrations"
)

// How a benchmark against pgbench is run: in rounds that take turns, so that what else the machine does
// meets all alike. The medians are reported.
const (
	rounds    = 3
	roundTime = time.Second
	spread    = 1000 // accounts
)

// statement is the least that a spend of one credit writes, as one statement by hand: no idempotent replay, no
// refusals told apart, no holds, budgets or expiry. pgbench runs it past row-level security.
const statement = `WITH debited AS (
	UPDATE igny8_credit_accounts SET balance = balance - 1, last_seq = last_seq + 1
	WHERE tenant_id = %[1]s AND balance - held >= 1 RETURNING tenant_id, balance, held, last_seq
), burnt AS (
	UPDATE igny8_credit_grants AS g SET remaining = remaining - 1 FROM debited
	WHERE g.tenant_id = %[1]s AND g.id = (SELECT id FROM igny8_credit_grants WHERE tenant_id = %[1]s AND remaining > 0
		ORDER BY priority, expires_at, granted_at, id LIMIT 1) RETURNING g.id
), line AS (
	INSERT INTO igny8_credit_transactions (tenant_id, seq, type, amount, balance_after, operation, quantity, unit_credits, unit_size,
		actor_kind, idempotency_key, created_at)
	SELECT tenant_id, last_seq, 'deduction', -1, balance, 'content_generation', 100, 1, 100, 'system',
		'spend:' || gen_random_uuid(), now() FROM debited RETURNING tenant_id, id, idempotency_key, created_at
), part AS (
	INSERT INTO igny8_credit_transaction_grants (tenant_id, transaction_id, grant_id, amount)
	SELECT line.tenant_id, line.id, burnt.id, -1 FROM line, burnt
), request AS (
	INSERT INTO igny8_credit_requests (tenant_id, operation, key, fingerprint, transaction_id, balance, held, last_seq, created_at)
	SELECT line.tenant_id, 'spend', line.idempotency_key, sha256('facts'), line.id, balance, held, last_seq, created_at FROM line, debited
), used AS (
	INSERT INTO igny8_credit_usage_days AS used (tenant_id, day, operation, deducted, refunded, quantity, operations)
	SELECT tenant_id, created_at::date, 'content_generation', 1, 0, 100, 1 FROM line
	ON CONFLICT (tenant_id, day, site_id, operation) DO UPDATE SET deducted = used.deducted + excluded.deducted,
		quantity = used.quantity + excluded.quantity, operations = used.operations + excluded.operations
) SELECT balance FROM debited`

// BenchmarkSpend compares spending as the server does with the statement by pgbench, on a Postgres of its own
// on the disk that commits as in production: x/pgbench is movements a second, p99/pgbench the 99th percentile
// of their times, statement/pgbench the same statement's rate through this program's pool.
func BenchmarkSpend(b *testing.B) {
	w := newYard(b)
	for _, c := range []struct {
		name     string
		accounts int
		clients  int
	}{{"hot/16", 1, 16}, {"hot/64", 1, 64}, {"spread/16", spread, 16}, {"spread/64", spread, 64}} {
		b.Run(c.name, func(b *testing.B) {
			var theirs, ours, byStatement [rounds]run
			for i := range rounds {
				theirs[i] = w.pgbench(b, c.accounts, c.clients)
				ours[i] = w.drive(b, c.accounts, c.clients, w.spend)
				byStatement[i] = w.drive(b, c.accounts, c.clients, w.statement)
			}
			they, we, raw := median(theirs), median(ours), median(byStatement)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(we.rate, "movements/s")
			b.ReportMetric(they.rate, "pgbench/s")
			b.ReportMetric(we.rate/they.rate, "x/pgbench")
			b.ReportMetric(we.p99.Seconds()/they.p99.Seconds(), "p99/pgbench")
			b.ReportMetric(float64(we.p99.Microseconds())/1000, "p99-ms")
			b.ReportMetric(raw.rate/they.rate, "statement/pgbench")
			b.ReportMetric(loadAverage(), "load")
		})
	}
	for _, a := range []*tenant{w.tenants[0], w.tenants[spread/2]} {
		a.sound()
	}
}

// yard is a Postgres on the disk with accounts that have credits to burn.
type yard struct {
	socket  string
	db      *postgres.DB
	tenants []*tenant
}

func newYard(b *testing.B) *yard {
	b.Helper()
	dir, err := os.MkdirTemp("", "igny8-bench-") //nolint:usetesting // open to the user who runs Postgres, unlike b.TempDir
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	c, err := cluster.Start(b.Context(), cluster.Options{DataDir: filepath.Join(dir, "data")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Stop(context.Background()) })
	admin := c.URL(cluster.Superuser, "postgres")
	if err := postgres.Bootstrap(b.Context(), admin); err != nil {
		b.Fatal(err)
	}
	if _, err := postgres.MigrateUp(b.Context(), postgres.Config{URL: admin}, migrations.FS); err != nil {
		b.Fatal(err)
	}
	db := &pgtest.DB{Name: "postgres"}
	for role, into := range map[string]**postgres.DB{postgres.AppRole: &db.App, cluster.Superuser: &db.Admin} {
		if *into, err = postgres.Open(b.Context(), postgres.Config{URL: c.URL(role, "postgres")}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup((*into).Close)
	}
	w := &yard{socket: c.SocketDir(), db: db.App, tenants: make([]*tenant, spread)}
	for i := range w.tenants {
		w.tenants[i] = newTenant(b, db)
		w.tenants[i].give(credit.Purchase, credit.MaxAdjustment, now, nil)
	}
	// Some history first: a plan that is made for empty tables is kept until statistics say that they are not.
	w.pgbench(b, spread, 16) //nolint:mnd // clients
	w.tenants[0].exec("VACUUM ANALYZE")
	return w
}

// run is what a round came to.
type run struct {
	rate float64 // movements a second
	p99  time.Duration
}

func median(runs [rounds]run) run {
	rates, tails := make([]float64, rounds), make([]time.Duration, rounds)
	for i, r := range runs {
		rates[i], tails[i] = r.rate, r.p99
	}
	slices.Sort(rates)
	slices.Sort(tails)
	return run{rates[rounds/2], tails[rounds/2]}
}

func runOf(took []time.Duration, over time.Duration) run {
	slices.Sort(took)
	return run{rate: float64(len(took)) / over.Seconds(), p99: took[len(took)*99/100]}
}

func (w *yard) spend(ctx context.Context, a *tenant, key string) error {
	words := int64(100)
	_, err := credit.Spend(ctx, w.db, a.owner, time.Now().UTC().Truncate(time.Microsecond), anySite,
		credit.Spending{Operation: credit.ContentGeneration, Quantity: &words, IdempotencyKey: key})
	return err
}

func (w *yard) statement(ctx context.Context, a *tenant, _ string) error {
	var balance int64
	return w.db.Pool.QueryRow(ctx, byParameter, int64(a.id)).Scan(&balance)
}

var byParameter = fmt.Sprintf(statement, "$1")

// drive has clients spend one after the other, as many at once as there are, for a round.
func (w *yard) drive(
	b *testing.B, accounts, clients int, spend func(ctx context.Context, a *tenant, key string) error,
) run {
	b.Helper()
	took := make([][]time.Duration, clients)
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := 0; time.Since(begun) < roundTime; n++ {
				a := w.tenants[rand.IntN(accounts)]
				at := time.Now()
				if err := spend(postgres.WithTenant(b.Context(), int64(a.id)), a, fmt.Sprint(begun.UnixNano(), i, n)); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(at))
			}
		})
	}
	wg.Wait()
	return runOf(slices.Concat(took...), time.Since(begun))
}

// pgbench has the installed pgbench run the statement for a round, prepared, which is its fastest way.
func (w *yard) pgbench(b *testing.B, accounts, clients int) run {
	b.Helper()
	program, err := exec.LookPath("pgbench")
	if err != nil {
		matches, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
		if len(matches) == 0 {
			b.Fatal("pgbench is not installed: it is part of Postgres's own packages")
		}
		program = matches[len(matches)-1]
	}
	dir := b.TempDir()
	first := w.tenants[0].id
	last := first + gid.Account(accounts-1)
	script := fmt.Sprintf("\\set t random(%d, %d)\n%s;\n", first, last, strings.ReplaceAll(fmt.Sprintf(statement, ":t"), "\n", " "))
	if err := os.WriteFile(filepath.Join(dir, "spend.sql"), []byte(script), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), program, "-n", "-M", "prepared", "-h", w.socket, "-U", cluster.Superuser,
		"-c", strconv.Itoa(clients), "-j", "2", "-T", strconv.Itoa(int(roundTime.Seconds())), "-f", "spend.sql",
		"-l", "--log-prefix=log", "postgres")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("pgbench: %v\n%s", err, out)
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "log.*"))
	var took []time.Duration
	for _, name := range logs {
		file, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			const elapsed = 2 // the column of microseconds
			us, err := strconv.Atoi(strings.Fields(lines.Text())[elapsed])
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Duration(us)*time.Microsecond)
		}
		_ = file.Close()
	}
	return runOf(took, roundTime)
}

// loadAverage is the machine's over the last minute, where it says so; the benchmark's own load is in it.
func loadAverage() float64 {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	load, _ := strconv.ParseFloat(strings.Fields(string(raw))[0], 64)
	return load
}
