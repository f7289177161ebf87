package stripe_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/signup"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/stripe/stripetest"
	"igny8.com/accounts/internal/vault"
)

// opening is when accounts are opened, monday when everything else happens unless a test says otherwise.
var (
	opening = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	monday  = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
)

// desk is a database, a Stripe, and what asks the one for the other. Nothing comes back from Stripe by itself.
type desk struct {
	records

	fake   *stripetest.Fake
	office billing.Office
	till   *stripe.Till
	staff  account.Actor
	// loses begins the addresses of calls whose answers get lost after Stripe has done what was asked; nil for none.
	loses atomic.Pointer[string]
}

func atDesk(t *testing.T) *desk {
	t.Helper()
	sealing, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{
		records: records{pgtest.New(t, pgtest.WithMaxConns(8)), t}, fake: stripetest.New(t, monday),
		office: billing.Office{
			Bank: billing.BankDetails{Instructions: "Account 12345678", Deadline: 14 * 24 * time.Hour},
			Mail: &mail.Box{Vault: sealing, App: "https://app.test"}, StaffEmail: "money@staff.test",
		},
	}
	line := httptest.NewServer(http.HandlerFunc(d.line))
	t.Cleanup(line.Close)
	cfg := stripe.Config{SecretKey: stripetest.Key, WebhookSecrets: []string{stripetest.Secret}, APIURL: line.URL}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	d.till = stripe.New(cfg, d.App, d.office, slog.New(slog.NewTextHandler(t.Output(), nil)))
	d.staff = d.open("staff").Actor
	d.staff.User.Role = account.Developer
	d.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, d.staff.AccountID())
	return d
}

