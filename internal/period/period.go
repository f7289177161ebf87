// Package period owns the arithmetic of billing periods. It is pure: instants in, instants out.
//
// Periods are half-open, [Start, End), in UTC. Boundary k of an account is its anchor plus k months,
// with the day clamped to the month's end, always computed from the anchor: Jan 31 → Feb 28 → Mar 31.
// Adding a month to the last end instead would lose the 31st for ever after one February.
//
// Everything is reckoned in UTC, whatever time zone a server or a database session is set to; a customer's
// own time zone changes how an instant is shown, never which instant it is.
package period

import (
	"math/big"
	"time"
)

// Interval is how long one period is, in months.
type Interval int

// The intervals.
const (
	Month Interval = 1
	Year  Interval = 12
)

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

// Around is the k for which t lies in [Boundary(anchor, k), Boundary(anchor, k+1)).
func Around(anchor, t time.Time) int {
	a, u := anchor.UTC(), t.UTC()
	k := (u.Year()-a.Year())*12 + int(u.Month()) - int(a.Month())
	if Boundary(anchor, k).After(t) {
		k--
	}
	return k
}

// Chain is n periods from Boundary(anchor, k) on, each of one month.
func Chain(anchor time.Time, k, n int) []Period { return Month.Chain(anchor, k, n) }

// Chain is n periods of the interval from Boundary(anchor, k) on, k in months.
func (i Interval) Chain(anchor time.Time, k, n int) []Period {
	periods := make([]Period, n)
	for j := range periods {
		from := k + j*int(i)
		periods[j] = Period{Boundary(anchor, from), Boundary(anchor, from+int(i))}
	}
	return periods
}

// Used is the part of price that falls to the time of p before t, rounded down to whole units: 0 where t
// is not after the start, all of it where t is not before the end. The rest is price less what is used, so
// that the two always add up, and however often the time is cut, the parts do.
func (p Period) Used(price int64, t time.Time) int64 {
	switch {
	case !t.After(p.Start):
		return 0
	case !t.Before(p.End):
		return price
	}
	part := new(big.Int).Mul(big.NewInt(price), big.NewInt(t.Sub(p.Start).Microseconds()))
	return part.Div(part, big.NewInt(p.End.Sub(p.Start).Microseconds())).Int64()
}

// Unused is the rest of Used: the part of price that falls to the time from t on.
func (p Period) Unused(price int64, t time.Time) int64 { return price - p.Used(price, t) }

// Days is the period of n days of 24 hours from start on.
func Days(start time.Time, n int) Period {
	return Period{start, start.Add(time.Duration(n) * 24 * time.Hour)}
}

// Instant brings t to what the database keeps: UTC, whole microseconds.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func daysIn(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// Left is the part of n things that falls to the time from t on, rounded down.
func (p Period) Left(n int64, t time.Time) int64 {
	switch {
	case !t.After(p.Start):
		return n
	case !t.Before(p.End):
		return 0
	}
	part := new(big.Int).Mul(big.NewInt(n), big.NewInt(p.End.Sub(t).Microseconds()))
	return part.Div(part, big.NewInt(p.End.Sub(p.Start).Microseconds())).Int64()
}
