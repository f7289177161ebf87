package graph

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// paidFor has an owner pay for a month of a plan, and is the payment's id.
func (a *api) paidFor(owner, staff *session, plan, bank string) string {
	a.t.Helper()
	asked := owner.do(requestTransfer, input(map[string]any{"planSlug": plan, "months": 1, "idempotencyKey": bank})).ok().
		want("requestBankTransfer.userErrors", "[]")
	id, _ := asked.get("requestBankTransfer.payment.id").(string)
	staff.do(confirm, input(map[string]any{
		"paymentId": id, "externalPaymentId": bank, "receivedOn": a.clock.day(0), "idempotencyKey": bank,
		"amount": map[string]any{"amount": asked.get("requestBankTransfer.payment.amount.amount"), "currencyCode": "USD"},
	})).ok().want("confirmPayment.userErrors", "[]")
	return id
}

func (a *api) fetch(path string) (int, http.Header, []byte) {
	a.t.Helper()
	rec := httptest.NewRecorder()
	DocumentHandler(a.resolver).ServeHTTP(rec, httptest.NewRequestWithContext(a.t.Context(), http.MethodGet, path, http.NoBody))
	return rec.Code, rec.Header(), rec.Body.Bytes()
}

func TestInvoices_AreListedAndFetchedByALinkForMinutes(t *testing.T) {
	t.Parallel()
	a := serve(t)
	staff := a.staff()
	a.signUp("ada@example.com", "Ada Example")
	ada := a.logIn("ada@example.com")
	a.signUp("bob@example.com", "Bob Example")
	bob := a.logIn("bob@example.com")
	acct := ada.do(`{ account { id } }`, nil).ok().get("account.id")
	staff.do(`mutation($in: SetAccountTaxInput!) { setAccountTax(input: $in) { account { id } userErrors { code } } }`,
		input(map[string]any{"accountId": acct, "taxRate": 1900, "taxId": "DE123456789"})).ok().want("setAccountTax.userErrors", "[]")
	ada.do(`{ account { taxRate taxId } }`, nil).ok().want("account.taxRate", 1900).want("account.taxId", "DE123456789")
	a.paidFor(ada, staff, "starter", "B-1")

	list := ada.do(`{ invoices { totalCount nodes { id number kind issuedAt seller { name address taxId } buyer { name email taxId }
		net { amount } taxable { amount } taxRate tax { amount } total { amount } paidFromBalance { amount } note pdfUrl
		refersTo { id } payment { status invoice { number } } lines { description } } } }`, nil).ok()
	list.want("invoices.totalCount", 1).want("invoices.nodes.0.kind", "INVOICE").want("invoices.nodes.0.refersTo", "<nil>")
	list.want("invoices.nodes.0.seller.name", "IGNY8 Ltd").want("invoices.nodes.0.buyer.taxId", "DE123456789")
	list.want("invoices.nodes.0.net.amount", "89.00").want("invoices.nodes.0.tax.amount", "16.91").want("invoices.nodes.0.total.amount", "105.91")
	ada.do(`{ invoices(filter: { kind: CREDIT_NOTE }) { totalCount } }`, nil).ok().want("invoices.totalCount", 0)
	id := list.get("invoices.nodes.0.id")
	ada.do(`query($id: ID!) { invoice(id: $id) { number } }`, map[string]any{"id": id}).ok().want("invoice.number", list.get("invoices.nodes.0.number"))
	bob.do(`query($id: ID!) { invoice(id: $id) { number } }`, map[string]any{"id": id}).ok().want("invoice", "<nil>")

	url, _ := list.get("invoices.nodes.0.pdfUrl").(string)
	path, ours := strings.CutPrefix(url, "https://accounts.example.com")
	if !ours {
		t.Fatalf("the link is %q", url)
	}
	code, header, pdf := a.fetch(path)
	if code != http.StatusOK || !bytes.HasPrefix(pdf, []byte("%PDF-")) || header.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(header.Get("Content-Disposition"), `attachment; filename="IG-`) || header.Get("Set-Cookie") != "" {
		t.Errorf("%d %v %q", code, header, pdf[:10])
	}
	if _, _, again := a.fetch(path); !bytes.Equal(pdf, again) {
		t.Error("the same document has other bytes")
	}
	for _, wrong := range []string{strings.Replace(path, ".", ".x", 1), "/documents/", "/documents/x.pdf", strings.TrimSuffix(path, ".pdf")} {
		if code, _, body := a.fetch(wrong); code != http.StatusNotFound || !bytes.Contains(body, []byte("NOT_FOUND")) {
			t.Errorf("%s: %d %s", wrong, code, body)
		}
	}
	a.exec(`UPDATE igny8_tenants SET purged_at = now(), deleted_at = now(), restore_until = now() WHERE name = 'Ada Example'`)
	if code, _, _ := a.fetch(path); code != http.StatusNotFound {
		t.Errorf("of an account that is gone for good: %d", code)
	}
	a.exec(`UPDATE igny8_tenants SET purged_at = NULL, deleted_at = NULL, restore_until = NULL WHERE name = 'Ada Example'`)
	a.clock.forward(11 * time.Minute)
	if code, _, _ := a.fetch(path); code != http.StatusNotFound {
		t.Errorf("when it is over: %d", code)
	}
}

