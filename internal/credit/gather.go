package credit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

const (
	// maxGroup is how many movements share a transaction: beyond it a commit is cheap already, and all of
	// them wait for the slowest.
	maxGroup = 128
	// maxWaiting is how many movements of one account wait for their turn in one process.
	maxWaiting = 4096
	// retryWhenFull is what those beyond that are told, in seconds.
	retryWhenFull = 1
)

// place is where movements gather: those of one account through one pool, and staff's apart, whose
// transactions see more.
type place struct {
	pool   *sql.DB
	tenant gid.Account
	staff  bool
}

// queues are the movements under way in this process, by place. A place is here while there are any.
//
// The first movement to come to a place runs at once. Those that come while it runs wait, and are the next
// group: nobody waits for company, and the longer a transaction takes, the more of them share the next one.
var queues = struct {
	sync.Mutex

	of map[place]*queue
}{of: map[place]*queue{}}

type queue struct{ waiting []*movement }

// waiting is how a movement's caller and its group know of each other. It changes behind the queues' lock.
type waiting struct {
	done  chan struct{}
	group *group // nil until it runs
	gone  bool   // nobody waits for it any more
}

// group are the movements that share a transaction. When all of their callers are gone, so is the group.
type group struct {
	callers int
	cancel  context.CancelFunc
}

// gather has a movement done together with others, and waits for what comes of it.
//
// A caller whose context ends gets the context's error at once. Its movement is then left out if it has not
// begun to run; if it has, it may be committed all the same for the sake of the others, and the same key asks
// what became of it.
func gather(ctx context.Context, db bun.IDB, at place, m *movement) (*Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.waiting = waiting{done: make(chan struct{})}
	queues.Lock()
	q, busy := queues.of[at]
	if !busy {
		q = &queue{}
		queues.of[at] = q
	}
	if len(q.waiting) >= maxWaiting {
		queues.Unlock()
		return nil, fault.New(fault.Throttled, "too many movements of this account's credits wait").
			With("retryAfterSeconds", retryWhenFull)
	}
	q.waiting = append(q.waiting, m)
	queues.Unlock()
	if !busy {
		go q.run(context.WithoutCancel(ctx), db, at)
	}
	select {
	case <-m.done:
		return m.result, m.err
	case <-ctx.Done():
	}
	if !q.leave(m) {
		<-m.done
		return m.result, m.err
	}
	return nil, ctx.Err()
}

// leave gives a movement up; false where it is done already.
func (q *queue) leave(m *movement) bool {
	queues.Lock()
	defer queues.Unlock()
	select {
	case <-m.done:
		return false
	default:
	}
	m.gone = true
	if m.group == nil {
		q.waiting = slices.DeleteFunc(q.waiting, func(w *movement) bool { return w == m })
		return true
	}
	m.group.callers--
	if m.group.callers == 0 {
		m.group.cancel()
	}
	return true
}

// run does group after group until nobody waits.
func (q *queue) run(ctx context.Context, db bun.IDB, at place) {
	for {
		running, cancel := context.WithCancel(ctx)
		members := q.next(at, cancel)
		if members == nil {
			cancel()
			return
		}
		outcomes(running, db, at.tenant, members)
		cancel()
		queues.Lock()
		for _, m := range members {
			close(m.done)
		}
		queues.Unlock()
		if len(members) > 1 {
			// Those who were answered and come again join the next group, rather than the one after it.
			runtime.Gosched()
		}
	}
}

// next takes those who wait; nil where there are none, and the place is given up.
func (q *queue) next(at place, cancel context.CancelFunc) []*movement {
	queues.Lock()
	defer queues.Unlock()
	if len(q.waiting) == 0 {
		delete(queues.of, at)
		return nil
	}
	n := min(len(q.waiting), maxGroup)
	members := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	g := &group{callers: n, cancel: cancel}
	for _, m := range members {
		m.group = g
	}
	return members
}

// outcomes tells each member what became of it. A group that fails as a whole is done again one by one, so
// that only those fail that would have failed alone. What the first try may have committed all the same is
// recalled by its key.
func outcomes(ctx context.Context, db bun.IDB, tenant gid.Account, members []*movement) {
	err := guarded(ctx, db, tenant, members)
	if err == nil {
		return
	}
	if len(members) == 1 || !onesOwn(ctx, err) {
		for _, m := range members {
			m.result, m.err = nil, err
		}
		return
	}
	for _, m := range members {
		if isGone(m) {
			continue
		}
		if err := guarded(ctx, db, tenant, []*movement{m}); err != nil {
			m.result, m.err = nil, err
		}
	}
}

func isGone(m *movement) bool {
	queues.Lock()
	defer queues.Unlock()
	return m.gone
}

// guarded is performAll, in which a panic is an error: it must not end the process, which those who wait
// could not prevent.
func guarded(ctx context.Context, db bun.IDB, tenant gid.Account, members []*movement) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a movement of credits panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return performAll(ctx, db, tenant, members)
}

// onesOwn says whether a group's failure may be that of one of its members. The lock that nobody got, and
// the end of all callers, are everybody's.
func onesOwn(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, errNoLedger) {
		return false
	}
	const queryCanceled, lockNotAvailable = "57014", "55P03"
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return !ok || pgErr.Code != queryCanceled && pgErr.Code != lockNotAvailable
}
