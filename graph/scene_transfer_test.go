package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/money"
)

// transfer asks for a bank transfer, and is the payment's id.
func (c *caller) transfer(plan string, months int, key string) string {
	c.t.Helper()
	in := map[string]any{"planSlug": plan, "months": months, "idempotencyKey": key}
	return c.run("requestBankTransfer", in, "payment { id }").done().str("payment.id")
}

// came is what staff say of a sum that came in.
func (s *scene) came(payment, bank, amount, currency string) map[string]any {
	return map[string]any{
		"paymentId": payment, "externalPaymentId": bank, "receivedOn": s.clock.day(0), "idempotencyKey": "of " + bank,
		"amount": map[string]any{"amount": amount, "currencyCode": currency},
	}
}

// rows are how many rows each table has, but those of the tables that are named.
func (a *api) rows(but ...string) string {
	a.t.Helper()
	tables := strings.Fields(scan[string](a, `SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'`))
	counts := []string{}
	for _, table := range tables {
		if !slices.Contains(but, table) {
			counts = append(counts, fmt.Sprintf("(SELECT '%s ' || count(*) FROM %[1]s)", table))
		}
	}
	return scan[string](a, `SELECT concat_ws(', ', `+strings.Join(counts, ", ")+`)`)
}

func TestTransfer_IsDecidedOnByStaffAloneAndByTheirFactsAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o, n := s.signUp("owner@example.com", "Owner"), s.signUp("neighbour@example.com", "Neighbour")
	s.setPlan(o, "scale")
	owner, neighbour, st := s.as(o.token), s.as(n.token), s.staff()
	staff := s.as(st.token)
	own, theirs, staffs := owner.transfer("starter", 1, "k"), neighbour.transfer("starter", 1, "k"), staff.transfer("starter", 1, "k")
	other := owner.transfer("starter", 1, "k2")
	part := staff.run("recordReceipt", s.came(other, "part", "1.00", "USD"), "receipt { id }").done().str("receipt.id")
	staff.run("confirmPayment", s.came(theirs, "Used", "89.00", "USD"), "").done()

	site := owner.run("createSite", map[string]any{"name": "Shop", "domain": "shop.example.com"}, "site { id }").done().str("site.id")
	key, _ := owner.makeKey(site, "SITES_READ", "CREDITS", "SYNC")
	acting := staff.run("impersonate", map[string]any{"accountId": o.accountID(), "reason": "asked for help", "minutes": 5}, "accessToken").done().str("accessToken")
	people := map[string]*caller{
		"owner": owner, "neighbour": neighbour, "nobody": s.nobody(), "key": s.withKey(key), "impersonator": s.as(acting),
		"admin":  s.as(o.member("admin@example.com", account.Admin).token),
		"editor": s.as(o.member("editor@example.com", account.Editor).token), "viewer": s.as(o.member("viewer@example.com", account.Viewer).token),
	}
	const amountOf = "amount" // of the sum
	decision := map[string]any{"receiptId": part, "decision": "CREDIT", "reason": "mine", "idempotencyKey": "d"}
	before, logged := s.rows(), s.rows("igny8_audit_events")
	for name, by := range people {
		want := "FORBIDDEN"
		if name == "nobody" {
			want = "UNAUTHENTICATED"
		}
		by.run("confirmPayment", s.came(own, "B-"+name, "89.00", "USD"), "").refused(want)
		by.run("recordReceipt", s.came(own, "C-"+name, "9.00", "USD"), "").refused(want)
		by.run("decideReceipt", decision, "").refused(want)
		by.run("rejectPayment", map[string]any{"paymentId": own, "reason": "no"}, "").refused(want)
		by.do(`{ paymentQueue { nodes { id } } }`, nil).refused(want)
		if name == "impersonator" {
			before = s.rows() // what staff ask for an account is in its log, refused or not
			if now := s.rows("igny8_audit_events"); now != logged {
				t.Errorf("%s wrote:\n%s\nbefore:\n%s", name, now, logged)
			}
			continue
		}
		if now := s.rows(); now != before {
			t.Errorf("%s wrote:\n%s\nbefore:\n%s", name, now, before)
		}
	}

	for name, c := range map[string]struct {
		mutation string
		in       map[string]any
		fault    string
	}{
		"a reference that another account used":  {"confirmPayment", s.came(own, "Used", "89.00", "USD"), "EXTERNAL_REFERENCE_USED input externalPaymentId"},
		"the same in another case, with a space": {"confirmPayment", s.came(own, "uSED ", "89.00", "USD"), "EXTERNAL_REFERENCE_USED input externalPaymentId"},
		"one that a receipt used":                {"confirmPayment", s.came(own, "PART", "89.00", "USD"), "EXTERNAL_REFERENCE_USED input externalPaymentId"},
		"a cent too little":                      {"confirmPayment", s.came(own, "N1", "88.99", "USD"), "AMOUNT_MISMATCH input amount " + amountOf},
		"a cent too much":                        {"confirmPayment", s.came(own, "N2", "89.01", "USD"), "AMOUNT_MISMATCH input amount " + amountOf},
		"another currency":                       {"confirmPayment", s.came(own, "N3", "89.00", "EUR"), "CURRENCY_MISMATCH input amount currencyCode"},
		"one that is over":                       {"confirmPayment", s.came(theirs, "N4", "89.00", "USD"), "IDEMPOTENCY_CONFLICT input paymentId"},
		"staff's own":                            {"confirmPayment", s.came(staffs, "N5", "89.00", "USD"), "OWN_PAYMENT input paymentId"},
		"one with a part in it":                  {"confirmPayment", s.came(other, "N6", "89.00", "USD"), "INVALID_STATE input paymentId"},
		"a receipt by another account's id":      {"recordReceipt", s.came(own, "used", "5.00", "USD"), "EXTERNAL_REFERENCE_USED input externalPaymentId"},
		"a receipt in another currency":          {"recordReceipt", s.came(own, "N7", "5.00", "EUR"), "CURRENCY_MISMATCH input amount currencyCode"},
		"a receipt of nothing":                   {"recordReceipt", s.came(own, "N8", "0", "USD"), "INVALID input amount " + amountOf},
		"a receipt of staff's own":               {"recordReceipt", s.came(staffs, "N9", "5.00", "USD"), "OWN_PAYMENT input paymentId"},
		"a receipt of nobody's":                  {"recordReceipt", s.came("pay_987654321", "N10", "5.00", "USD"), "NOT_FOUND input paymentId"},
		"a receipt's id for a payment's":         {"recordReceipt", s.came(part, "N11", "5.00", "USD"), "INVALID_ID input paymentId"},
		"a decision on nothing": {
			"decideReceipt", map[string]any{"receiptId": "rcpt_987654321", "decision": "RETURN", "reason": "r", "idempotencyKey": "n"}, "NOT_FOUND input receiptId",
		},
	} {
		if r := staff.run(c.mutation, c.in, ""); !strings.Contains(r.text, strings.Fields(c.fault)[0]) {
			t.Errorf("%s: %s", name, r.text)
		} else {
			r.faults(c.fault)
		}
		if now := s.rows(); now != before {
			t.Errorf("%s wrote:\n%s\nbefore:\n%s", name, now, before)
		}
	}
	// Another account's payment, for its owner to declare or take back, and a proof that is none.
	sent := map[string]any{"paymentId": own, "sentOn": s.clock.day(0), "payerName": "Me"}
	neighbour.run("declarePayment", sent, "").faults("NOT_FOUND input paymentId")
	neighbour.run("cancelPayment", map[string]any{"paymentId": own}, "").faults("NOT_FOUND input paymentId")
	for _, proof := range []string{
		"javascript:alert(1)", "http://example.com/proof", "data:text/html,x", "https://", "//example.com/x", "https://me:secret@example.com/x", "HTTPS:/x", "file:///etc/passwd",
	} {
		sent["proofUrl"] = proof
		owner.run("declarePayment", sent, "").faults("INVALID input proofUrl")
	}
	if now := s.rows(); now != before {
		t.Errorf("refusals wrote:\n%s\nbefore:\n%s", now, before)
	}
}

