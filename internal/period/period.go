// Package period owns the arithmetic of billing periods. It is pure: instants in, instants out.
//
// Periods are half-open, [Start, End), in UTC. Boundary k of an account is its anchor plus k months,
// with the day clamped to the month's end, always computed from the anchor: Jan 31 → Feb 28 → Mar 31.
// Adding a month to the last end instead would lose the 31st for ever after one February.
package period

import "time"

// Period is the time from Start until just before End.
type Period struct {
	Start, End time.Time
}

// Contains says whether t lies in the period.
func (p Period) Contains(t time.Time) bool { return !t.Before(p.Start) && t.Before(p.End) }

// Boundary is anchor plus k months (k may be negative): the same time of day on the anchor's day of
// the month, or on the month's last day where it has no such day.
func Boundary(anchor time.Time, k int) time.Time {
	a := anchor.UTC()
	first := time.Date(a.Year(), a.Month(), 1, a.Hour(), a.Minute(), a.Second(), a.Nanosecond(), time.UTC).AddDate(0, k, 0)
	return first.AddDate(0, 0, min(a.Day(), daysIn(first))-1)
}

// Index is the k for which t is Boundary(anchor, k); false when t is no boundary.
func Index(anchor, t time.Time) (int, bool) {
	a, u := anchor.UTC(), t.UTC()
	k := (u.Year()-a.Year())*12 + int(u.Month()) - int(a.Month())
	return k, Boundary(anchor, k).Equal(t)
}

// Chain is n periods from Boundary(anchor, k) on, each of one month.
func Chain(anchor time.Time, k, n int) []Period {
	periods := make([]Period, n)
	for i := range periods {
		periods[i] = Period{Boundary(anchor, k+i), Boundary(anchor, k+i+1)}
	}
	return periods
}

// Days is the period of n days of 24 hours from start on.
func Days(start time.Time, n int) Period {
	return Period{start, start.Add(time.Duration(n) * 24 * time.Hour)}
}

// Instant brings t to what the database keeps: UTC, whole microseconds.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func daysIn(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
