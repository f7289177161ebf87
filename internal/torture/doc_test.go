//go:build linux

// Package torture kills the real program and the real Postgres with SIGKILL while customers spend, and
// then looks for what was lost. `make torture` runs it at length, an ordinary test run briefly.
//
// What must always hold: every movement that a client was told of is in the ledger as it was told; no
// idempotency key moved credits twice, however often its request was sent again; the same request is
// answered with the same bytes for ever; every ledger adds up; and the server is ready again within a
// second.
//
// A client knows of a movement when it has read the whole answer. Whatever ends before that leaves the
// movement in doubt, and the client sends the same request with the same key until it is told.
//
// What a SIGKILL can take: of the server, its memory. Of Postgres, what it has not yet given to the kernel,
// which are the last pages of its log; what was written survives, on whatever file system, for the kernel
// lives on. With synchronous_commit on, a commit is acknowledged after its log was written and flushed, so
// nothing acknowledged is among that. With it off, the log writer comes later, and there is something to
// lose: that this harness sees it is a test of the harness. Losing power is another matter, which no signal
// can play: it is why the server insists on fsync and full_page_writes too.
//
// It reads /proc to find the processes of Postgres, each of which leads a session of its own, so that no
// process group holds them all.
package torture_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

// How long to torture. The defaults are for every test run.
var (
	serverKills    = flag.Int("server-kills", 5, "how often to kill the server")
	postgresKills  = flag.Int("postgres-kills", 2, "how often to kill Postgres")
	forgetfulKills = flag.Int("forgetful-kills", 1, "how often to kill a Postgres that commits asynchronously, at least; on until something is lost")
	readyWithin    = flag.Duration("ready-within", time.Minute, "the most that the 99th percentile of the server's starts may take")
	home           = flag.String("dir", "", "where Postgres keeps its data; without it, in memory where there is any to keep files in")
	programPath    = flag.String("program", "", "the igny8 to torture; without it, one that is built for this")
	seed           = flag.Uint64("seed", 0, "the seed of what clients do and when kills come; 0 takes one from the clock")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	code := m.Run()
	if testing.Verbose() {
		_, _ = fmt.Fprint(os.Stdout, reports.table())
	}
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}
