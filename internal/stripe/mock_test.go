package stripe_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// mock is stripe-mock, which knows no state but judges every request by Stripe's own description of its API: addresses,
// names and kinds of parameters, what is needed. Its description is of a version two months newer than the library's.
type mock struct {
	t    *testing.T
	to   *url.URL
	mu   sync.Mutex
	seen map[string]int
}

// findMock builds stripe-mock. Where that cannot be done the test is skipped; IGNY8_REQUIRE_STRIPE_MOCK forbids that.
func findMock(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stripe-mock")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/stripe/stripe-mock")
	build.Dir = filepath.Join("..", "..", "tools")
	said, err := build.CombinedOutput()
	if err == nil {
		return program
	}
	if os.Getenv("IGNY8_REQUIRE_STRIPE_MOCK") != "" {
		t.Fatalf("IGNY8_REQUIRE_STRIPE_MOCK is set, but stripe-mock cannot be built: %v\n%s", err, said)
	}
	t.Skipf("stripe-mock cannot be built; type: cd tools && go mod download github.com/stripe/stripe-mock (%v)\n%s", err, said)
	return ""
}

var listens = regexp.MustCompile(`Listening for HTTP at address: (127\.0\.0\.1:\d+)`)

// runMock runs stripe-mock until the test ends.
func runMock(t *testing.T) *mock {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	run := exec.CommandContext(ctx, findMock(t), "-http-addr", "127.0.0.1:", "-https-addr", "127.0.0.1:")
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = run.Wait() })
	found := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := listens.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
			}
		}
	}()
	select {
	case address := <-found:
		return &mock{t: t, to: &url.URL{Scheme: "http", Host: address}, seen: map[string]int{}}
	case <-time.After(time.Minute):
		t.Fatal("stripe-mock does not say where it listens")
		return nil
	}
}

var ids = regexp.MustCompile(`/(cus|sub|in|pi|ch|re|cs_test|bps|il|si)_[A-Za-z0-9_]+`)

// ServeHTTP notes what was asked, and fails the test where stripe-mock refuses it. What is then answered is the fake's,
// which has a state.
func (m *mock) through(fake http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			m.t.Error(err)
		}
		to := *m.to
		to.Path, to.RawQuery = r.URL.Path, r.URL.RawQuery
		asked, err := http.NewRequestWithContext(r.Context(), r.Method, to.String(), bytes.NewReader(body))
		if err != nil {
			m.t.Error(err)
			return
		}
		asked.Header = r.Header.Clone()
		judged, err := http.DefaultClient.Do(asked)
		if err != nil {
			m.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			return
		}
		said, _ := io.ReadAll(judged.Body)
		_ = judged.Body.Close()
		call := r.Method + " " + ids.ReplaceAllString(r.URL.Path, "/:id")
		if judged.StatusCode != http.StatusOK {
			m.t.Errorf("%s is refused with %d: %s\nasked: %s%s", call, judged.StatusCode, said, r.URL.RawQuery, body)
		}
		m.mu.Lock()
		m.seen[call]++
		m.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		fake.ServeHTTP(w, r)
	})
}