func TestRefund_ShowsTheOwnerWhatWentBackAndWhatIsOwed(t *testing.T) {
	t.Parallel()
	a := serve(t)
	staff := a.staff()
	a.signUp("ada@example.com", "Ada Example")
	ada := a.logIn("ada@example.com")
	id := a.paidFor(ada, staff, "starter", "B-1")
	ada.do(`mutation { spendCredits(input: { operation: CONTENT_GENERATION, quantity: 260000, idempotencyKey: "much" }) { userErrors { code } } }`, nil).ok().
		want("spendCredits.userErrors", "[]")
	const refund = `mutation($in: RefundPaymentInput!) { refundPayment(input: $in) {
		payment { status refunded { amount } } creditNote { kind number total { amount } refersTo { number } note pdfUrl } creditsTaken creditsOwed userErrors { code field } } }`
	asked := input(map[string]any{"paymentId": id, "reason": "It was booked twice", "idempotencyKey": "back"})
	first := staff.do(refund, asked).ok().want("refundPayment.userErrors", "[]").want("refundPayment.payment.status", "REFUNDED").
		want("refundPayment.payment.refunded.amount", "89.00").want("refundPayment.creditNote.kind", "CREDIT_NOTE").
		want("refundPayment.creditNote.number", "CN-2026-000001").want("refundPayment.creditNote.total.amount", "89.00").
		want("refundPayment.creditsTaken", 400).want("refundPayment.creditsOwed", 600)
	staff.do(refund, asked).ok().want("refundPayment.creditNote", fmt.Sprint(first.get("refundPayment.creditNote")))
	staff.do(refund, input(map[string]any{"paymentId": id, "reason": "Another one", "idempotencyKey": "back"})).ok().
		want("refundPayment.userErrors.0.code", "IDEMPOTENCY_CONFLICT")

	seen := ada.do(`{ account { status credits { balance debt } } invoices(filter: { kind: CREDIT_NOTE }) { nodes { note refersTo { number } pdfUrl } } }`, nil).ok().
		want("account.status", "SUSPENDED").want("account.credits.balance", 0).want("account.credits.debt", 600).
		want("invoices.nodes.0.note", "It was booked twice").want("invoices.nodes.0.refersTo.number", "IG-2026-000001")
	url, _ := seen.get("invoices.nodes.0.pdfUrl").(string)
	if code, _, pdf := a.fetch(strings.TrimPrefix(url, "https://accounts.example.com")); code != http.StatusOK || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("the credit note: %d %q", code, pdf)
	}
	// What comes next pays what is owed.
	a.paidFor(ada, staff, "starter", "B-2")
	ada.do(`{ account { status credits { balance debt } creditTransactions: ledger(first: 1) { nodes { type amount } } } }`, nil).ok().
		want("account.status", "ACTIVE").want("account.credits.balance", 400).want("account.credits.debt", 0).
		want("account.creditTransactions.nodes.0.type", "DEBT").want("account.creditTransactions.nodes.0.amount", -600)
}
