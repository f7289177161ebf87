package main

import (
	"context"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/signup"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/stripe/stripetest"
)

// cashier is a database, a Stripe, and an account for which that collects.
type cashier struct {
	*pgtest.DB

	t    *testing.T
	fake *stripetest.Fake
	env  map[string]string
	// account and subscription are whose and what collects.
	account      gid.Account
	subscription string
}

func atStripe(t *testing.T) *cashier {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	c := &cashier{DB: pgtest.New(t), t: t, fake: stripetest.New(t, now.Add(-time.Hour))}
	c.env = map[string]string{
		"DATABASE_URL": c.URL(postgres.AppRole), "IGNY8_STRIPE_SECRET_KEY": stripetest.Key, "IGNY8_STRIPE_WEBHOOK_SECRETS": stripetest.Secret,
		"IGNY8_STRIPE_API_URL": c.fake.URL,
	}
	opened, err := signup.Run(t.Context(), c.App, signup.Request{Email: "ada@example.com", Name: "Ada", PasswordHash: "kept"}, account.Origin{},
		now.Add(-time.Hour), func(context.Context, bun.Tx, *account.User) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	c.account = opened.ID
	customer := c.fake.Customer(nil)
	c.subscription, _ = c.fake.Subscribe(stripetest.Terms{Customer: customer, AmountMinor: 8900, Currency: "usd", Metadata: map[string]string{
		billing.MetaAccount: gid.Format(c.account), billing.MetaPlan: opened.Slug, billing.MetaNet: "8900",
	}})
	c.fake.Set(c.subscription, stripetest.Object{"status": "active"})
	c.exec(`INSERT INTO igny8_stripe_customers (customer_id, tenant_id, livemode, created_at) VALUES (?, ?, false, now())`, customer, c.account)
	c.exec(`UPDATE igny8_subscriptions SET stripe_subscription_id = ?, cancel_at_period_end = true WHERE tenant_id = ?`, c.subscription, c.account)
	return c
}

func (c *cashier) exec(query string, args ...any) {
	c.t.Helper()
	if _, err := c.Admin.NewRaw(query, args...).Exec(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cashier) text(query string, args ...any) string {
	c.t.Helper()
	var text string
	if err := c.Admin.NewRaw(query, args...).Scan(c.t.Context(), &text); err != nil {
		c.t.Fatal(err)
	}
	return text
}

// givenUp leaves what Stripe could not be had to do, and gives its number.
func (c *cashier) givenUp() int64 {
	c.t.Helper()
	var id int64
	err := c.Admin.NewRaw(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, subscription_id, wanted, status, attempts, error, created_at, updated_at)
		VALUES (?, 'cancel', ?, '{"atPeriodEnd": true}', 'failed', 12, 'Stripe was away', now(), now()) RETURNING id`, c.account, c.subscription).
		Scan(c.t.Context(), &id)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

func TestStripeReconcile_EndsWithOneWhereSomethingDiffersAndNamesIt(t *testing.T) {
	t.Parallel()
	c := atStripe(t)
	reconcile := func(args ...string) result {
		return command(t.Context(), c.env, append([]string{"stripe", "reconcile"}, args...)...)
	}
	differs := reconcile()
	what := "subscription_cancellation  " + c.subscription + "  " + gid.Format(c.account) + "  here: ends with what is paid for  there: goes on"
	if differs.code != exitFailure || len(differs.problems(t)) != 1 || !strings.Contains(differs.stdout, what) ||
		!strings.Contains(differs.stdout, "compared 1 subscriptions") {
		t.Fatalf("%+v", differs)
	}
	if n := c.text(`SELECT count(*)::text FROM igny8_stripe_drifts WHERE resolved_at IS NULL`); n != "1" {
		t.Errorf("%s are kept", n)
	}
	c.fake.CancelAtPeriodEnd(c.subscription, true)
	if mended := reconcile(); mended.code != exitOK || mended.stderr != "" || !strings.Contains(mended.stdout, "0 differ, 0 of them new, 1 differ no more") {
		t.Errorf("%+v", mended)
	}

	// A paid invoice of which nobody told is left for a server to take in; what is older than is asked for is not looked at.
	c.fake.SetNow(time.Now().AddDate(0, 0, -10))
	c.fake.Pay(c.fake.Renew(c.subscription))
	if short := reconcile("--days=5"); short.code != exitOK || !strings.Contains(short.stdout, "0 paid invoices") {
		t.Errorf("%+v", short)
	}
	untold := reconcile("--days=20")
	if untold.code != exitFailure || !strings.Contains(untold.stdout, "1 paid invoices of which nobody told are taken in now") {
		t.Errorf("%+v", untold)
	}
	if n := c.text(`SELECT count(*)::text FROM river_job WHERE kind = 'stripe_event'`); n != "1" {
		t.Errorf("%s jobs take it in", n)
	}

	c.fake.FailNext(100)
	if away := reconcile(); away.code != exitFailure || len(away.problems(t)) != 1 || away.stdout != "" {
		t.Errorf("Stripe is away: %+v", away)
	}
}

func TestStripeRetry_HasWhatWasGivenUpTriedAgain(t *testing.T) {
	t.Parallel()
	c := atStripe(t)
	push := c.givenUp()
	retry := func(account string, push int64) result {
		return command(t.Context(), c.env, "stripe", "retry", account, strconv.FormatInt(push, 10))
	}
	for what, refused := range map[string]result{
		"another number": retry(gid.Format(c.account), push+1), "another account": retry(gid.Format(c.account+1), push),
	} {
		if refused.code != exitFailure || len(refused.problems(t)) != 1 || refused.stdout != "" {
			t.Errorf("%s: %+v", what, refused)
		}
	}
	if got := retry(gid.Format(c.account), push); got.code != exitOK || got.stdout != "it is tried again\n" || got.stderr != "" {
		t.Fatalf("%+v", got)
	}
	if n := c.text(`SELECT count(*)::text FROM river_job WHERE kind = 'stripe_push' AND (args->>'push')::bigint = ?`, push); n != "1" {
		t.Errorf("%s jobs do it", n)
	}
	till := stripe.New(stripe.Config{SecretKey: stripetest.Key, WebhookSecrets: []string{stripetest.Secret}, APIURL: c.fake.URL}, c.App,
		billing.Office{}, slog.New(slog.DiscardHandler))
	if err := till.Push(t.Context(), c.account, push, false, time.Now()); err != nil {
		t.Fatal(err)
	}
	if ends := c.fake.Get(c.subscription)["cancel_at_period_end"]; ends != true {
		t.Errorf("Stripe ends it: %v", ends)
	}
	if again := retry(gid.Format(c.account), push); again.code != exitFailure {
		t.Errorf("what is done is tried again: %+v", again)
	}
	// Something newer took its place.
	older := c.givenUp()
	c.exec(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, subscription_id, status, created_at, updated_at) VALUES (?, 'end', ?, 'pending', now(), now())`,
		c.account, c.subscription)
	if got := retry(gid.Format(c.account), older); got.code != exitFailure || c.text(`SELECT status FROM igny8_stripe_pushes WHERE id = ?`, older) != "failed" {
		t.Errorf("an older wish over a newer one: %+v", got)
	}
}

func TestStripe_SaysWhatIsWrongWithHowItIsCalled(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATABASE_URL": "postgres://nowhere.invalid/x", "IGNY8_STRIPE_SECRET_KEY": stripetest.Key, "IGNY8_STRIPE_WEBHOOK_SECRETS": stripetest.Secret}
	without := func(name string) map[string]string {
		less := maps.Clone(env)
		delete(less, name)
		return less
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"nothing":         {env, nil, ""},
		"no days":         {env, []string{"reconcile", "--days=0"}, "--days"},
		"too many days":   {env, []string{"reconcile", "--days=3651"}, "--days"},
		"no account":      {env, []string{"retry", "site_30", "1"}, "site_30"},
		"no number":       {env, []string{"retry", "acct_30", "x"}, ""},
		"no key":          {without("IGNY8_STRIPE_SECRET_KEY"), []string{"reconcile"}, "IGNY8_STRIPE_SECRET_KEY"},
		"no database":     {without("DATABASE_URL"), []string{"retry", "acct_30", "1"}, "DATABASE_URL"},
		"no secret at it": {without("IGNY8_STRIPE_WEBHOOK_SECRETS"), []string{"reconcile"}, "IGNY8_STRIPE_WEBHOOK_SECRETS"},
	} {
		got := command(t.Context(), c.env, append([]string{"stripe"}, c.args...)...)
		if got.code != exitUsage || got.stdout != "" || !strings.Contains(strings.Join(got.problems(t), "\n"), c.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
