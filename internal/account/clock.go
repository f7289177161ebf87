package account

import (
	"time"

	"igny8.com/accounts/internal/gid"
)

// TestClock is the time of a sandbox account: it stands still, and staff advance it.
type TestClock struct {
	TenantID gid.Account
	Now      time.Time
}

// Tenant is the account whose clock it is.
func (c *TestClock) Tenant() gid.Account { return c.TenantID }

// TestClock is the account's own clock; nil for one that lives by the real time.
func (a *Account) TestClock() *TestClock {
	if a.ClockAt == nil {
		return nil
	}
	return &TestClock{TenantID: a.ID, Now: a.ClockAt.UTC()}
}

// Now is what the account takes for now: its test clock's time where it has one, and else the real one. It decides
// for whatever the account agrees on, pays, is granted and uses up. Who is let in, how often, and what is removed
// for good go by the real time.
func (a *Account) Now(actual time.Time) time.Time {
	if a == nil || a.ClockAt == nil {
		return actual
	}
	return a.ClockAt.UTC()
}