// Every request that we send is one that Stripe describes.
func TestTill_AsksOnlyWhatStripeDescribes(t *testing.T) {
	t.Parallel()
	m := runMock(t)
	d := atDesk(t)
	way := httptest.NewServer(m.through(d.fake))
	t.Cleanup(way.Close)
	d.till = stripe.New(stripe.Config{SecretKey: stripetest.Key, WebhookSecrets: []string{stripetest.Secret}, APIURL: way.URL},
		d.App, d.office, slog.New(slog.NewTextHandler(t.Output(), nil)))

	// Pages: a plan with tax, twice, so that the first is closed; one payment; the portal; a page again.
	c := d.open("ada")
	d.exec(`UPDATE igny8_tenants SET tax_rate = 1900 WHERE id = ?`, c.AccountID())
	for _, key := range []string{"first", "second", "second"} {
		if _, err := c.start("starter", key); err != nil {
			t.Fatal(err)
		}
	}
	p := c.asks("growth", "asked")
	if _, err := d.till.StartCheckout(c.ctx(), c.Actor, monday, stripe.StartCheckout{PaymentID: &p.ID, IdempotencyKey: "pay"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.till.OpenPortal(c.ctx(), c.Actor, nil); err != nil {
		t.Fatal(err)
	}

	// Wishes: each kind, also to take back a day that was set by hand.
	a := d.collected("bob", "growth", 13900)
	a.cancels()
	a.pushAll()
	a.resumes()
	a.pushAll()
	d.fake.Set(a.subscription, stripetest.Object{"cancel_at": monday.Add(time.Hour).Unix()})
	a.cancels()
	a.pushAll()
	a.resumes()
	a.pushAll()
	a.moves("starter")
	a.pushAll()
	d.exec(`UPDATE igny8_tenants SET tax_rate = 1900 WHERE id = ?`, a.AccountID())
	a.resumes()
	a.pushAll()
	invoice := d.fake.Renew(a.subscription)
	d.fake.Pay(invoice)
	if err := a.push(a.givesBack(a.paidThere(invoice), 5000), false); err != nil {
		t.Fatal(err)
	}
	session := d.fake.Session(d.fake.Customer(nil), "payment", 13900, "usd", nil)
	d.fake.Complete(session, false)
	intent, _ := d.fake.Get(session)["payment_intent"].(string)
	if err := a.push(a.givesBack(a.paidThere(intent), 5000), false); err != nil {
		t.Fatal(err)
	}
	a.counts("in_never", 100)
	d.compare()
	d.exec(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, subscription_id, status, created_at, updated_at) VALUES (?, 'end', ?, 'pending', ?2, ?2)`,
		a.AccountID(), a.subscription, monday)
	a.pushAll()
	d.compare()
	d.exec(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, wanted, status, created_at, updated_at)
		SELECT tenant_id, 'customer', jsonb_build_object('customer', customer_id), 'pending', ?1, ?1 FROM igny8_stripe_customers WHERE tenant_id = ?0`, a.AccountID(), monday)
	a.pushAll()

	if failed := d.text(`SELECT coalesce(string_agg(kind || ': ' || error, ', '), '') FROM igny8_stripe_pushes WHERE status <> 'done'`); failed != "" {
		t.Errorf("not done: %s", failed)
	}
	var calls []string
	for call := range m.seen {
		calls = append(calls, call)
	}
	slices.Sort(calls)
	want := []string{
		"DELETE /v1/customers/:id", "DELETE /v1/subscriptions/:id", "GET /v1/checkout/sessions/:id", "GET /v1/invoice_payments", "GET /v1/invoices", "GET /v1/invoices/:id",
		"GET /v1/payment_intents/:id", "GET /v1/refunds", "GET /v1/subscriptions", "GET /v1/subscriptions/:id", "POST /v1/billing_portal/sessions",
		"POST /v1/checkout/sessions", "POST /v1/checkout/sessions/:id/expire", "POST /v1/customers", "POST /v1/products", "POST /v1/refunds",
		"POST /v1/subscriptions/:id",
	}
	if !slices.Equal(calls, want) {
		t.Errorf("tried are\n%s\nwant\n%s", strings.Join(calls, "\n"), strings.Join(want, "\n"))
	}
}

// stripe-mock does refuse what Stripe does not describe, or this would show nothing.
func TestTill_IsJudgedByAMockThatRefuses(t *testing.T) {
	t.Parallel()
	m := runMock(t)
	for _, form := range []string{"cancel_at_period_end=perhaps", "no_such_parameter=1", "items[0][price_data][currency]=usd"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.to.String()+"/v1/subscriptions/sub_1", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+stripetest.Key)
		r.Header.Set("Stripe-Version", stripe.Version)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered with %d", form, a.StatusCode)
		}
	}
}
