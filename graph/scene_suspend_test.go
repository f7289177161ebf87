package graph

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
)

// attempt is one request: when it began, and what came of it.
type attempt struct {
	began time.Time
	what  string
	code  string
}

// crowd is people and programs that ask without pause until they are told to stop.
type crowd struct {
	attempts [][]attempt
	asked    atomic.Int64
	stop     context.CancelFunc
	all      sync.WaitGroup
}

// hammer lets each caller run the operations in turn. An operation is made anew each time.
func hammer(t *testing.T, callers []*caller, operations func(caller, n int) (query string, variables map[string]any)) *crowd {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &crowd{attempts: make([][]attempt, len(callers)), stop: stop}
	t.Cleanup(stop)
	for i, who := range callers {
		c.all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				query, variables := operations(i, n)
				began := time.Now()
				r, err := who.ask(t.Context(), query, variables)
				if err != nil {
					t.Error(err)
					return
				}
				c.attempts[i] = append(c.attempts[i], attempt{began, query, r.code()})
				c.asked.Add(1)
			}
		})
	}
	return c
}

// more waits until so many requests more were answered.
func (c *crowd) more(t *testing.T, n int64) {
	t.Helper()
	limit := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := c.asked.Load() + n; c.asked.Load() < until; {
		select {
		case <-limit:
			t.Fatalf("%d requests were answered in a minute", c.asked.Load())
		case <-tick.C:
		}
	}
}

// end stops them and returns everything that they tried.
func (c *crowd) end() []attempt {
	c.stop()
	c.all.Wait()
	return slices.Concat(c.attempts...)
}

// While sixteen people and keys work without pause, staff suspend their account: no request that began
// after staff had the answer succeeds, however it came in.
func TestSuspension_HoldsForEveryRequestThatBeginsAfterIt(t *testing.T) {
	t.Parallel()
	s, o, owner, first, _ := partnered(t)
	number := o.accountNumber()
	s.exec(`UPDATE igny8_tenants SET status = 'active' WHERE id = ?`, number)
	s.setPlan(o, "enterprise")
	staff := s.as(s.staff().token)
	staff.run("adjustCredits", map[string]any{"accountId": o.accountID(), "amount": 1_000_000, "reason": "x", "idempotencyKey": "k"}, "").done()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	t.Cleanup(client.CloseIdleConnections)
	var callers []*caller
	for i := range 8 {
		role := []account.Role{account.Owner, account.Admin, account.Editor, account.Editor}[i%4]
		person := owner
		if role != account.Owner {
			person = s.as(o.member(fmt.Sprintf("p%d@example.com", i), role).token)
		}
		secret, _ := owner.makeKey(first, "SITES_READ", "CREDITS", "SYNC")
		callers = append(callers, person, s.withKey(secret))
	}
	for _, c := range callers {
		c.client = client
	}
	for round := range 3 {
		busy := hammer(t, callers, func(i, n int) (string, map[string]any) {
			id := fmt.Sprintf("%d-%d-%d", round, i, n)
			spend := map[string]any{"operation": "CLUSTERING", "idempotencyKey": id}
			key := i%2 == 1
			switch {
			case key && n%3 == 0: // a key's read
				return `{ sites { nodes { name } } viewer { role } }`, nil
			case key && n%3 == 1:
				return mutationOf("recordSyncEvent", "event { id }"),
					input(map[string]any{"kind": "PUBLISH", "direction": "TO_SITE", "outcome": "SUCCEEDED", "externalId": id})
			case !key && n%3 == 0:
				return mutationOf("createSite", "site { id }"), input(map[string]any{"name": id, "domain": "x.example.com"})
			case !key && n%3 == 1 && callers[i] != owner && i%4 == 0: // below admin reading is shut too
				return `{ account { name } }`, nil
			default:
				return mutationOf("spendCredits", "credits { available }"), input(spend)
			}
		})
		busy.more(t, 100)
		staff.run("suspendAccount", map[string]any{"accountId": o.accountID(), "reason": supportCase}, "").done()
		answered := time.Now()
		busy.more(t, 200)
		attempts := busy.end()
		before, after := 0, 0
		for _, a := range attempts {
			switch {
			case !a.began.After(answered):
				if a.code == "" {
					before++
				}
			case a.code != "ACCOUNT_SUSPENDED":
				t.Errorf("%s after the suspension, %s succeeded or failed otherwise: %q", a.began.Sub(answered), a.what, a.code)
			default:
				after++
			}
		}
		t.Logf("%d requests succeeded before, %d were refused after", before, after)
		if before < 50 || after < 100 {
			t.Errorf("%d succeeded before and %d were refused after: too few to tell", before, after)
		}
		// The owner and admins read, and take what is theirs along.
		owner.do(`{ account { status } sites { totalCount } }`, nil).ok().want("account.status", "SUSPENDED")
		if r := s.export(owner.authorization()); r.status != http.StatusOK {
			t.Errorf("the owner's export: %d %s", r.status, r.text)
		}
		staff.run("reactivateAccount", map[string]any{"accountId": o.accountID(), "reason": supportCase}, "").done()
		owner.run("spendCredits", map[string]any{"operation": "CLUSTERING", "idempotencyKey": fmt.Sprint("after ", round)}, "").done()
	}
}
