package stripe_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/jobs"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/signup"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/stripe/stripetest"
	"igny8.com/accounts/internal/vault"
)

// start is when accounts are opened, now when everything else happens unless a test says otherwise.
var (
	start = time.Date(2026, 1, 17, 8, 0, 0, 0, time.UTC)
	now   = time.Date(2026, 1, 20, 9, 0, 0, 0, time.UTC)
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// shop is a database, a Stripe and what stands between them.
type shop struct {
	records

	fake   *stripetest.Fake
	office billing.Office
	till   *stripe.Till
	hook   http.Handler

	mu    sync.Mutex
	clock time.Time
}

func open(t *testing.T, options ...func(*stripe.Config)) *shop {
	t.Helper()
	sealing, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{
		records: records{pgtest.New(t, pgtest.WithMaxConns(8)), t}, fake: stripetest.New(t, now), clock: now,
		office: billing.Office{
			Bank: billing.BankDetails{Instructions: "Account 12345678", Deadline: 14 * 24 * time.Hour},
			Mail: &mail.Box{Vault: sealing, App: "https://app.test"},
		},
	}
	s.till = s.tillOf(s.office, options...)
	s.hook = s.till.Webhook(s.time, refuse)
	return s
}

// tillOf is a till that works with an office.
func (s *shop) tillOf(office billing.Office, options ...func(*stripe.Config)) *stripe.Till {
	s.t.Helper()
	cfg := stripe.Config{SecretKey: stripetest.Key, WebhookSecrets: []string{stripetest.Secret}, APIURL: s.fake.URL}
	for _, option := range options {
		option(&cfg)
	}
	if err := cfg.Check(); err != nil {
		s.t.Fatal(err)
	}
	return stripe.New(cfg, s.App, office, s.logger())
}

func (s *shop) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s.t.Output(), nil)) }

func (s *shop) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

// at moves all clocks.
func (s *shop) at(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = now
	s.fake.SetNow(now)
}

func refuse(w http.ResponseWriter, _ *http.Request, status int, why *fault.Error) {
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, why.Code, " ", why.Message)
}

// payer is an account with its owner, its customer at Stripe and a checkout that it began.
type payer struct {
	account.Actor

	shop     *shop
	customer string
	checkout int64
}

func (s *shop) payer(name string) *payer {
	s.t.Helper()
	var owner *account.User
	in := signup.Request{Email: name + "@example.com", Name: name, PasswordHash: "kept"}
	opened, err := signup.Run(s.t.Context(), s.App, in, account.Origin{}, start,
		func(_ context.Context, _ bun.Tx, u *account.User) error { owner = u; return nil })
	if err != nil {
		s.t.Fatal(err)
	}
	p := &payer{Actor: account.Actor{User: owner, Account: opened}, shop: s}
	p.customer = s.fake.Customer(map[string]string{billing.MetaAccount: gid.Format(opened.ID)})
	s.exec(`INSERT INTO igny8_stripe_customers (customer_id, tenant_id, livemode, created_at) VALUES (?, ?, false, ?)`, p.customer, opened.ID, now)
	p.checkout = p.begin("subscription", nil)
	return p
}

// begin writes a checkout.
func (p *payer) begin(mode string, payment *gid.Payment) (id int64) {
	p.shop.t.Helper()
	err := p.shop.Admin.NewRaw(`INSERT INTO igny8_stripe_checkouts (tenant_id, mode, plan_id, payment_id, status, idempotency_key, fingerprint,
			created_by, created_at, expires_at, updated_at)
		SELECT ?0, ?1, id, ?2, 'started', gen_random_uuid()::text, '', ?3, ?4, ?4, ?4 FROM igny8_plans WHERE slug = 'starter' RETURNING id`,
		p.AccountID(), mode, payment, p.User.ID, now).Scan(p.shop.t.Context(), &id)
	if err != nil {
		p.shop.t.Fatal(err)
	}
	return id
}

// says is what a subscription of the payer says about itself.
func (p *payer) says(plan string, net int64) map[string]string {
	return map[string]string{
		billing.MetaAccount: gid.Format(p.AccountID()), billing.MetaPlan: plan, billing.MetaNet: strconv.FormatInt(net, 10),
		billing.MetaCheckout: strconv.FormatInt(p.checkout, 10),
	}
}

// subscribe begins a subscription to the plan starter.
func (p *payer) subscribe() (subscription, invoice string) {
	return p.shop.fake.Subscribe(stripetest.Terms{
		Customer: p.customer, AmountMinor: 8900, Currency: "usd", Metadata: p.says("starter", 8900),
	})
}

// deliver sends events and does their jobs, one after the other.
func (s *shop) deliver(events ...stripetest.Event) {
	s.t.Helper()
	for _, e := range events {
		if code := stripetest.Deliver(s.t, s.hook, e, s.time()); code != http.StatusOK {
			s.t.Fatalf("%s is answered with %d", e.Type, code)
		}
		if err := s.work(e.ID, false); err != nil {
			s.t.Fatalf("%s: %v", e.Type, err)
		}
	}
}

