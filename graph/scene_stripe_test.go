package graph

import (
	"fmt"
	"testing"
)

const retry = `mutation($in: RetryStripeEventInput!) {
	retryStripeEvent(input: $in) { event { id status error attempts account { slug } } userErrors { code field message } } }`

// tell leaves an event of Stripe, and is its global id. account is 0 where it is not known.
func (a *api) tell(name, kind, status, why string, account int64) string {
	a.t.Helper()
	a.exec(`INSERT INTO igny8_stripe_events (event_id, type, livemode, api_version, object_type, object_id, created, received_at, status, error, tenant_id, updated_at)
		VALUES (?0, ?1, false, '', 'invoice', 'in_1', now(), current_timestamp, ?2, nullif(?3, ''), nullif(?4, 0), now())`, name, kind, status, why, account)
	return fmt.Sprintf("sevt_%d", scan[int64](a, `SELECT id FROM igny8_stripe_events WHERE event_id = ?`, name))
}

func TestStripeEvents_AreForStaffToSeeAndToRetry(t *testing.T) {
	t.Parallel()
	a := serve(t)
	staff := a.staff()
	ada := a.signUp("ada@example.com", "Ada Example")
	dead := a.tell("evt_1", "invoice.paid", "dead", "another sum", ada.accountNumber())
	unknown := a.tell("evt_2", "charge.refunded", "dead", "nobody's", 0)
	done := a.tell("evt_3", "invoice.paid", "done", "", ada.accountNumber())
	own := a.tell("evt_4", "invoice.paid", "dead", "another sum", staff.accountNumber())
	other := a.tell("evt_5", "invoice.paid", "dead", "it is of Stripe's other mode, live or test, than this service's key", 0)

	list := func(filter string) *answer {
		t.Helper()
		return staff.do(`{ stripeEvents(filter: {`+filter+`}) { totalCount nodes { id stripeId type status error account { slug } } } }`, nil).ok()
	}
	list("").want("stripeEvents.totalCount", 5).want("stripeEvents.nodes.0.id", other)
	list("status: DEAD").want("stripeEvents.totalCount", 4)
	list(`type: "charge.refunded"`).want("stripeEvents.totalCount", 1).want("stripeEvents.nodes.0.account", "<nil>")
	list(`status: DEAD, accountId: "`+fmt.Sprint("acct_", ada.accountNumber())+`"`).want("stripeEvents.totalCount", 1).
		want("stripeEvents.nodes.0.id", dead).want("stripeEvents.nodes.0.account.slug", "ada-example")
	staff.do(`{ stripeEvents(filter: { accountId: "site_1" }) { totalCount } }`, nil).refused("INVALID_ID")
	ada.do(`{ stripeEvents { totalCount } }`, nil).refused("FORBIDDEN")
	ada.do(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": dead}).ok().want("node", "<nil>")
	staff.do(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": dead}).ok().want("node", "<nil>")
	staff.do(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": unknown}).ok().want("node.id", unknown)

	jobs := `SELECT count(*) FROM river_job WHERE kind = 'stripe_event'`
	ada.do(retry, input(map[string]any{"eventId": dead})).refused("FORBIDDEN")
	for id, code := range map[string]string{done: "INVALID_STATE", own: "OWN_PAYMENT", other: "INVALID_STATE", "sevt_999": "NOT_FOUND", "site_1": "INVALID_ID"} {
		staff.do(retry, input(map[string]any{"eventId": id})).ok().want("retryStripeEvent.event", "<nil>").
			want("retryStripeEvent.userErrors.0.code", code).want("retryStripeEvent.userErrors.0.field", "[input eventId]")
	}
	if n := scan[int](a, jobs); n != 0 {
		t.Errorf("%d jobs were left for what is refused", n)
	}
	for range 2 { // the second finds it waiting
		for _, id := range []string{dead, unknown} {
			staff.do(retry, input(map[string]any{"eventId": id})).ok().want("retryStripeEvent.event.status", "PENDING").
				want("retryStripeEvent.event.error", "<nil>").want("retryStripeEvent.userErrors", "[]")
		}
	}
	if n := scan[int](a, jobs); n != 2 {
		t.Errorf("%d jobs were left for two events", n)
	}
	ada.do(`{ account { auditEvents(first: 100) { nodes { action subjectId } } } }`, nil).ok()
	if n := scan[int](a, `SELECT count(*) FROM igny8_audit_events WHERE action = 'stripe_event.retried' AND tenant_id = ?`, ada.accountNumber()); n != 1 {
		t.Errorf("the account's log tells of %d retries", n)
	}
}
