package graph

func payingOperations() []*operation {
	return []*operation{
		mutation("requestBankTransfer", "payment.id", "-", always(fields{"planSlug": "starter", "months": 1, "idempotencyKey": "third"})),
		mutation("declarePayment", "payment.id", "own foreign", func(c cell) fields {
			return fields{"paymentId": c.id("payment"), "sentOn": c.w.clock.day(0), "payerName": "Somebody"}
		}),
		mutation("cancelPayment", "payment.id", "own foreign", onlyID("paymentId", "asked")),
		mutation("startCheckout", "checkout.url", "own foreign", func(c cell) fields {
			return fields{"paymentId": c.id("asked"), "idempotencyKey": "matrix"}
		}),
		mutation("openBillingPortal", "url", "-", always(fields{"returnUrl": "https://app.test/bills"})),
		mutation("changePlan", "subscription.id", "-", always(fields{"planSlug": "growth", "months": 1, "idempotencyKey": "matrix"})),
		mutation("cancelSubscription", "subscription.id", "-", always(fields{"reason": "too dear"})),
		mutation("resumeSubscription", "subscription.id", "-", always(fields{"keepPlan": true})),
		mutation("assignPlan", "account.id", "own foreign system", func(c cell) fields {
			return fields{
				"accountId": c.id("account"), "planSlug": "enterprise", "until": c.w.clock.day(60) + "T00:00:00Z", "reason": "a contract",
				"idempotencyKey": "matrix",
			}
		}),
		mutation("refundPayment", "payment.id", "own foreign", func(c cell) fields {
			return fields{"paymentId": c.id("paid"), "reason": "asked for", "idempotencyKey": "matrix"}
		}),
		mutation("setAccountTax", "account.id", "own foreign system", func(c cell) fields {
			return fields{"accountId": c.id("account"), "taxRate": 1900, "taxId": "DE123456789"}
		}),
		mutation("confirmPayment", "payment.id", "own foreign system", func(c cell) fields { return confirmation(c.w, c.id("payment"), "third") }),
		mutation("recordReceipt", "receipt.id", "own foreign system", func(c cell) fields {
			in := confirmation(c.w, c.id("payment"), "third")
			in["amount"] = fields{"amount": "1", "currencyCode": "USD"}
			return in
		}),
		mutation("decideReceipt", "receipt.id", "own foreign system", func(c cell) fields {
			return fields{"receiptId": c.id("receipt"), "decision": "CREDIT", "reason": "It was too much.", "idempotencyKey": "matrix"}
		}),
		mutation("retryStripeEvent", "event.id", "own foreign system", onlyID("eventId", "stripeEvent")),
		mutation("rejectPayment", "payment.id", "own foreign system", func(c cell) fields {
			return fields{"paymentId": c.id("payment"), "reason": "It did not come."}
		}),
	}
}

func creditOperations() []*operation {
	spending := func(c cell) fields {
		in := fields{"operation": "CLUSTERING", "quantity": 1, "idempotencyKey": "matrix"}
		if c.target != "-" {
			in["siteId"] = c.id("site")
		}
		return in
	}
	held := func(c cell) fields { return fields{"holdId": c.id("hold"), "idempotencyKey": "matrix"} }
	const all = "own sibling siteless foreign"
	return []*operation{
		mutation("spendCredits", "transaction.id", "- own sibling foreign", spending),
		mutation("reserveCredits", "hold.id", "- own sibling foreign", spending),
		mutation("captureCredits", "transaction.id", all, held),
		mutation("releaseCredits", "hold.id", all, held),
		mutation("refundCredits", "transaction.id", all, func(c cell) fields {
			return fields{"transactionId": c.id("line"), "reason": "It failed.", "idempotencyKey": "matrix"}
		}),
		mutation("setSiteBudget", "site.id", "own sibling foreign", func(c cell) fields {
			return fields{"siteId": c.id("site"), "monthlyCredits": 5}
		}),
		mutation("setCreditCost", "cost.credits", "-", always(fields{"operation": "CLUSTERING", "credits": 11, "unitSize": 1})),
		mutation("adjustCredits", "transaction.id", "own foreign system", func(c cell) fields {
			return fields{"accountId": c.id("account"), "amount": 5, "reason": "A gift.", "idempotencyKey": "matrix"}
		}),
	}
}

func staffOperations() []*operation {
	const all = "own foreign system"
	because := func(c cell) fields { return fields{"accountId": c.id("account"), "reason": "asked for help"} }
	return []*operation{
		mutation("suspendAccount", "account.id", all, because),
		mutation("createTestClock", "account.id", "foreign system", func(c cell) fields {
			return fields{"accountId": c.id("fresh"), "idempotencyKey": "matrix"}
		}),
		mutation("advanceTestClock", "account.id", "foreign system", func(c cell) fields {
			return fields{"accountId": c.id("sandbox"), "to": c.w.clock.day(1) + "T00:00:00Z"}
		}),
		mutation("reactivateAccount", "account.id", all, because),
		mutation("impersonate", "accessToken impersonation.id", all, func(c cell) fields {
			in := because(c)
			in["minutes"] = 5
			return in
		}),
		mutation("endImpersonation", "", all, onlyID("accountId", "account")),
	}
}
