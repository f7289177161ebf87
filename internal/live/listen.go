package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/postgres"
)

const (
	// probeEvery is after how long without a notice the connection is asked whether it still is one.
	probeEvery = 30 * time.Second
	// patience is how long a statement of the connection may take.
	patience = 5 * time.Second

	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
)

// Exchange brings notices of changes from all servers to this one's hub, and this one's to all.
type Exchange struct {
	hub *Hub
	db  *postgres.DB
	log *slog.Logger
	out *outbox
}

// NewExchange makes the exchange of a server whose commands write through db.
func NewExchange(db *postgres.DB, hub *Hub, log *slog.Logger) *Exchange {
	return &Exchange{hub: hub, db: db, log: log, out: newOutbox()}
}

// Run exchanges notices until ctx ends. Only one of a DB may run at a time.
func (x *Exchange) Run(ctx context.Context) {
	x.db.OnAnnounce(x.out.add)
	defer x.db.OnAnnounce(nil)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		x.send(ctx)
	}()
	x.listen(ctx)
	<-sent
}

// listen keeps one connection of its own, beside the pool: it is held for as long as the server runs, and
// must not be one of the few that requests share.
func (x *Exchange) listen(ctx context.Context) {
	pause, broken := shortestPause, false
	for ctx.Err() == nil {
		err := x.hear(ctx, func() {
			if broken {
				x.log.Info("live events are heard of again")
			}
			pause, broken = shortestPause, false
		})
		if ctx.Err() != nil {
			return
		}
		if !broken {
			x.log.Warn("live events are not heard of: connecting again", slog.Any("error", err))
		}
		broken = true
		wait := time.NewTimer(pause/2 + rand.N(pause)) //nolint:gosec // spreads servers, guards nothing
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		wait.Stop()
		pause = min(2*pause, longestPause)
	}
}

// hear listens on one connection until it breaks, and says when it began to.
func (x *Exchange) hear(ctx context.Context, begun func()) error {
	conn, err := x.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		_ = conn.Close(closing) // whatever became of it, it is not used again
	}()
	begun()
	// Whatever was told before, while nobody listened.
	x.hub.wakeAll()
	for {
		notice, err := await(ctx, conn)
		if err != nil {
			return err
		}
		if notice != "" {
			x.receive(notice)
		}
	}
}

func (x *Exchange) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cfg := x.db.Pool.Config().ConnConfig.Copy()
	cfg.Tracer = nil
	cfg.RuntimeParams["application_name"] += " live"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("listen: %w", err)
	}
	return conn, nil
}

// await is the next notice; none where there was none for a while but the connection still is one.
func await(ctx context.Context, conn *pgx.Conn) (string, error) {
	waiting, cancel := context.WithTimeout(ctx, probeEvery)
	defer cancel()
	notice, err := conn.WaitForNotification(waiting)
	if err == nil {
		return notice.Payload, nil
	}
	if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return "", fmt.Errorf("wait for a notice: %w", err)
	}
	probing, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := conn.Ping(probing); err != nil {
		return "", fmt.Errorf("probe: %w", err)
	}
	return "", nil
}

// receive wakes those whom a notice concerns.
func (x *Exchange) receive(notice string) {
	for text := range strings.SplitSeq(notice, "\n") {
		if text == everything {
			x.hub.wakeAll()
			return
		}
		if t, ok := readTopic(text); ok {
			x.hub.wake(t)
		}
	}
}