func TestTransfer_InPartsAndTooMuchIsHeldDecidedOnAndSeenByBoth(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.signUp("owner@example.com", "Owner")
	owner, staff := s.as(o.token), s.as(s.staff().token)
	payment := owner.transfer("starter", 1, "k")
	const selection = `payment { status received ` + sumOf + ` outstanding ` + sumOf + ` held ` + sumOf + ` waitingSince instructions
		receipts { id status amount ` + sumOf + ` used ` + sumOf + ` rest ` + sumOf + ` externalPaymentId receivedOn } } receipt { id status } account { status }`
	r := staff.run("recordReceipt", s.came(payment, "B1", "50.00", "USD"), selection).done().
		want("payment.status", "PENDING").want("payment.received.amount", "50.00").want("payment.outstanding.amount", "39.00").
		want("payment.receipts.0.externalPaymentId", "B1").want("payment.receipts.0.used.amount", "0.00").want("account.status", "TRIAL")
	if !strings.HasPrefix(r.str("payment.instructions"), "Send 39.00 USD and write IGNY8-") {
		t.Errorf("%s", r.text)
	}
	queue := `query($f: PaymentQueueFilter, $o: PaymentQueueOrder) { paymentQueue(filter: $f, orderBy: $o) { totalCount nodes {
		id reference waitingSince held ` + sumOf + ` account { name } receipts { id } approvals { kind } } } }`
	list := staff.do(queue, map[string]any{"f": map[string]any{"held": true, "declared": false, "accountId": o.accountID()}}).ok().
		want("paymentQueue.totalCount", 1).want("paymentQueue.nodes.0.id", payment).want("paymentQueue.nodes.0.held.amount", "50.00")
	reference := strings.ReplaceAll(strings.ToLower(list.str("paymentQueue.nodes.0.reference")), "-", " ")
	staff.do(queue, map[string]any{"f": map[string]any{"reference": reference}}).ok().want("paymentQueue.nodes.0.id", payment)
	staff.do(queue, map[string]any{"f": map[string]any{"reference": reference[:len(reference)-1] + "z"}}).refused("BAD_USER_INPUT")
	staff.do(queue, map[string]any{"f": map[string]any{"olderThanDays": 1}}).ok().want("paymentQueue.totalCount", 0)
	staff.do(queue, map[string]any{"f": map[string]any{"accountId": "pay_1"}}).refused("INVALID_ID")
	staff.do(queue, map[string]any{"o": map[string]any{"field": "CREATED_AT", "direction": "DESC"}}).ok().want("paymentQueue.totalCount", 1)

	r = staff.run("recordReceipt", s.came(payment, "B2", "60.00", "USD"), selection).done().
		want("payment.status", "CONFIRMED").want("payment.received.amount", "110.00").want("payment.held.amount", "21.00").
		want("receipt.status", "HELD").want("account.status", "ACTIVE")
	receipt := r.str("receipt.id")
	owner.do(`query($id: ID!) { node(id: $id) { ... on Receipt { status rest { amount } reason payment { id status receipts { id } } } } }`,
		map[string]any{"id": receipt}).ok().want("node.rest.amount", "21.00").want("node.payment.id", payment)
	stranger := s.as(s.signUp("stranger@example.com", "Stranger").token)
	stranger.do(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": receipt}).ok().want("node", "<nil>")
	staff.do(queue, map[string]any{}).ok().want("paymentQueue.totalCount", 1).want("paymentQueue.nodes.0.id", payment)

	in := map[string]any{"receiptId": receipt, "decision": "CREDIT", "reason": "for the next month", "idempotencyKey": "d"}
	const decided = "receipt { status reason decidedAt } payment { held { amount } waitingSince } account { id }"
	first := staff.run("decideReceipt", in, decided).done().want("receipt.status", "CREDITED").want("payment.held.amount", "0.00").want("payment.waitingSince", "<nil>")
	if again := staff.run("decideReceipt", in, decided).done(); again.text != first.text {
		t.Errorf("a retry answers %s, not %s", again.text, first.text)
	}
	in["decision"] = "RETURN"
	staff.run("decideReceipt", in, decided).faults("IDEMPOTENCY_CONFLICT input idempotencyKey")
	in["idempotencyKey"] = "d2"
	staff.run("decideReceipt", in, decided).faults("INVALID_STATE input receiptId")
	owner.do(`{ account { balance `+sumOf+` } }`, nil).ok().want("account.balance.amount", "21.00")
	owner.do(`{ account { auditEvents(filter: { subjectId: "`+receipt+`" }) { nodes { action subjectId } } } }`, nil).ok().
		want("account.auditEvents.nodes.0.action", "receipt.credited").want("account.auditEvents.nodes.1.action", "receipt.recorded")
	staff.do(queue, map[string]any{}).ok().want("paymentQueue.totalCount", 0)
}

func TestTransfer_AboveTheLimitTakesTwoMembersOfStaff(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.r.SecondAbove = []money.Money{{Minor: 10_000, Currency: "USD"}}
	s.r.StaffEmail = "billing@igny8.test"
	o, st := s.signUp("owner@example.com", "Owner"), s.staff()
	owner, staff, second := s.as(o.token), s.as(st.token), s.as(st.member("second@example.com", account.Developer).token)
	payment := owner.transfer("starter", 2, "k")
	const selection = `payment { status approvals { kind externalPaymentId receivedOn amount ` + sumOf + ` approvedBy { email } receipt { id } } } account { status }`
	in := s.came(payment, "B1", "178.00", "USD")
	staff.run("confirmPayment", in, selection).done().want("payment.status", "PENDING").want("account.status", "TRIAL").
		want("payment.approvals.0.kind", "CONFIRMATION").want("payment.approvals.0.approvedBy.email", "staff@example.com")
	staff.run("confirmPayment", in, selection).done().want("payment.status", "PENDING")
	in["idempotencyKey"] = "again"
	staff.run("confirmPayment", in, selection).faults("SECOND_APPROVER_NEEDED input paymentId")
	in["externalPaymentId"] = "B2"
	before := s.rows()
	second.run("confirmPayment", in, selection).faults("APPROVAL_MISMATCH input externalPaymentId")
	if now := s.rows(); now != before {
		t.Errorf("a refusal wrote:\n%s\nbefore:\n%s", now, before)
	}
	staff.do(`{ paymentQueue(filter: { awaitsApproval: true }) { nodes { id approvals { approvedBy { name } } } } }`, nil).ok().
		want("paymentQueue.nodes.0.id", payment)
	// The owner sees that one of two has approved it, and not who.
	owner.do(`{ payments { nodes { status approvals { amount { amount } approvedBy { email } } } } }`, nil).ok().
		want("payments.nodes.0.approvals.0.approvedBy", "<nil>").want("payments.nodes.0.approvals.0.amount.amount", "178.00")
	in["externalPaymentId"] = "B1"
	second.run("confirmPayment", in, selection).done().want("payment.status", "CONFIRMED").want("account.status", "ACTIVE").
		want("payment.approvals.1.approvedBy.email", "second@example.com")
	owner.do(`{ account { auditEvents(filter: { subjectId: "`+payment+`" }) { nodes { action actor { kind } } } } }`, nil).ok().
		want("account.auditEvents.nodes.0.action", "payment.confirmed").want("account.auditEvents.nodes.1.action", "payment.approved")
	if letters := strings.Join(s.letters("billing@igny8.test"), "\n"); !strings.Contains(letters, "A second approval is needed to confirm 178.00 USD") {
		t.Errorf("staff were not told:\n%s", letters)
	}
}

func TestRefund_AboveTheLimitTakesTwoMembersOfStaff(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o, st := s.signUp("owner@example.com", "Owner"), s.staff()
	owner, staff, second := s.as(o.token), s.as(st.token), s.as(st.member("second@example.com", account.Developer).token)
	payment := owner.transfer("starter", 2, "k")
	staff.run("confirmPayment", s.came(payment, "B1", "178.00", "USD"), "").done()
	s.r.SecondAbove = []money.Money{{Minor: 10_000, Currency: "USD"}}
	s.r.StaffEmail = "billing@igny8.test"
	const selection = `payment { status refunded ` + sumOf + ` approvals { kind endsTime receivedOn amount ` + sumOf + ` approvedBy { email } receipt { id } } }
		creditNote { number } creditsTaken creditsOwed`
	in := map[string]any{"paymentId": payment, "amount": map[string]any{"amount": "60.00", "currencyCode": "USD"}, "reason": "as agreed", "idempotencyKey": "r1"}
	staff.run("refundPayment", in, selection).done().want("creditNote.number", "CN-2026-000001").want("payment.approvals", "[]")

	in["idempotencyKey"] = "r2"
	staff.run("refundPayment", in, selection).done().want("payment.status", "CONFIRMED").want("payment.refunded.amount", "60.00").
		want("creditNote", "<nil>").want("creditsTaken", "<nil>").want("creditsOwed", "<nil>").
		want("payment.approvals.0.kind", "REFUND").want("payment.approvals.0.amount.amount", "60.00").want("payment.approvals.0.endsTime", false).
		want("payment.approvals.0.receivedOn", "<nil>").want("payment.approvals.0.receipt", "<nil>").want("payment.approvals.0.approvedBy.email", "staff@example.com")
	staff.run("refundPayment", in, selection).done().want("creditNote", "<nil>")
	in["idempotencyKey"] = "r3"
	before := s.rows()
	staff.run("refundPayment", in, selection).faults("SECOND_APPROVER_NEEDED input paymentId")
	in["endNow"] = true
	second.run("refundPayment", in, selection).faults("APPROVAL_MISMATCH input endNow")
	delete(in, "endNow")
	in["amount"] = map[string]any{"amount": "60.01", "currencyCode": "USD"}
	second.run("refundPayment", in, selection).faults("APPROVAL_MISMATCH input amount")
	delete(in, "amount")
	second.run("refundPayment", in, selection).faults("APPROVAL_MISMATCH input amount")
	if now := s.rows(); now != before {
		t.Errorf("refusals wrote:\n%s\nbefore:\n%s", now, before)
	}
	staff.do(`{ paymentQueue { nodes { id } } }`, nil).ok().want("paymentQueue.nodes", "[]")
	staff.do(`{ paymentQueue(filter: { awaitsApproval: true }) { totalCount nodes { id approvals { kind approvedBy { name } } } } }`, nil).ok().
		want("paymentQueue.totalCount", 1).want("paymentQueue.nodes.0.id", payment).want("paymentQueue.nodes.0.approvals.0.kind", "REFUND")
	owner.do(`{ payments { nodes { status approvals { amount { amount } approvedBy { email } } } } invoices(filter: { kind: CREDIT_NOTE }) { totalCount } }`, nil).ok().
		want("payments.nodes.0.approvals.0.approvedBy", "<nil>").want("payments.nodes.0.approvals.0.amount.amount", "60.00").want("invoices.totalCount", 1)

	in["amount"] = map[string]any{"amount": "60.00", "currencyCode": "USD"}
	in["reason"] = "in words of my own"
	second.run("refundPayment", in, selection).done().want("payment.refunded.amount", "120.00").want("creditNote.number", "CN-2026-000002").
		want("payment.approvals.1.approvedBy.email", "second@example.com")
	owner.do(`{ account { auditEvents(filter: { subjectId: "`+payment+`" }) { nodes { action } } } }`, nil).ok().
		want("account.auditEvents.nodes.0.action", "payment.refunded").want("account.auditEvents.nodes.1.action", "payment.approved")
	staff.do(`{ paymentQueue(filter: { awaitsApproval: true }) { totalCount } }`, nil).ok().want("paymentQueue.totalCount", 0)
	if letters := strings.Join(s.letters("billing@igny8.test"), "\n"); !strings.Contains(letters, "A second approval is needed to refund 60.00 USD") {
		t.Errorf("staff were not told:\n%s", letters)
	}
}
