package billing_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/money"
)

// post keeps the letters that are sent.
type post struct{ letters []mail.Message }

func (p *post) Send(_ context.Context, m mail.Message) error {
	p.letters = append(p.letters, m)
	return nil
}

// sent are the letters that were not sent yet, by whom they are to.
func (h *house) sent(now time.Time) map[string][]mail.Message {
	h.t.Helper()
	p := &post{}
	if _, err := office.Mail.SendDue(h.t.Context(), h.App, p, slog.New(slog.DiscardHandler), now); err != nil {
		h.t.Fatal(err)
	}
	all := map[string][]mail.Message{}
	for _, l := range p.letters {
		all[l.To] = append(all[l.To], l)
	}
	return all
}

func TestTransfers_AreToldToBothSidesAtEachStep(t *testing.T) {
	t.Parallel()
	h := build(t)
	const staff = "billing@igny8.test"
	o := office
	o.StaffEmail = staff
	owner := h.open("ada")
	now := paid
	var p *billing.Payment
	var r *billing.Receipt
	owners, theirs := as(t.Context(), owner), as(t.Context(), h.staff)
	ask := func(key string) func() error {
		return func() (err error) {
			p, err = o.RequestTransfer(owners, h.App, owner, now, billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: key})
			return err
		}
	}
	record := func(minor int64, bank string) func() error {
		return func() (err error) {
			_, r, err = o.RecordReceipt(theirs, h.App, h.staff, now, sum(p, minor, bank))
			return err
		}
	}
	decide := func(what billing.ReceiptDecision, key, back string) func() error {
		return func() (err error) {
			in := decision(r, what, key)
			in.ExternalPaymentID = back
			_, r, err = o.DecideReceipt(theirs, h.App, h.staff, now, in)
			return err
		}
	}
	h.sent(now)
	for _, step := range []struct {
		name string
		do   func() error
		// owner and staff are what the letter to each must say; empty where there is none.
		owner, staff string
	}{
		{"asked for", ask("1"), "Send 89.00 USD", "was asked for"},
		{"declared", func() error {
			_, err := o.DeclarePayment(owners, h.App, owner, now, billing.Declare{PaymentID: p.ID, SentOn: now, PayerName: "Ada L.", ProofURL: new("https://p.test/1")})
			return err
		}, "We look out for your payment", "https://p.test/1"},
		{"partly received", record(5000, "B1"), "Send 39.00 USD", "Missing:     39.00 USD"},
		{"more than the rest", record(4000, "B2"), "there came 1.00 USD more", "1.00 USD more than was asked for"},
		{"credited", decide(billing.CreditReceipt, "d", ""), "1.00 USD is now the balance", "1.00 USD that was held was credited"},
		{"asked for again", ask("2"), "Send 88.00 USD", "was asked for"},
		{"withdrawn", func() error { _, err := o.WithdrawPayment(owners, h.App, owner, now, p.ID); return err }, "", "was withdrawn"},
		{"received all the same", record(8800, "B3"), "which is withdrawn", "for a payment that is withdrawn"},
		{"returned", decide(billing.ReturnReceipt, "d2", "BACK-7"), "The bank knows it as BACK-7", "was returned"},
		{"asked for a third time", ask("3"), "Send 88.00 USD", "was asked for"},
		{"a part of it", record(100, "B4"), "Send 87.00 USD", "1.00 USD came"},
		{
			"rejected", func() error { _, err := o.RejectPayment(theirs, h.App, h.staff, now, p.ID, "too little"); return err },
			"1.00 USD came for it. We keep that", "Decide on what is held",
		},
		{"asked for a fourth time", ask("4"), "Send 88.00 USD", "was asked for"},
		{"expired", func() error { now = p.ExpiresAt; return o.Settle(t.Context(), h.App, owner.AccountID(), now) }, "was not made by", "was not made in time"},
		{"asked for a fifth time", ask("5"), "Send 88.00 USD", "was asked for"},
		{"approved", func() error {
			o.SecondAbove = []money.Money{usd(1)}
			_, err := o.ConfirmPayment(theirs, h.App, h.staff, now, facts(p, "B5"))
			return err
		}, "", "A second approval is needed to confirm 88.00 USD"},
		{"confirmed", func() error {
			second := h.colleague(1)
			_, err := o.ConfirmPayment(as(t.Context(), second), h.App, second, now, facts(p, "B5"))
			return err
		}, "was confirmed", "was confirmed"},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		letters := h.sent(now)
		for to, want := range map[string]string{owner.User.Email: step.owner, staff: step.staff} {
			var all strings.Builder
			for _, l := range letters[to] {
				all.WriteString(l.Subject + "\n" + l.Text + "\n")
				if strings.Contains(l.Text, "%!") || !strings.Contains(l.Text, "https://app.test") {
					t.Errorf("%s: the letter is not well: %s", step.name, l.Text)
				}
			}
			text := all.String()
			if (want == "") != (text == "") || !strings.Contains(text, want) {
				t.Errorf("%s: %s is not told %q but:\n%s", step.name, to, want, text)
			}
		}
		// One letter each, but for what comes with a confirmation.
		if n := len(letters[staff]); n > 1 && step.name != "more than the rest" {
			t.Errorf("%s: staff got %d letters", step.name, n)
		}
	}
	// Where no address of staff's is set up, they get none.
	if _, err := office.RequestTransfer(owners, h.App, owner, now, billing.Request{PlanSlug: "starter", Months: 1, IdempotencyKey: "quiet"}); err != nil {
		t.Fatal(err)
	}
	if n := len(h.sent(now)[staff]); n != 0 {
		t.Errorf("staff got %d letters", n)
	}
}
