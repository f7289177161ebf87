package graph

import (
	"fmt"
	"testing"
)

// The dashboard of an account with five sites: what a frontend asks first.
func BenchmarkDashboard(b *testing.B) {
	a := serve(b)
	s := a.signUp("ada@example.com", "Ada")
	a.setPlan(s, "scale")
	for i := range 5 {
		s.do(createSite, input(map[string]any{"name": fmt.Sprintf("Site %d", i), "domain": fmt.Sprintf("s%d.example.com", i), "industryId": "ind_1"})).ok()
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.do(`{ account { name plan { name } credits { balance } subscription { status currentPeriodEnd }
				sites { nodes { name sectors { name } } } ledger { nodes { seq amount } } } }`, nil)
		}
	})
}

// Signing up with everything that belongs to it, but for the password's hash.
func BenchmarkSignUp(b *testing.B) {
	a := serve(b)
	for i := 0; b.Loop(); i++ {
		a.signUp(fmt.Sprintf("b%d@example.com", i), "Bench")
	}
}

// From the request of a transfer to its confirmation.
func BenchmarkConfirmPayment(b *testing.B) {
	a := serve(b)
	staff, s := a.staff(), a.signUp("ada@example.com", "Ada")
	for i := 0; b.Loop(); i++ {
		key := fmt.Sprintf("k%d", i)
		payment := s.do(requestTransfer, input(map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": key})).ok().
			get("requestBankTransfer.payment.id")
		staff.do(confirm, input(map[string]any{
			"paymentId": payment, "externalPaymentId": key, "receivedOn": a.clock.day(0), "idempotencyKey": key,
			"amount": map[string]any{"amount": "89.00", "currencyCode": "USD"},
		})).ok().want("confirmPayment.payment.status", "CONFIRMED")
	}
}
