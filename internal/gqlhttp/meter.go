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

// costReport is extensions.cost. Its names are those that clients know from Shopify's API.
type costReport struct {
	RequestedQueryCost int            `json:"requestedQueryCost"`
	ThrottleStatus     throttleStatus `json:"throttleStatus"`
}

type throttleStatus struct {
	MaximumAvailable   int     `json:"maximumAvailable"`
	CurrentlyAvailable int     `json:"currentlyAvailable"`
	RestoreRate        float64 `json:"restoreRate"`
}

// metered charges the cost, then runs, and says in the answer what it cost and what is left.
func (h *handler) metered(ctx context.Context, header http.Header, cost int, run func() answer) answer {
	if h.charge == nil {
		return run()
	}
	balance, err := h.charge(ctx, cost)
	var a answer
	if err != nil {
		a = h.refuse(ctx, err)
	} else {
		a = run()
	}
	if balance == nil {
		return a
	}
	balance.describe(header)
	extensions := map[string]any{"cost": costReport{
		RequestedQueryCost: cost,
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

// describe writes the three fields of "RateLimit Fields for HTTP" up to its sixth draft, which clients
// know: the units are the server's own there, points here. Later drafts count requests unless a unit
// is registered.
func (b *Balance) describe(header http.Header) {
	header.Set("RateLimit-Limit", strconv.Itoa(b.Limit))
	header.Set("RateLimit-Remaining", strconv.Itoa(b.Remaining))
	header.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(b.ResetAfter.Seconds()))))
}
