package billing_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/money"
)

// back is a refund of a sum; of all that is left where minor is 0.
func back(p *billing.Payment, minor int64, key string) billing.Refund {
	in := billing.Refund{PaymentID: p.ID, Reason: "asked for", IdempotencyKey: key}
	if minor != 0 {
		in.Amount = new(usd(minor))
	}
	return in
}

// refundBy has a member of staff of a careful office refund, and says whether that was carried out.
func (h *house) refundBy(by account.Actor, in billing.Refund, at time.Time) (bool, error) {
	_, r, err := careful().RefundPayment(as(h.t.Context(), by), h.App, by, at, in)
	return r != nil, err
}

func (h *house) wantsRefund(by account.Actor, in billing.Refund, at time.Time, want bool) {
	h.t.Helper()
	if done, err := h.refundBy(by, in, at); err != nil || done != want {
		h.t.Fatalf("%s: carried out %v, want %v: %v", in.IdempotencyKey, done, want, err)
	}
}

const refunded = `SELECT status || ' ' || refunded_minor || ' in ' || (SELECT count(*) FROM igny8_refunds AS r WHERE r.tenant_id = p.tenant_id)
	FROM igny8_payments AS p WHERE tenant_id = ?`

func TestRefundPayment_TakesTwoAboveTheLimit(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner, second := h.open("ada"), h.colleague(1)
	p := h.bought(owner, 3, "B1", paid) // 267.00
	in := back(p, 0, "first")
	h.wantsRefund(h.staff, in, paid, false)
	h.want(owner, refunded, "confirmed 0 in 0")
	h.want(owner, standing, "active/active trial,paid,paid,paid")
	h.want(owner, notes, "")
	if got := h.ledger(owner); got != "3000 debt 0" || h.approvals(p) != 1 {
		t.Errorf("after a first word credits are %s", got)
	}
	before, rows := h.trace(owner), h.rows()
	h.wantsRefund(h.staff, in, paid, false) // the same request again
	say := func(by account.Actor, minor int64, change func(*billing.Refund)) error {
		in := back(p, minor, "n")
		change(&in)
		_, err := h.refundBy(by, in, paid)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		code fault.Code
		at   string
	}{
		"the same person":              {say(h.staff, 0, func(*billing.Refund) {}), fault.SecondApproverNeeded, "[paymentId]"},
		"the same person, in numbers":  {say(h.staff, 26700, func(in *billing.Refund) { in.EndNow = new(true) }), fault.SecondApproverNeeded, "[paymentId]"},
		"another sum":                  {say(second, 20000, func(*billing.Refund) {}), fault.ApprovalMismatch, "[amount]"},
		"another end":                  {say(second, 0, func(in *billing.Refund) { in.EndNow = new(false) }), fault.ApprovalMismatch, "[endNow]"},
		"another currency":             {say(second, 0, func(in *billing.Refund) { in.Amount = &money.Money{Minor: 26700, Currency: "EUR"} }), fault.CurrencyMismatch, "[amount currencyCode]"},
		"a cent more":                  {say(second, 26701, func(*billing.Refund) {}), fault.Invalid, "[amount amount]"},
		"the first one's key, changed": {say(h.staff, 20000, func(in *billing.Refund) { in.IdempotencyKey = "first" }), fault.IdempotencyConflict, "[idempotencyKey]"},
	} {
		if faults := fault.Of(c.err); len(faults) != 1 || faults[0].Code != c.code || fmt.Sprint(faults[0].Field) != c.at {
			t.Errorf("%s: %v, want %s at %s", name, c.err, c.code, c.at)
		}
	}
	if h.trace(owner) != before || h.rows() != rows {
		t.Errorf("refusals wrote: %s\nbefore: %s", h.rows(), rows)
	}
	// Somebody else, who says the sum and gives a reason of their own, under the same key.
	same := back(p, 26700, "first")
	same.Reason = "as agreed by phone"
	h.wantsRefund(second, same, paid, true)
	h.want(owner, refunded, "refunded 26700 in 1")
	h.want(owner, standing, "suspended/expired trial,paid")
	h.wantsRefund(second, same, paid, true)
	h.want(owner, `SELECT string_agg(concat_ws(' ', action, after->>'what', after->>'amount', after->>'timeEnds'), ', ' ORDER BY id) FROM igny8_audit_events
		WHERE tenant_id = ? AND action IN ('payment.approved', 'payment.refunded')`, "payment.approved refund 267.00 USD true, payment.refunded 267.00 USD")
	if n := count(t, h.DB, `SELECT count(*) FROM igny8_refunds WHERE created_by = ?`, second.User.ID); n != 1 {
		t.Error("it is not the second one's")
	}
}

