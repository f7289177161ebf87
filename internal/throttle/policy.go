package throttle

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Policy says how large whose bucket is. One point is about one object that an answer holds.
type Policy struct {
	// Plans are the buckets of accounts, by the slug of their plan; Default is for all other plans.
	Plans   map[string]Limit
	Default Limit
	// Anonymous is for the operations of nobody in particular, by address; of IPv6, by network of 64
	// bits, which is what one customer has.
	Anonymous Limit
	// SignIn is for signing in, exchanging tokens and asking for a new password, by address, beside
	// what the operation itself costs and beside the bounds on guessing. One is one point.
	SignIn Limit
	// SignUp is for making accounts, by address, and SignUps for everybody together.
	SignUp, SignUps Limit
	// Disabled charges nothing and refuses nothing. It is for debugging alone.
	Disabled bool
}

// DefaultPolicy is the policy that the API publishes. Every account's bucket is full again after 20 s.
//
// SignUps is wide: it bounds what a crowd of addresses can do to the database, and whoever used it up
// would keep everybody else from signing up.
func DefaultPolicy() Policy {
	return Policy{
		Plans: map[string]Limit{
			"free-trial": PerSecond(1000, 50),
			"free":       PerSecond(1000, 50),
			"starter":    PerSecond(2000, 100),
			"growth":     PerSecond(4000, 200),
			"scale":      PerSecond(8000, 400),
			"enterprise": PerSecond(20_000, 1000),
		},
		Default:   PerSecond(1000, 50),
		Anonymous: PerSecond(500, 10),
		SignIn:    PerSecond(100, 1),
		SignUp:    Limit{Burst: 5, Points: 1, Every: 10 * time.Minute},
		SignUps:   Limit{Burst: 300, Points: 600, Every: time.Hour},
	}
}

// ForPlan is the bucket of an account on the plan with that slug.
func (p Policy) ForPlan(slug string) Limit {
	if limit, ok := p.Plans[slug]; ok {
		return limit
	}
	return p.Default
}

func (p Policy) check() error {
	limits := map[string]Limit{
		"default": p.Default, "anonymous": p.Anonymous, "sign-in": p.SignIn, "sign-up": p.SignUp, "sign-ups": p.SignUps,
	}
	for slug, limit := range p.Plans {
		limits["plan "+slug] = limit
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if err := limits[name].check(); err != nil {
			return fmt.Errorf("throttle %s: %w", name, err)
		}
	}
	return nil
}

// network is what an address counts as. Addresses that cannot be read count as one.
func network(ip string) string {
	const customer = 64
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown"
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(customer)
	if err != nil { // cannot happen: 64 bits fit
		return "unknown"
	}
	return prefix.String()
}
