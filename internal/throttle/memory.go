package throttle

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// remembered bounds how many buckets of one kind are kept, about 15 MB of them.
const remembered = 1 << 16

// Memory keeps the buckets of one server.
//
// Each kind of bucket has a memory of its own, so that a crowd of strange addresses cannot push out
// what is known of accounts. A bucket that is full again is forgotten when others come: it is as if it
// had never been. One that is not is forgotten only when its kind's memory is full.
type Memory struct {
	now  func() time.Time
	most int

	mu    sync.Mutex
	kinds map[string]*simplelru.LRU[string, *bucket]
}

var _ Store = (*Memory)(nil)

type bucket struct {
	limit  Limit
	points *rate.Limiter
}

// NewMemory makes a store without buckets.
func NewMemory() *Memory { return newMemory(time.Now, remembered) }

func newMemory(now func() time.Time, most int) *Memory {
	return &Memory{now: now, most: most, kinds: map[string]*simplelru.LRU[string, *bucket]{}}
}

// Take takes cost points from a bucket; see Store.
func (m *Memory) Take(_ context.Context, key string, limit Limit, cost int) (Status, error) {
	if err := limit.check(); err != nil {
		return Status{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	b, err := m.bucket(key, limit, now)
	if err != nil {
		return Status{}, err
	}
	cost = max(cost, 0)
	if cost > limit.Burst {
		return limit.status(false, b.points.TokensAt(now), cost), tooCostly(limit, cost)
	}
	allowed := b.points.AllowN(now, cost)
	return limit.status(allowed, b.points.TokensAt(now), cost), nil
}

// Degraded is false: nobody shares these buckets.
func (*Memory) Degraded() bool { return false }

// bucket finds a bucket or makes a full one. A bucket whose limit has changed, because its account
// moved to another plan, keeps what is in it as far as the new limit allows.
func (m *Memory) bucket(key string, limit Limit, now time.Time) (*bucket, error) {
	kind, _, _ := strings.Cut(key, ":")
	known := m.kinds[kind]
	if known == nil {
		var err error
		if known, err = simplelru.NewLRU[string, *bucket](m.most, nil); err != nil {
			return nil, fmt.Errorf("remember buckets: %w", err)
		}
		m.kinds[kind] = known
	}
	b, found := known.Get(key)
	if !found {
		forgetFull(known, now)
		b = &bucket{limit: limit, points: rate.NewLimiter(rate.Limit(limit.Rate()), limit.Burst)}
		known.Add(key, b)
	}
	if b.limit != limit {
		b.limit = limit
		b.points.SetLimitAt(now, rate.Limit(limit.Rate()))
		b.points.SetBurstAt(now, limit.Burst)
	}
	return b, nil
}

// forgetFull forgets up to two buckets that nobody has used for longest. Two for each that comes: the
// memory shrinks when a crowd has gone, and no request pays for more than its own.
func forgetFull(known *simplelru.LRU[string, *bucket], now time.Time) {
	for range 2 {
		_, b, found := known.GetOldest()
		if !found || b.points.TokensAt(now) < float64(b.limit.Burst) {
			return
		}
		known.RemoveOldest()
	}
}