func (s *shop) work(event string, last bool) error {
	s.t.Helper()
	var id int64
	if err := s.Admin.NewRaw(`SELECT id FROM igny8_stripe_events WHERE event_id = ?`, event).Scan(s.t.Context(), &id); err != nil {
		s.t.Fatal(err)
	}
	return s.till.Work(s.t.Context(), id, last, s.time())
}

// told are the events of the types that the fake told, the last of each, in the order of the types.
func (s *shop) told(types ...string) []stripetest.Event {
	s.t.Helper()
	var found []stripetest.Event
	for _, kind := range types {
		n := len(found)
		for _, e := range s.fake.Events() {
			if e.Type == kind {
				found = append(found[:n:n], e)
			}
		}
		if len(found) == n {
			s.t.Fatalf("nothing of the type %s was told", kind)
		}
	}
	return found
}

// since are the events that were told after the first n.
func (s *shop) since(n int) []stripetest.Event { return s.fake.Events()[n:] }

// records are a test's database, past every wall.
type records struct {
	*pgtest.DB

	t *testing.T
}

func (r records) exec(query string, args ...any) {
	r.t.Helper()
	if _, err := r.Admin.NewRaw(query, args...).Exec(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r records) text(query string, args ...any) string {
	r.t.Helper()
	var text string
	if err := r.Admin.NewRaw(query, args...).Scan(r.t.Context(), &text); err != nil {
		r.t.Fatal(err)
	}
	return text
}

// state is all that Stripe may change in an account, without instants and numbers.
func (p *payer) state() string {
	p.shop.t.Helper()
	const days = `round(extract(epoch FROM end_at - start_at) / 86400)`
	parts := []struct{ name, query string }{
		{"account", `SELECT concat_ws(' ', a.status, p.slug) FROM igny8_tenants a JOIN igny8_plans p ON p.id = a.plan_id WHERE a.id = ?0`},
		{"agreement", `SELECT concat_ws(' ', status, payment_method, cancel_at_period_end, stripe_subscription_id IS NOT NULL, anchor IS NOT NULL)
			FROM igny8_subscriptions WHERE tenant_id = ?0`},
		{"periods", `SELECT string_agg(concat_ws(' ', kind, CASE WHEN ` + days + ` < 1 THEN 0 ELSE ` + days + ` END, price_minor), ', ' ORDER BY start_at) FROM igny8_subscription_periods WHERE tenant_id = ?0`},
		{"payments", `SELECT string_agg(concat_ws(' ', method, status, months, amount_minor, currency, purpose, requested_by), ', ' ORDER BY id) FROM igny8_payments WHERE tenant_id = ?0`},
		{"documents", `SELECT string_agg(concat_ws(' ', kind, total_minor), ', ' ORDER BY id) FROM igny8_invoices WHERE tenant_id = ?0`},
		{"ledger", `SELECT string_agg(concat_ws(' ', type, amount, balance_after), ', ' ORDER BY seq) FROM igny8_credit_transactions WHERE tenant_id = ?0`},
		{"grants", `SELECT string_agg(concat_ws(' ', kind, amount, remaining), ', ' ORDER BY id) FROM igny8_credit_grants WHERE tenant_id = ?0`},
		{"letters", `SELECT string_agg(kind, ', ' ORDER BY kind) FROM igny8_mails WHERE tenant_id = ?0`},
		{"subscriptions", `SELECT string_agg(concat_ws(' ', status, cancelling, plan_slug, amount_minor), ', ' ORDER BY subscription_id) FROM igny8_stripe_subscriptions WHERE tenant_id = ?0`},
		{"invoices", `SELECT string_agg(concat_ws(' ', status, amount_minor, payment_id IS NOT NULL, told_at IS NOT NULL), ', ' ORDER BY invoice_id) FROM igny8_stripe_invoices WHERE tenant_id = ?0`},
		{"refunds", `SELECT string_agg(concat_ws(' ', amount_minor), ', ' ORDER BY amount_minor) FROM igny8_stripe_refunds WHERE tenant_id = ?0`},
		{"events", `SELECT string_agg(DISTINCT status, ', ') FROM igny8_stripe_events WHERE tenant_id = ?0`},
	}
	var b strings.Builder
	for _, part := range parts {
		fmt.Fprintf(&b, "%s: %s\n", part.name, p.shop.text(`SELECT coalesce((`+part.query+`), '')`, p.AccountID()))
	}
	return b.String()
}

// crew works on jobs until the test ends.
func (s *shop) crew(n int) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	for range n {
		crew := jobs.New(jobs.Config{
			DB: s.App, Office: s.office, Log: s.logger(), Clock: s.time, Stripe: jobs.Stripe{Event: s.till.Work, Waiting: s.till.Waiting},
		})
		all.Go(func() {
			if err := crew.Run(ctx); err != nil {
				s.t.Error(err)
			}
		})
	}
	s.t.Cleanup(func() { cancel(); all.Wait() })
}

// eventually waits for a query to answer what is wanted.
func (s *shop) eventually(want, query string, args ...any) {
	s.t.Helper()
	looks, end := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer looks.Stop()
	for {
		got := s.text(query, args...)
		if got == want {
			return
		}
		select {
		case <-looks.C:
		case <-end:
			s.t.Fatalf("%s\nis %q and not %q", query, got, want)
		}
	}
}
