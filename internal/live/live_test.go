package live_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/live"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
)

const soon = 20 * time.Second

// exchange runs one until the test ends, or until stop is called.
func exchange(t *testing.T, db *postgres.DB, hub *live.Hub) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { live.NewExchange(db, hub, slog.New(slog.DiscardHandler)).Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// watch counts how often a topic is told of.
func watch(hub *live.Hub, topic live.Topic) (told chan struct{}, stop func()) {
	told = make(chan struct{}, 10_000)
	return told, hub.Watch(topic, func() { told <- struct{}{} })
}

func await(t *testing.T, told chan struct{}, what string) {
	t.Helper()
	select {
	case <-told:
	case <-time.After(soon):
		t.Fatalf("not told of %s", what)
	}
}

func commit(t *testing.T, db *postgres.DB, do func(ctx context.Context, tx bun.Tx) error) {
	t.Helper()
	if err := postgres.InTx(t.Context(), db, do); err != nil {
		t.Fatal(err)
	}
}

func TestExchange_TellsThoseWhoWatchTheTopicAndNobodyElse(t *testing.T) {
	t.Parallel()
	db, hub := pgtest.New(t), live.NewHub()
	exchange(t, db.App, hub)
	mine, other := live.Topic{Account: 30, Kind: live.Payment, Subject: 8}, live.Topic{Account: 31, Kind: live.Payment, Subject: 8}
	told, stop := watch(hub, mine)
	others, _ := watch(hub, other)
	await(t, told, "the beginning")
	await(t, others, "the beginning")
	commit(t, db.App, func(ctx context.Context, tx bun.Tx) error { return live.Notify(ctx, tx, mine) })
	await(t, told, "a notice")
	commit(t, db.App, func(ctx context.Context, _ bun.Tx) error { live.Announce(ctx, mine); return nil })
	await(t, told, "an announcement")
	// Notices that are none of ours are passed over.
	for _, text := range []string{"", "payment", "payment:30", "payment:x:8", "payment:30:8:9", ":30:8"} {
		if _, err := db.Admin.NewRaw("SELECT pg_notify('igny8_live', ?)", text).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	stop()
	commit(t, db.App, func(ctx context.Context, tx bun.Tx) error { return live.Notify(ctx, tx, mine) })
	commit(t, db.App, func(ctx context.Context, tx bun.Tx) error { return live.Notify(ctx, tx, other) })
	await(t, others, "what comes after what is not watched any more")
	if len(told)+len(others) != 0 || hub.Watched() != 1 {
		t.Errorf("told %d and %d times more, %d watch", len(told), len(others), hub.Watched())
	}
}

// What changes a thousand times is told of a few times, the last time included; many accounts at once need
// few notices, and what was pending when the server stops is told by then.
func TestExchange_GathersWhatChangesOften(t *testing.T) {
	t.Parallel()
	db, hub := pgtest.New(t), live.NewHub()
	stop := exchange(t, db.App, hub)
	hot := live.Topic{Account: 1, Kind: live.Credits}
	told, _ := watch(hub, hot)
	await(t, told, "the beginning")
	began := time.Now()
	for range 1000 {
		commit(t, db.App, func(ctx context.Context, _ bun.Tx) error { live.Announce(ctx, hot); return nil })
	}
	took := time.Since(began)
	await(t, told, "a change")
	if most := int(took/(50*time.Millisecond)) + 2; len(told) > most {
		t.Errorf("told %d times in %s", len(told), took)
	}
	var all []chan struct{}
	for n := range 2000 {
		each, _ := watch(hub, live.Topic{Account: gid.Account(n + 2), Kind: live.Credits})
		all = append(all, each)
	}
	commit(t, db.App, func(ctx context.Context, _ bun.Tx) error {
		for n := range 2000 {
			live.Announce(ctx, live.Topic{Account: gid.Account(n + 2), Kind: live.Credits})
		}
		return nil
	})
	for n, each := range all {
		await(t, each, fmt.Sprintf("account %d", n+2))
	}
	stop()
}

// A server that stops leaves nothing behind.
func TestExchange_LeavesNothingBehind(t *testing.T) { //nolint:paralleltest // it looks at all goroutines
	db := pgtest.New(t)
	before := goleak.IgnoreCurrent()
	hub := live.NewHub()
	stop := exchange(t, db.App, hub)
	told, leave := watch(hub, live.Topic{Account: 1, Kind: live.Sync})
	await(t, told, "the beginning")
	leave()
	stop()
	goleak.VerifyNone(t, before, goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
	if n := hub.Watched(); n != 0 {
		t.Errorf("%d watch", n)
	}
}
