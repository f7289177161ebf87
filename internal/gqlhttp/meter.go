package gqlhttp

import (
	"context"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Balance is the bucket of points that a request paid from, as the request left it.
type Balance struct {
	// Limit is what the bucket holds when it is full, Remaining what it holds now, in points.
	Limit, Remaining int
	// RestoreRate is how many points come back each second.
	RestoreRate float64
	// ResetAfter is how long it is until the bucket is full.
	ResetAfter time.Duration
}

// costReport is extensions.cost. Its names are those that clients know from Shopify's API. The actual cost
// is what was taken from the bucket: what was requested, or nothing from those who are refused for it.
type costReport struct {
	RequestedQueryCost int            `json:"requestedQueryCost"`
	ActualQueryCost    int            `json:"actualQueryCost"`
	ThrottleStatus     throttleStatus `json:"throttleStatus"`
}

type throttleStatus struct {
	MaximumAvailable   int     `json:"maximumAvailable"`
	CurrentlyAvailable int     `json:"currentlyAvailable"`
	RestoreRate        float64 `json:"restoreRate"`
}

// metered charges the cost, then runs, and says in the answer what it cost and what is left.
func (h *handler) metered(ctx context.Context, header http.Header, cost int, run func(context.Context) answer) answer {
	if h.charge == nil {
		return run(ctx)
	}
	balance, err := h.charge(ctx, cost)
	var a answer
	paid := cost
	if err != nil {
		a, paid = h.refuse(ctx, err), 0
	} else {
		a = run(withReceipt(ctx, paid, balance))
	}
	if balance == nil {
		return a
	}
	balance.describe(header)
	extensions := map[string]any{costExtension: costReport{
		RequestedQueryCost: cost,
		ActualQueryCost:    paid,
		ThrottleStatus: throttleStatus{
			MaximumAvailable:   balance.Limit,
			CurrentlyAvailable: balance.Remaining,
			RestoreRate:        balance.RestoreRate,
		},
	}}
	maps.Copy(extensions, a.extensions)
	a.extensions = extensions
	return a
}

// costExtension and balanceHeaders are where answers say what a request paid and what is left.
const costExtension = "cost"

var balanceHeaders = [...]string{"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}

// describe writes the three fields of "RateLimit Fields for HTTP" up to its sixth draft, which clients
// know: the units are the server's own there, points here. Later drafts count requests unless a unit
// is registered.
func (b *Balance) describe(header http.Header) {
	values := [...]int{b.Limit, b.Remaining, int(math.Ceil(b.ResetAfter.Seconds()))}
	for i, name := range balanceHeaders {
		header.Set(name, strconv.Itoa(values[i]))
	}
}

// RateLimit is what a request paid and what it left in the bucket.
type RateLimit struct {
	Cost, Limit, Remaining int
	RestoreRate            float64
	// ResetAt is when the bucket is full if nobody else takes from it.
	ResetAt time.Time
}

type receiptKey struct{}

type receipt struct {
	cost    int
	balance *Balance
}

func withReceipt(ctx context.Context, cost int, balance *Balance) context.Context {
	return context.WithValue(ctx, receiptKey{}, receipt{cost, balance})
}

// RateLimitAt is what the request of ctx paid at now; nil where nothing is counted.
func RateLimitAt(ctx context.Context, now time.Time) *RateLimit {
	r, paid := ctx.Value(receiptKey{}).(receipt)
	if !paid || r.balance == nil {
		return nil
	}
	b := r.balance
	return &RateLimit{
		Cost: r.cost, Limit: b.Limit, Remaining: b.Remaining, RestoreRate: b.RestoreRate,
		ResetAt: now.Add(b.ResetAfter).Truncate(time.Microsecond),
	}
}
