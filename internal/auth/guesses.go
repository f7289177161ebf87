package auth

import (
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"igny8.com/accounts/internal/fault"
)

// Limit allows Burst attempts at once and one more after each Every.
type Limit struct {
	Burst int
	Every time.Duration
}

// Limits bound the guessing of passwords. A wrong password counts, a right one does not.
//
// None of them counts by email alone, so nobody can lock a person out from elsewhere than that
// person's own address.
type Limits struct {
	// Pair is for one email from one address.
	Pair Limit
	// Address is for one address; of IPv6, one network of 64 bits, which is what one customer has.
	Address Limit
	// All is for everybody together. It keeps the queue for the cores short, and passes in moments.
	All Limit
}

// DefaultLimits are ten guesses a quarter of an hour by email and address, a hundred by address, and
// fifty a second in all, about half of what two cores can hash at DefaultCost.
func DefaultLimits() Limits {
	return Limits{
		Pair:    Limit{Burst: 10, Every: 90 * time.Second},
		Address: Limit{Burst: 100, Every: 9 * time.Second},
		All:     Limit{Burst: 200, Every: 20 * time.Millisecond},
	}
}

// DefaultLetterLimits bound what strangers can have mailed: five letters an hour by email and address, twenty
// by address, and ten requests a second in all. Each request counts, whoever it is for. How many letters one
// person gets is bounded apart from this, for all addresses together (mail_token.go).
func DefaultLetterLimits() Limits {
	return Limits{
		Pair:    Limit{Burst: 5, Every: 12 * time.Minute},
		Address: Limit{Burst: 20, Every: 3 * time.Minute},
		All:     Limit{Burst: 100, Every: 100 * time.Millisecond},
	}
}

// remembered bounds the memory of each kind of bucket, about 15 MB. To push its own bucket out, a
// guesser needs that many addresses, and All bounds those.
const remembered = 1 << 16

// guesses counts attempts, all under one lock: each is judged and counted in one step, however many
// come at once.
type guesses struct {
	limits Limits
	// what names the attempts to whoever is refused, e.g. "attempts to sign in".
	what string

	mu        sync.Mutex
	pairs     *simplelru.LRU[pair, *bucket]
	addresses *simplelru.LRU[netip.Prefix, *bucket]
	all       *bucket
}

type pair struct {
	email   string
	address netip.Prefix
}

func newGuesses(what string, limits Limits) (*guesses, error) {
	for _, l := range []Limit{limits.Pair, limits.Address, limits.All} {
		if l.Burst < 1 || l.Every <= 0 {
			return nil, fmt.Errorf("each limit on %s needs a burst and an interval", what)
		}
	}
	pairs, err := simplelru.NewLRU[pair, *bucket](remembered, nil)
	if err != nil {
		return nil, fmt.Errorf("remember guesses: %w", err)
	}
	addresses, err := simplelru.NewLRU[netip.Prefix, *bucket](remembered, nil)
	if err != nil {
		return nil, fmt.Errorf("remember guesses: %w", err)
	}
	return &guesses{limits: limits, what: what, pairs: pairs, addresses: addresses, all: &bucket{}}, nil
}

// admit counts one attempt, or refuses it and counts nothing. Errors: THROTTLED, with
// retryAfterSeconds.
func (g *guesses) admit(email, ip string, now time.Time) error {
	address := network(ip)
	g.mu.Lock()
	defer g.mu.Unlock()
	byAddress := bucketOf(g.addresses, address)
	wait := max(g.all.wait(g.limits.All, now), byAddress.wait(g.limits.Address, now))
	// What is refused already must not push other pairs out of memory.
	if wait == 0 {
		byPair := bucketOf(g.pairs, pair{email, address})
		if wait = byPair.wait(g.limits.Pair, now); wait == 0 {
			g.all.used++
			byAddress.used++
			byPair.used++
			return nil
		}
	}
	seconds := int(math.Ceil(wait.Seconds()))
	return fault.New(fault.Throttled, "too many %s: try again in %d s", g.what, seconds).
		With("retryAfterSeconds", seconds)
}

// forgive takes back what one attempt counted for, because the password was right.
func (g *guesses) forgive(email, ip string) {
	address := network(ip)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range []*bucket{bucketOf(g.addresses, address), bucketOf(g.pairs, pair{email, address})} {
		b.used = max(0, b.used-1)
	}
}

func bucketOf[K comparable](known *simplelru.LRU[K, *bucket], key K) *bucket {
	b, found := known.Get(key)
	if !found {
		b = &bucket{}
		known.Add(key, b)
	}
	return b
}

// bucket is how many attempts were used and have not grown back; the zero bucket is unused.
type bucket struct {
	used float64
	at   time.Time
}

// wait lets attempts grow back until now and says how long it is until there is one.
func (b *bucket) wait(l Limit, now time.Time) time.Duration {
	if now.After(b.at) {
		b.used = max(0, b.used-float64(now.Sub(b.at))/float64(l.Every))
		b.at = now
	}
	if lacking := b.used + 1 - float64(l.Burst); lacking > 0 {
		return max(time.Duration(lacking*float64(l.Every)), 1)
	}
	return 0
}

// network is what an address counts as. Addresses that cannot be read count as one.
func network(ip string) netip.Prefix {
	const customer = 64
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Prefix{}
	}
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = customer
	}
	prefix, _ := address.Prefix(bits) // the bits fit the address
	return prefix
}
