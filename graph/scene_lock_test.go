package graph

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/throttle"
)

// Fifty requests of an account, by people and by keys, wait for its row, which somebody else has locked. Its
// neighbours read, write and sign in meanwhile, on a server as it is shipped: four connections, forty
// requests of an account at once.
func TestLockedAccount_DoesNotDelayItsNeighbours(t *testing.T) {
	t.Parallel()
	s, o, owner, first, _ := partnered(t)
	inFlight, err := throttle.NewInFlight(throttle.DefaultRunning, throttle.DefaultWaiting)
	if err != nil {
		t.Fatal(err)
	}
	s.r.InFlight = inFlight
	s.setPlan(o, "enterprise")
	number := o.accountNumber()
	n := s.signUp("neighbour@example.com", "Neighbour")
	s.setPlan(n, "enterprise")
	neighbour := s.as(n.token)
	site := neighbour.makeSite("Theirs")
	key, _ := neighbour.makeKey(site, "SITES_READ", "CREDITS")
	client := func(c *caller) *caller {
		c.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		t.Cleanup(c.client.CloseIdleConnections)
		return c
	}
	neighbour, theirKey := client(neighbour), client(s.withKey(key))

	secret, _ := owner.makeKey(first, "CREDITS")
	crowd := []*caller{client(owner), client(s.withKey(secret)), client(s.as(o.member("ed@example.com", account.Editor).token))}
	tx, err := s.db.Admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), `SELECT FROM igny8_tenants JOIN igny8_credit_accounts ON tenant_id = id WHERE id = ? FOR UPDATE`, number); err != nil {
		t.Fatal(err)
	}
	const requests = 50
	answers := make(chan string, requests)
	for i := range requests {
		go func() {
			r, err := crowd[i%len(crowd)].ask(t.Context(), mutationOf("spendCredits", "transaction { id }"),
				input(map[string]any{"operation": "CLUSTERING", "idempotencyKey": fmt.Sprint("locked ", i)}))
			if err != nil {
				answers <- err.Error()
				return
			}
			answers <- r.text
		}()
	}
	// As many as get a connection wait in the database, the others before it.
	eventually(t, "the requests wait", func() bool {
		return scan[int](s.api, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
	})

	var took []time.Duration
	timed := func(what string, run func()) {
		began := time.Now()
		run()
		d := time.Since(began)
		took = append(took, d)
		if limit := 2 * time.Second; d > limit { // the promise is 250 ms; this machine does other things too
			t.Errorf("%s took %s", what, d)
		}
	}
	for i := range 40 {
		timed("reading", func() { neighbour.do(`{ account { credits { available } } sites { totalCount } }`, nil).ok() })
		timed("writing", func() {
			neighbour.run("updateSite", map[string]any{"siteId": site, "name": fmt.Sprint("Name ", i)}, "site { id }").done()
		})
		timed("spending by a key", func() {
			theirKey.run("spendCredits", map[string]any{"operation": "CLUSTERING", "siteId": site, "idempotencyKey": strconv.Itoa(i)}, "").done()
		})
		timed("a stranger's reading", func() { s.nobody().do(`{ plans { slug } }`, nil).ok() })
		if i%10 == 0 {
			timed("signing in", func() { s.entering("neighbour@example.com", password).done() })
		}
	}
	if len(answers) > 0 {
		t.Errorf("the account's own requests did not wait: %s", <-answers)
	}
	slices.Sort(took)
	t.Logf("%d requests of neighbours beside %d that wait: p50 %s, p99 %s, the longest %s", len(took), requests,
		took[len(took)/2], took[len(took)*99/100], took[len(took)-1])

	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for range requests {
		select {
		case text := <-answers:
			if !strings.Contains(text, `"userErrors":[]`) || !strings.Contains(text, "ctx_") {
				t.Errorf("when the row was free: %s", text)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("a request was never answered")
		}
	}
	if n := scan[int](s.api, `SELECT count(*) FROM igny8_credit_transactions WHERE tenant_id = ? AND idempotency_key LIKE '%locked %'`, number); n != requests {
		t.Errorf("%d of %d were written", n, requests)
	}
}