// line is the way to Stripe, on which answers get lost.
func (d *desk) line(w http.ResponseWriter, r *http.Request) {
	if loses := d.loses.Load(); r.Method == http.MethodPost && loses != nil && strings.HasPrefix(r.URL.Path, "/v1/"+*loses) {
		d.fake.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	d.fake.ServeHTTP(w, r)
}

// customer is an account with its owner.
type customer struct {
	account.Actor

	desk *desk
	// subscription is what collects for it at Stripe.
	subscription string
}

func (d *desk) open(name string) *customer {
	d.t.Helper()
	var owner *account.User
	in := signup.Request{Email: name + "@example.com", Name: name, PasswordHash: "kept"}
	opened, err := signup.Run(d.t.Context(), d.App, in, account.Origin{}, opening,
		func(_ context.Context, _ bun.Tx, u *account.User) error { owner = u; return nil })
	if err != nil {
		d.t.Fatal(err)
	}
	return &customer{Actor: account.Actor{User: owner, Account: opened}, desk: d}
}

func (c *customer) ctx() context.Context {
	return postgres.WithTenant(c.desk.t.Context(), int64(c.AccountID()))
}

// start asks for a page.
func (c *customer) start(plan, key string) (*stripe.Checkout, error) {
	return c.desk.till.StartCheckout(c.ctx(), c.Actor, monday, stripe.StartCheckout{PlanSlug: &plan, IdempotencyKey: key})
}

// asks requests a bank transfer.
func (c *customer) asks(plan, key string) *billing.Payment {
	c.desk.t.Helper()
	p, err := c.desk.office.RequestTransfer(c.ctx(), c.desk.App, c.Actor, monday,
		billing.Request{PlanSlug: plan, Months: 1, IdempotencyKey: key})
	if err != nil {
		c.desk.t.Fatal(err)
	}
	return p
}

// asked is a transfer that was requested before Stripe collected.
func (c *customer) asked(plan, key string) *billing.Payment {
	c.desk.t.Helper()
	const link = `UPDATE igny8_subscriptions SET stripe_subscription_id = ? WHERE tenant_id = ?`
	c.desk.exec(link, nil, c.AccountID())
	p := c.asks(plan, key)
	if c.subscription != "" {
		c.desk.exec(link, c.subscription, c.AccountID())
	}
	return p
}

// pays has staff confirm a payment.
func (c *customer) pays(p *billing.Payment) {
	c.desk.t.Helper()
	_, err := c.desk.office.ConfirmPayment(postgres.WithTenant(c.desk.t.Context(), int64(c.desk.staff.AccountID())), c.desk.App, c.desk.staff, monday,
		billing.Confirm{
			PaymentID: p.ID, ExternalPaymentID: "bank " + gid.Format(p.ID), Amount: p.Amount(), ReceivedOn: monday.Truncate(24 * time.Hour),
			IdempotencyKey: "confirm " + gid.Format(p.ID),
		})
	if err != nil {
		c.desk.t.Fatal(err)
	}
}

// collected lets a plan be paid for and Stripe collect for it, as it is after a checkout.
func (d *desk) collected(name, plan string, net int64) *customer {
	d.t.Helper()
	c := d.open(name)
	c.pays(c.asks(plan, "first"))
	id := d.fake.Customer(map[string]string{billing.MetaAccount: gid.Format(c.AccountID())})
	d.exec(`INSERT INTO igny8_stripe_customers (customer_id, tenant_id, livemode, created_at) VALUES (?, ?, false, ?)`, id, c.AccountID(), monday)
	subscription, _ := d.fake.Subscribe(stripetest.Terms{Customer: id, AmountMinor: net, Currency: "usd", Metadata: map[string]string{
		billing.MetaAccount: gid.Format(c.AccountID()), billing.MetaPlan: plan, billing.MetaNet: strconv.FormatInt(net, 10),
	}})
	d.fake.Set(subscription, stripetest.Object{"status": "active"})
	d.exec(`UPDATE igny8_subscriptions SET stripe_subscription_id = ? WHERE tenant_id = ?`, subscription, c.AccountID())
	d.exec(`INSERT INTO igny8_stripe_subscriptions (tenant_id, subscription_id, customer_id, status, cancelling, plan_slug, amount_minor, currency, version, seen_at, created_at)
		VALUES (?, ?, ?, 'active', false, ?, ?, 'USD', 1, ?, ?)`, c.AccountID(), subscription, id, plan, net, monday, monday)
	c.subscription = subscription
	return c
}

// there is the subscription as Stripe has it.
func (c *customer) there() string {
	c.desk.t.Helper()
	s := c.desk.fake.Get(c.subscription)
	items, _ := s["items"].(map[string]any)
	data, _ := items["data"].([]any)
	item, _ := data[0].(map[string]any)
	price, _ := item["price"].(map[string]any)
	meta, _ := s["metadata"].(map[string]any)
	return fmt.Sprint(s["status"], " ", s["cancel_at_period_end"], " ", meta[billing.MetaPlan], " ", price["unit_amount"])
}

// wishes are the pushes of the account: kind, status, what is wanted.
func (c *customer) wishes() string {
	c.desk.t.Helper()
	return c.desk.text(`SELECT coalesce(string_agg(kind || ' ' || status, ', ' ORDER BY id), '') FROM igny8_stripe_pushes WHERE tenant_id = ?`, c.AccountID())
}

// pushAll does what waits, oldest first.
func (c *customer) pushAll() {
	c.desk.t.Helper()
	for _, id := range c.desk.numbers(`SELECT id FROM igny8_stripe_pushes WHERE tenant_id = ? AND status = 'pending' ORDER BY id`, c.AccountID()) {
		if err := c.push(id, false); err != nil {
			c.desk.t.Fatal(err)
		}
	}
}

func (c *customer) push(id int64, last bool) error {
	return c.desk.till.Push(c.desk.t.Context(), c.AccountID(), id, last, monday)
}

// newest is the number of the newest push.
func (c *customer) newest() int64 {
	c.desk.t.Helper()
	return c.desk.numbers(`SELECT max(id) FROM igny8_stripe_pushes WHERE tenant_id = ?`, c.AccountID())[0]
}

func (d *desk) numbers(query string, args ...any) []int64 {
	d.t.Helper()
	var ids []int64
	if err := d.Admin.NewRaw(query, args...).Scan(d.t.Context(), &ids); err != nil {
		d.t.Fatal(err)
	}
	return ids
}

// posts are how often something was made or changed at Stripe by calls to addresses that begin so.
func (d *desk) posts(prefix string) int {
	n := 0
	for _, call := range d.fake.Calls() {
		if strings.HasPrefix(call, "POST /v1/"+prefix) {
			n++
		}
	}
	return n
}

// told checks what a command was refused for: code and field.
func told(t *testing.T, err error, want string) {
	t.Helper()
	got := "nothing"
	if f := fault.Of(err); len(f) > 0 {
		got = strings.TrimSpace(string(f[0].Code) + " " + strings.Join(f[0].Field, "."))
	} else if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("refused for %q, want %q", got, want)
	}
}

func dollars(minor int64) money.Money { return money.Money{Minor: minor, Currency: "USD"} }
