//go:build linux

package torture_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/cluster"
)

// world is a Postgres, a server on it, and customers who spend.
type world struct {
	t         *testing.T
	db        *victim
	server    *server
	customers []*customer
	load      *load
	rng       *rand.Rand
	report    *report
	audited   map[*customer]int // how many movements were compared with the database
	begin     time.Time
}

// customersEach is how many accounts a world has: as many as one address may sign up at once.
const customersEach = 4

func newWorld(t *testing.T, name string) *world {
	t.Helper()
	w := &world{
		t: t, db: newVictim(t), rng: rand.New(rand.NewPCG(*seed, 0)), audited: map[*customer]int{},
		report: &report{victim: name},
	}
	w.server = newServer(t, w.db)
	w.asAdmin(func(admin *postgres.DB) {
		for n := range customersEach {
			w.customers = append(w.customers, signUp(t, w.server.url, admin, n))
		}
	})
	w.load, w.begin = newLoad(w.server.url, w.customers), time.Now()
	return w
}

// asAdmin opens the database, which may have been started again since it was last open.
func (w *world) asAdmin(do func(admin *postgres.DB)) {
	w.t.Helper()
	admin, err := postgres.Open(w.t.Context(), postgres.Config{URL: w.db.url(cluster.Superuser), ApplicationName: "igny8 torture"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer admin.Close()
	do(admin)
}

// atRandom waits until clients have been told of something and then for a random while.
func (w *world) atRandom() {
	w.t.Helper()
	const shortest, span = 30 * time.Millisecond, 400 * time.Millisecond
	before := w.load.count()
	delay := time.After(shortest + time.Duration(w.rng.Int64N(int64(span))))
	waitFor(w.t, "clients to be told of a movement", func() bool {
		w.calm()
		return w.load.count() > before
	})
	<-delay
	w.report.kills++
}

// calm fails the test when clients were answered with what they must never be.
func (w *world) calm() {
	w.t.Helper()
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	if len(w.load.wrong) > 0 {
		w.t.Fatalf("seed %d, after %d kills:\n%s", *seed, w.report.kills, strings.Join(w.load.wrong, "\n"))
	}
}

// auditNew compares what clients were told since the last audit with the database.
func (w *world) auditNew() *findings {
	w.t.Helper()
	f := &findings{}
	w.asAdmin(func(admin *postgres.DB) {
		for _, who := range w.customers {
			movements := w.load.since(who, w.audited[who])
			one, err := examine(w.t.Context(), admin, who.id, movements)
			if err != nil {
				w.t.Fatal(err)
			}
			w.audited[who] += len(movements)
			f.add(one)
		}
	})
	w.report.lost += len(f.lost)
	w.report.duplicated += f.duplicated
	if len(f.lost) > 0 {
		w.report.lossy++
	}
	return f
}

// mustBeClean fails the test when something is lost, duplicated or does not add up.
func (w *world) mustBeClean() {
	w.t.Helper()
	if f := w.auditNew(); !f.clean() {
		w.t.Fatalf("seed %d, after %d kills: %s", *seed, w.report.kills, f)
	}
}

// settle ends the load and looks at everything once more.
func (w *world) settle() {
	w.t.Helper()
	w.load.finish()
	w.calm()
	w.replayAll()
	w.audited = map[*customer]int{}
	w.mustBeClean()
	w.asAdmin(func(admin *postgres.DB) {
		for _, who := range w.customers {
			var requests int
			if err := admin.Pool.QueryRow(w.t.Context(), "SELECT count(*) FROM igny8_credit_requests WHERE tenant_id = $1", int64(who.id)).
				Scan(&requests); err != nil {
				w.t.Fatal(err)
			}
			// No client is in doubt any more, so there is nothing that nobody was told of.
			if told := len(w.load.since(who, 0)); requests != told {
				w.t.Errorf("account %d: %d keys have moved credits, clients were told of %d", who.id, requests, told)
			}
		}
	})
	w.server.run(nil, "doctor")
}

// replayAll sends every movement again and compares the answers.
func (w *world) replayAll() {
	w.t.Helper()
	var clients sync.WaitGroup
	for _, who := range w.customers {
		work := make(chan *movement)
		for range clientsEach {
			s := &spender{load: w.load, who: who, client: who.client(w.load.url)}
			clients.Go(func() {
				defer s.client.http.CloseIdleConnections()
				for m := range work {
					s.again(w.t.Context(), m)
				}
			})
		}
		clients.Go(func() {
			defer close(work)
			for _, m := range w.load.since(who, 0) {
				work <- m
			}
		})
	}
	clients.Wait()
	w.calm()
	w.report.replayed = w.load.count()
}

// conclude completes the report.
func (w *world) conclude() {
	w.report.told, w.report.doubts, w.report.codes = w.load.count(), w.load.doubts(), w.load.codes
	w.report.took = time.Since(w.begin)
	reports.add(w.report)
}

func TestServer_KilledAtAnyMomentLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "the server")
	defer w.conclude()
	w.load.start("s")
	defer w.load.leave()
	for range *serverKills {
		w.atRandom()
		w.server.kill()
		w.report.ready = append(w.report.ready, w.server.start())
		w.mustBeClean()
	}
	w.settle()
	if p99 := w.report.percentile(99); p99 > *readyWithin {
		t.Errorf("ready again after %v (p99), which is to be within %v", p99, *readyWithin)
	}
}

func TestPostgres_KilledAtAnyMomentLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Postgres")
	defer w.conclude()
	w.load.start("p")
	defer w.load.leave()
	for range *postgresKills {
		w.atRandom()
		w.db.kill()
		begin := time.Now()
		w.db.start()
		w.server.waitReady()
		w.report.ready = append(w.report.ready, time.Since(begin))
		w.mustBeClean()
	}
	w.settle()
}

// The harness must be able to see a loss: here there is one.
func TestPostgres_ThatCommitsAsynchronouslyIsCaughtLosing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "Postgres, synchronous_commit off")
	defer w.conclude()
	// The server has made sure of its database; now somebody changes that, and the log is written late.
	w.db.exec(
		"ALTER ROLE "+postgres.AppRole+" SET synchronous_commit = off",
		"ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()",
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '"+postgres.AppRole+"'",
	)
	const most = 20
	for n := 0; n < *forgetfulKills || w.report.lost == 0; n++ {
		if n == most {
			t.Fatalf("seed %d: nothing is lost in %d kills: this harness would not see it if it were", *seed, n)
		}
		// New clients each time, who build on nothing that may be lost.
		w.load.start(fmt.Sprintf("f%d", n))
		w.atRandom()
		w.db.kill()
		w.load.leave()
		w.calm()
		begin := time.Now()
		w.db.start()
		w.server.waitReady()
		w.report.ready = append(w.report.ready, time.Since(begin))
		if f := w.auditNew(); f.duplicated > 0 || len(f.unsound) > 0 {
			t.Errorf("seed %d: what is left does not add up: %s", *seed, f)
		}
	}
	if out := w.refusal(); !strings.Contains(out, "synchronous_commit is off") {
		t.Errorf("a server on such a database says %s", out)
	}
}

// refusal starts the server once more and returns why it refuses to.
func (w *world) refusal() string {
	w.t.Helper()
	w.server.kill()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	cmd := w.server.command(ctx, "serve")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err == nil {
		w.t.Error("the server starts and ends in peace")
	}
	return out.String()
}
