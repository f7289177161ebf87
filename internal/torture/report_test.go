//go:build linux

package torture_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// report is what one torture came to.
type report struct {
	victim     string
	kills      int
	told       int // movements that clients were told of
	doubts     int // of them, those that were sent more than once before they were answered
	replayed   int // asked for once more at the end, and answered with the same bytes
	lost       int
	lossy      int // kills that lost something
	duplicated int64
	ready      []time.Duration
	codes      map[string]int
	took       time.Duration
}

// percentile is the time within which so many of a hundred starts were ready.
func (r *report) percentile(p int) time.Duration {
	if len(r.ready) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.ready))
	return sorted[(len(sorted)*p+99)/100-1].Round(time.Millisecond)
}

// reports are those of all tests.
var reports = &collection{}

type collection struct {
	mu  sync.Mutex
	all []*report
}

func (c *collection) add(r *report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, r)
}

func (c *collection) table() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == 0 {
		return ""
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nSIGKILL to\tkills\tmovements told\tin doubt, then told\treplayed equal\tlost\tin kills\tduplicated\tready p50\tp99\tmax\ttook")
	for _, r := range c.all {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%v\t%v\t%v\t%v\n", r.victim, r.kills, r.told, r.doubts, r.replayed,
			r.lost, r.lossy, r.duplicated, r.percentile(50), r.percentile(99), r.percentile(100), r.took.Round(time.Second))
	}
	_ = w.Flush()
	for _, r := range c.all {
		var codes []string
		for _, code := range slices.Sorted(maps.Keys(r.codes)) {
			codes = append(codes, fmt.Sprintf("%d %s", r.codes[code], code))
		}
		_, _ = fmt.Fprintf(&text, "%s: sent again after %s\n", r.victim, strings.Join(codes, ", "))
	}
	_, _ = fmt.Fprintf(&text, "seed %d\n", *seed)
	return text.String()
}
