package graph

import (
	"net/http"
	"strings"
	"testing"
)

const startCheckout = `mutation($in: StartCheckoutInput!) {
	startCheckout(input: $in) { checkout { url expiresAt } userErrors { code field message } } }`

const openPortal = `mutation($in: OpenBillingPortalInput!) { openBillingPortal(input: $in) { url userErrors { code field } } }`

func TestCheckout_LeadsOwnersToStripe(t *testing.T) {
	t.Parallel()
	a := serve(t)
	ada := a.signUp("ada@example.com", "Ada Example")
	in := map[string]any{"planSlug": "starter", "idempotencyKey": "k"}
	ada.do(openPortal, input(map[string]any{})).ok().want("openBillingPortal.userErrors.0.code", "INVALID_STATE")
	page := ada.do(startCheckout, input(in)).ok().want("startCheckout.userErrors", "[]")
	url, _ := page.get("startCheckout.checkout.url").(string)
	if !strings.HasPrefix(url, "https://checkout.stripe.test/") {
		t.Fatalf("it leads to %q", url)
	}
	ada.do(startCheckout, input(in)).ok().want("startCheckout.checkout.url", url)
	ada.do(openPortal, input(map[string]any{"returnUrl": "https://app.test/bills"})).ok().want("openBillingPortal.userErrors", "[]")

	ada.do(startCheckout, input(map[string]any{"planSlug": "growth", "idempotencyKey": "k"})).ok().
		want("startCheckout.userErrors.0.code", "IDEMPOTENCY_CONFLICT").want("startCheckout.userErrors.0.field", "[input idempotencyKey]")
	ada.do(startCheckout, input(map[string]any{"planSlug": "starter", "successUrl": "https://evil.test", "cancelUrl": "javascript:1", "idempotencyKey": "e"})).ok().
		want("startCheckout.userErrors.0.field", "[input successUrl]").want("startCheckout.userErrors.1.field", "[input cancelUrl]").
		want("startCheckout.checkout", "<nil>")
	ada.do(startCheckout, input(map[string]any{"paymentId": "site_1", "idempotencyKey": "e"})).ok().want("startCheckout.userErrors.0.code", "INVALID_ID")

	a.fake.FailNext(2)
	ada.do(startCheckout, input(map[string]any{"planSlug": "starter", "idempotencyKey": "down"})).refused("UNAVAILABLE")
}

// A server without Stripe says so, and does everything else as ever.
func TestCheckout_SaysThatStripeIsNotSetUp(t *testing.T) {
	t.Parallel()
	a := serve(t, func(r *Resolver, _ *Config, _ *func(http.Handler) http.Handler) { r.Stripe = nil })
	ada := a.signUp("ada@example.com", "Ada Example")
	ada.do(startCheckout, input(map[string]any{"planSlug": "starter", "idempotencyKey": "k"})).ok().want("startCheckout.checkout", "<nil>").
		want("startCheckout.userErrors.0.code", "PAYMENT_METHOD_UNAVAILABLE").
		want("startCheckout.userErrors.0.message", "Stripe is not set up; pay by bank transfer")
	ada.do(openPortal, input(map[string]any{})).ok().want("openBillingPortal.userErrors.0.code", "PAYMENT_METHOD_UNAVAILABLE")
}

func TestStripe_ShowsStaffWhatDiffersAndWhatIsNotDone(t *testing.T) {
	t.Parallel()
	a := serve(t)
	staff, ada := a.staff(), a.signUp("ada@example.com", "Ada Example")
	a.exec(`INSERT INTO igny8_stripe_drifts (kind, object_id, tenant_id, ours, theirs, found_at, seen_at, resolved_at) VALUES
		('subscription_plan', 'sub_1', ?0, 'growth', 'starter', now() - interval '1 day', now(), NULL), ('amount_differs', 'in_1', NULL, '', '', now(), clock_timestamp(), now())`, ada.accountNumber())
	a.exec(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, subscription_id, status, error, attempts, created_at, updated_at)
		VALUES (?0, 'cancel', 'sub_1', 'failed', 'the subscription is over at Stripe', 1, now(), now()), (?0, 'end', 'sub_1', 'done', NULL, 1, now(), now())`, ada.accountNumber())
	const drifts = `{ stripeDrifts { totalCount nodes { kind objectId account { slug } ours theirs foundAt seenAt resolvedAt } } }`
	staff.do(drifts, nil).ok().want("stripeDrifts.totalCount", 1).want("stripeDrifts.nodes.0.kind", "SUBSCRIPTION_PLAN").
		want("stripeDrifts.nodes.0.account.slug", "ada-example").want("stripeDrifts.nodes.0.theirs", "starter")
	staff.do(`{ stripeDrifts(open: false) { totalCount nodes { objectId account { slug } } } }`, nil).ok().want("stripeDrifts.totalCount", 2).
		want("stripeDrifts.nodes.0.account", "<nil>")
	const pushes = `{ stripePushes(status: FAILED) { totalCount nodes { number kind status subscriptionId paymentId error attempts account { slug } } } }`
	staff.do(pushes, nil).ok().want("stripePushes.totalCount", 1).want("stripePushes.nodes.0.kind", "CANCEL").
		want("stripePushes.nodes.0.error", "the subscription is over at Stripe").want("stripePushes.nodes.0.account.slug", "ada-example")
	staff.do(`{ stripePushes { totalCount } }`, nil).ok().want("stripePushes.totalCount", 2)
	for _, query := range []string{drifts, pushes} {
		ada.do(query, nil).refused("FORBIDDEN")
	}
}