func TestRefundPayment_CountsWhatWentBackBefore(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner, second := h.open("ada"), h.colleague(1)
	p := h.bought(owner, 4, "B1", paid) // 356.00
	h.wantsRefund(h.staff, back(p, 6000, "1"), paid, true)
	h.wantsRefund(h.staff, back(p, 4000, "2"), paid, true) // the very limit
	h.wantsRefund(h.staff, back(p, 1, "3"), paid, false)
	h.wantsRefund(second, back(p, 1, "3"), paid, true)
	// The words that were carried out count for no refund after it, even the same one, whoever says it.
	h.wantsRefund(h.staff, back(p, 1, "4"), paid, false)
	h.want(owner, refunded, "confirmed 10001 in 3")
	h.wantsRefund(second, back(p, 1, "5"), paid, true)
	h.wantsRefund(second, back(p, 1, "6"), paid, false)
	// Nor does what was said of the payment's confirmation, or before somebody made a refund at Stripe.
	key := billing.PaymentKey{Tenant: owner.AccountID(), Payment: p.ID}
	if err := careful().RefundFromStripe(t.Context(), h.App, key, paid, billing.StripeRefund{ID: "re_1", Amount: usd(15000)}); err != nil {
		t.Fatal("a refund that was made at Stripe:", err)
	}
	h.want(owner, refunded, "confirmed 25002 in 5")
	h.wantsRefund(h.staff, back(p, 1, "7"), paid, false)
	h.wantsRefund(second, back(p, 1, "8"), paid.AddDate(0, 0, 14), false) // and is forgotten after two weeks
	h.want(owner, refunded, "confirmed 25002 in 5")
	// A dispute that was lost takes nobody's word.
	if _, err := careful().Dispute(t.Context(), h.App, key, paid); err != nil {
		t.Fatal(err)
	}
	if _, err := careful().ResolveDispute(t.Context(), h.App, key, false, paid); err != nil {
		t.Fatal(err)
	}
	h.want(owner, refunded, "refunded 35600 in 6")
}

func TestRefundPayment_IsNotApprovedByWhoConfirmedThePayment(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner, second := h.open("ada"), h.colleague(1)
	p := h.request(owner, "starter", 3, "k")
	for _, by := range []account.Actor{h.staff, second} {
		if _, err := h.confirmBy(by, facts(p, "L1"), paid); err != nil {
			t.Fatal(err)
		}
	}
	h.wantsRefund(h.staff, back(p, 0, "r"), paid, false)
	h.want(owner, refunded, "confirmed 0 in 0")
	h.wantsRefund(second, back(p, 0, "r"), paid, true)
}

// What can't be carried out is refused to the first one, not to the second.
func TestRefundPayment_RefusesTheFirstWordOnWhatCannotBe(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	first := h.bought(owner, 2, "B1", paid)
	h.bought(owner, 1, "B2", paid)
	rows := h.rows()
	if _, err := h.refundBy(h.staff, back(first, 0, "k"), paid); !fault.Is(err, fault.InvalidState) {
		t.Errorf("while a later one pays for time: %v", err)
	}
	if h.rows() != rows {
		t.Errorf("it wrote: %s\nbefore: %s", h.rows(), rows)
	}
}

func TestRefundPayment_OfEachCurrencyHasItsLimitOrTakesTwo(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.bought(owner, 1, "B1", paid)
	for i, c := range []struct {
		above []money.Money
		one   bool
	}{
		{nil, true},
		{[]money.Money{{Minor: 1_000_000, Currency: "EUR"}}, false},
		{[]money.Money{{Minor: 1, Currency: "EUR"}, usd(202)}, true}, // the very sum, with what went back before
		{[]money.Money{usd(202)}, false},
	} {
		o := office
		o.SecondAbove = c.above
		_, r, err := o.RefundPayment(as(t.Context(), h.staff), h.App, h.staff, paid, back(p, int64(100+i), strconv.Itoa(i)))
		if err != nil || (r != nil) != c.one {
			t.Errorf("%d: %+v, %v", i, r, err)
		}
	}
}

func TestRefundPayment_OfTwoAtOnceIsOne(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]int{"one key": 1, "a key each": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t)
			owner := h.open("ada")
			p := h.bought(owner, 3, "B1", paid)
			// A part, so that nothing but the words keeps another one from following.
			for round := range 5 {
				var wg sync.WaitGroup
				for i := range 20 {
					by, in := h.colleague(i%2), back(p, 4000, fmt.Sprint(i%keys, round))
					if round == 0 {
						in.Amount = new(usd(10001))
					}
					wg.Go(func() {
						if _, err := h.refundBy(by, in, paid); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if n := h.approvals(p); n != 2*(round+1) {
					t.Errorf("round %d: %d words", round, n)
				}
				h.want(owner, refunded, fmt.Sprintf("confirmed %d in %d", 10001+4000*round, round+1))
			}
		})
	}
}

func TestRefundPayment_OfTwoIsWholeWheneverItIsKilled(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.bought(owner, 3, "B1", paid)
	for i, by := range []account.Actor{h.staff, h.colleague(1)} {
		h.killed(fmt.Sprint("word ", i), owner, func(ctx context.Context) error {
			_, _, err := careful().RefundPayment(ctx, h.App, by, paid, back(p, 0, "k"))
			return err
		})
	}
	h.want(owner, refunded, "refunded 26700 in 1")
}

func TestRefundPayment_OfStripeTellsStaffAndStripeOnlyOnceTwoSaidSo(t *testing.T) {
	t.Parallel()
	h := build(t)
	owner := h.open("ada")
	p := h.bought(owner, 3, "B1", paid)
	h.exec(`UPDATE igny8_payments SET method = 'stripe' WHERE id = ?`, p.ID)
	o := careful()
	o.StaffEmail = "billing@igny8.test"
	for i, by := range []account.Actor{h.staff, h.colleague(1)} {
		h.sent(paid)
		if _, _, err := o.RefundPayment(as(t.Context(), by), h.App, by, paid, back(p, 0, "k")); err != nil {
			t.Fatal(err)
		}
		if n := count(t, h.DB, `SELECT count(*) FROM igny8_stripe_pushes WHERE kind = 'refund'`); n != i {
			t.Errorf("after word %d Stripe is to make %d refunds", i, n)
		}
		letters := h.sent(paid)[o.StaffEmail]
		if len(letters) != 1-i {
			t.Fatalf("after word %d staff got %d letters", i, len(letters))
		}
		if i == 0 && !strings.Contains(letters[0].Subject, "A second approval is needed to refund 267.00 USD") {
			t.Errorf("staff are told %q", letters[0].Subject)
		}
	}
}
