package stripetest

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Terms are what a subscription is agreed at.
type Terms struct {
	Customer string
	// AmountMinor is what a month costs, with tax.
	AmountMinor int64
	// Currency is lower case, as Stripe has it.
	Currency string
	Metadata map[string]string
}

// Customer is a new customer.
func (f *Fake) Customer(metadata map[string]string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.put("cus", "customer", Object{"metadata": words(metadata)})
	return text(o["id"])
}

// Subscribe begins a subscription, whose first invoice waits to be paid.
func (f *Fake) Subscribe(terms Terms) (subscription, invoice string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.subscribe(terms)
	return text(s["id"]), text(s["latest_invoice"])
}

func (f *Fake) subscribe(terms Terms) Object {
	end := f.now.AddDate(0, 1, 0)
	s := f.put("sub", "subscription", Object{
		"customer": terms.Customer, "status": "incomplete", "cancel_at_period_end": false, "cancel_at": nil, "canceled_at": nil, "ended_at": nil,
		"cancellation_details": Object{"reason": nil}, "currency": terms.Currency, "metadata": words(terms.Metadata),
		"start_date": f.now.Unix(), "billing_cycle_anchor": f.now.Unix(), "collection_method": "charge_automatically",
	})
	f.next++
	s["items"] = Object{"object": "list", "has_more": false, "url": "/v1/subscription_items", "data": []any{Object{
		"id": fmt.Sprintf("si_fake%06d", f.next), "object": "subscription_item", "quantity": 1, "subscription": s["id"], "metadata": Object{},
		"current_period_start": f.now.Unix(), "current_period_end": end.Unix(),
		"price": Object{
			"id": fmt.Sprintf("price_fake%06d", f.next), "object": "price", "currency": terms.Currency, "unit_amount": terms.AmountMinor,
			"product": fmt.Sprintf("prod_fake%06d", f.next), "type": "recurring", "recurring": Object{"interval": "month", "interval_count": 1},
		},
	}}}
	f.tell("customer.subscription.created", s)
	f.bill(s, "subscription_create")
	return s
}

// bill leaves an open invoice over a month.
func (f *Fake) bill(s Object, reason string) Object {
	amount, _ := number(dig(s, "items", "data", "0", "price", "unit_amount"))
	meta, _ := s["metadata"].(Object)
	currency := text(dig(s, "items", "data", "0", "price", "currency"))
	i := f.put("in", "invoice", Object{
		"customer": s["customer"], "status": "open", "currency": currency, "billing_reason": reason,
		"amount_due": amount, "amount_paid": 0, "amount_remaining": amount, "total": amount, "subtotal": amount,
		"attempt_count": 0, "attempted": false, "collection_method": "charge_automatically",
		"parent": Object{
			"type": "subscription_details", "subscription_details": Object{"subscription": s["id"], "metadata": f.copy(meta)},
		},
		"status_transitions": Object{"paid_at": nil, "finalized_at": f.now.Unix()},
		"period_start":       f.now.Unix(), "period_end": f.now.Unix(),
	})
	i["hosted_invoice_url"] = "https://invoice.stripe.test/" + text(i["id"])
	f.next++
	i["lines"] = Object{"object": "list", "has_more": false, "url": "/v1/invoices/" + text(i["id"]) + "/lines", "data": []any{Object{
		"id": fmt.Sprintf("il_fake%06d", f.next), "object": "line_item", "amount": amount, "currency": currency, "invoice": i["id"],
		"metadata": f.copy(meta), "period": Object{"start": f.now.Unix(), "end": f.now.AddDate(0, 1, 0).Unix()}, "quantity": 1,
	}}}
	pi := f.intent(text(s["customer"]), amount, currency, nil)
	f.put("inpay", "invoice_payment", Object{
		"invoice": i["id"], "amount_requested": amount, "amount_paid": nil, "currency": currency, "status": "open", "is_default": true,
		"payment": Object{"type": "payment_intent", "payment_intent": pi["id"]},
	})
	s["latest_invoice"] = i["id"]
	f.tell("invoice.created", i)
	return i
}

func (f *Fake) intent(customer string, amount int64, currency string, metadata Object) Object {
	return f.put("pi", "payment_intent", Object{
		"customer": customer, "amount": amount, "amount_received": 0, "currency": currency, "status": "requires_payment_method",
		"latest_charge": nil, "metadata": metadata,
	})
}

// Renew begins the next period of a subscription, whose invoice waits to be paid.
func (f *Fake) Renew(subscription string) (invoice string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.objects[subscription]
	item, _ := dig(s, "items", "data").([]any)
	from, _ := number(dig(s, "items", "data", "0", "current_period_end"))
	for _, i := range item {
		i, _ := i.(Object)
		i["current_period_start"], i["current_period_end"] = from, time.Unix(from, 0).UTC().AddDate(0, 1, 0).Unix()
	}
	i := f.bill(s, "subscription_cycle")
	f.tell("customer.subscription.updated", s)
	return text(i["id"])
}

// Pay pays an invoice.
func (f *Fake) Pay(invoice string) (charge string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pay(f.objects[invoice])
}

func (f *Fake) pay(i Object) string {
	ip := f.paymentOf(text(i["id"]))
	pi := f.objects[text(dig(ip, "payment", "payment_intent"))]
	c := f.charge(pi)
	i["status"], i["amount_paid"], i["amount_remaining"], i["attempted"] = "paid", i["amount_due"], 0, true
	i["attempt_count"] = count(i["attempt_count"]) + 1
	i["status_transitions"] = Object{"paid_at": f.now.Unix(), "finalized_at": i["created"]}
	ip["status"], ip["amount_paid"] = "paid", i["amount_due"]
	f.tell("invoice.paid", i)
	s := f.objects[text(dig(i, "parent", "subscription_details", "subscription"))]
	if s != nil && (s["status"] == "incomplete" || s["status"] == "past_due") {
		s["status"] = "active"
		f.tell("customer.subscription.updated", s)
	}
	return text(c["id"])
}

// charge has an intent succeed.
func (f *Fake) charge(pi Object) Object {
	c := f.put("ch", "charge", Object{
		"customer": pi["customer"], "amount": pi["amount"], "amount_captured": pi["amount"], "amount_refunded": 0, "refunded": false, "captured": true,
		"currency": pi["currency"], "payment_intent": pi["id"], "paid": true, "status": "succeeded", "disputed": false,
		"billing_details": Object{"email": "person@example.com"},
	})
	pi["status"], pi["amount_received"], pi["latest_charge"] = "succeeded", pi["amount"], c["id"]
	return c
}

// Fail has a try to collect an invoice fail.
func (f *Fake) Fail(invoice string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.objects[invoice]
	i["attempted"], i["attempt_count"] = true, count(i["attempt_count"])+1
	f.tell("invoice.payment_failed", i)
	s := f.objects[text(dig(i, "parent", "subscription_details", "subscription"))]
	if s != nil && s["status"] == "active" {
		s["status"] = "past_due"
		f.tell("customer.subscription.updated", s)
	}
}

// Touch tells of a subscription as it is.
func (f *Fake) Touch(subscription string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tell("customer.subscription.updated", f.objects[subscription])
}

// CancelAtPeriodEnd is what a customer does in the portal.
func (f *Fake) CancelAtPeriodEnd(subscription string, cancel bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change(f.objects[subscription], Object{"cancel_at_period_end": strconv.FormatBool(cancel)})
}

// change is an update of a subscription.
func (f *Fake) change(s, params Object) {
	if items, ok := params["items"].([]any); ok {
		price, _ := dig(s, "items", "data", "0", "price").(Object)
		given, _ := items[0].(Object)
		f.reprice(price, given)
		delete(params, "items")
	}
	s["asked_proration"] = params["proration_behavior"] // which the API keeps to itself
	delete(params, "proration_behavior")
	merge(s, params)
	if cancel, ok := s["cancel_at_period_end"].(bool); ok && cancel {
		s["cancel_at"], s["cancellation_details"] = dig(s, "items", "data", "0", "current_period_end"), Object{"reason": "cancellation_requested"}
	} else {
		s["cancel_at"], s["cancellation_details"] = nil, Object{"reason": nil}
	}
	f.tell("customer.subscription.updated", s)
}

// reprice has an item cost what is given for it.
func (f *Fake) reprice(price, given Object) {
	data, ok := given["price_data"].(Object)
	if !ok {
		return
	}
	price["unit_amount"], _ = number(data["unit_amount"])
	if product := text(data["product"]); f.objects[product] != nil {
		price["product"] = product
	}
	if c := text(data["currency"]); c != "" {
		price["currency"] = c
	}
}

// End ends a subscription; the reason is Stripe's word.
func (f *Fake) End(subscription, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(f.objects[subscription], reason)
}

func (f *Fake) end(s Object, reason string) {
	s["status"], s["canceled_at"], s["ended_at"] = "canceled", f.now.Unix(), f.now.Unix()
	s["cancellation_details"] = Object{"reason": reason}
	f.tell("customer.subscription.deleted", s)
}

// Delete deletes a customer.
func (f *Fake) Delete(customer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(f.objects[customer])
}

// forget deletes a customer: what is left says no more than that, and its subscriptions end.
func (f *Fake) forget(o Object) {
	for _, id := range f.order {
		s := f.objects[id]
		if s["object"] == "subscription" && s["customer"] == o["id"] && s["status"] != "canceled" {
			f.end(s, "cancellation_requested")
		}
	}
	f.tell("customer.deleted", o)
	for name := range o {
		if name != "id" && name != "object" {
			delete(o, name)
		}
	}
	o["deleted"] = true
}

// Refund gives a part of a charge back; 0 for all that is left.
func (f *Fake) Refund(charge string, amount int64) (refund string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return text(f.refund(f.objects[charge], amount, nil)["id"])
}

func (f *Fake) refund(c Object, amount int64, metadata Object) Object {
	left := count(c["amount"]) - count(c["amount_refunded"])
	if amount == 0 {
		amount = left
	}
	r := f.put("re", "refund", Object{
		"amount": amount, "charge": c["id"], "payment_intent": c["payment_intent"], "currency": c["currency"], "status": "succeeded", "metadata": metadata,
	})
	c["amount_refunded"] = count(c["amount_refunded"]) + amount
	c["refunded"] = amount == left
	f.tell("charge.refunded", c)
	f.tell("refund.created", r)
	return r
}

// Dispute has the payer's bank want a charge back.
func (f *Fake) Dispute(charge string) (dispute string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.objects[charge]
	c["disputed"] = true
	d := f.put("du", "dispute", Object{
		"amount": c["amount"], "charge": charge, "payment_intent": c["payment_intent"], "currency": c["currency"], "status": "needs_response",
		"reason": "fraudulent",
	})
	f.tell("charge.dispute.created", d)
	return text(d["id"])
}

// CloseDispute ends a dispute: won or lost.
func (f *Fake) CloseDispute(dispute, status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.objects[dispute]
	d["status"] = status
	f.tell("charge.dispute.closed", d)
}

// create is a POST that makes an object.
func (f *Fake) create(resource string, params Object) (Object, int) {
	switch resource {
	case "customers":
		o := Object{}
		merge(o, params)
		return f.copy(f.put("cus", "customer", o)), http.StatusOK
	case "checkout.sessions":
		return f.copy(f.session(params)), http.StatusOK
	case "billing_portal.sessions":
		if f.objects[text(params["customer"])] == nil {
			return nil, http.StatusNotFound
		}
		o := f.put("bps", "billing_portal.session", Object{"customer": params["customer"], "return_url": params["return_url"]})
		o["url"] = "https://billing.stripe.test/" + text(o["id"])
		return f.copy(o), http.StatusOK
	case "products":
		id := text(params["id"])
		if f.objects[id] != nil {
			return nil, http.StatusConflict
		}
		o := Object{"object": "product", "active": true, "created": f.now.Unix()}
		merge(o, params)
		f.objects[id], f.order = o, append(f.order, id)
		return f.copy(o), http.StatusOK
	case "refunds":
		c := f.objects[text(params["charge"])]
		if pi := f.objects[text(params["payment_intent"])]; pi != nil {
			c = f.objects[text(pi["latest_charge"])]
		}
		if c == nil {
			return nil, http.StatusNotFound
		}
		amount, _ := number(params["amount"])
		if amount > count(c["amount"])-count(c["amount_refunded"]) {
			return nil, http.StatusBadRequest
		}
		metadata, _ := params["metadata"].(Object)
		return f.copy(f.refund(c, amount, metadata)), http.StatusOK
	}
	return nil, http.StatusNotFound
}

// session is a new Checkout session.
func (f *Fake) session(params Object) Object {
	o := Object{"status": "open", "payment_status": "unpaid", "payment_intent": nil, "subscription": nil, "asked": params}
	for _, name := range []string{"mode", "customer", "metadata", "client_reference_id", "success_url", "cancel_url", "expires_at"} {
		if given, ok := params[name]; ok {
			o[name] = given
		}
	}
	line, _ := dig(params, "line_items", "0", "price_data").(Object)
	amount, _ := number(line["unit_amount"])
	o["amount_total"], o["amount_subtotal"], o["currency"] = amount, amount, text(line["currency"])
	if _, ok := o["expires_at"]; !ok {
		o["expires_at"] = f.now.Add(24 * time.Hour).Unix()
	} else if at, ok := number(o["expires_at"]); ok {
		o["expires_at"] = at
	}
	s := f.put("cs_test", "checkout.session", o)
	s["url"] = "https://checkout.stripe.test/" + text(s["id"])
	return s
}

// Session is a new Checkout session over a sum, as the API makes it.
func (f *Fake) Session(customer, mode string, amount int64, currency string, metadata map[string]string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.session(Object{
		"customer": customer, "mode": mode, "metadata": words(metadata),
		"subscription_data": Object{"metadata": words(metadata)}, "payment_intent_data": Object{"metadata": words(metadata)},
		"line_items": []any{Object{"quantity": "1", "price_data": Object{"unit_amount": strconv.FormatInt(amount, 10), "currency": currency}}},
	})
	return text(s["id"])
}

// Complete is a customer who fills the page of a session in and pays. charge is what was charged; empty where later
// says that the money comes later, as with a debit.
func (f *Fake) Complete(session string, later bool) (charge string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.objects[session]
	o["status"], o["url"] = "complete", nil
	if o["mode"] == "subscription" {
		meta, _ := dig(o, "asked", "subscription_data", "metadata").(Object)
		s := f.subscribe(Terms{
			Customer: text(o["customer"]), AmountMinor: count(o["amount_total"]), Currency: text(o["currency"]), Metadata: plain(meta),
		})
		o["subscription"], o["invoice"] = s["id"], s["latest_invoice"]
		if !later {
			charge = f.pay(f.objects[text(s["latest_invoice"])])
			o["payment_status"] = "paid"
		}
		f.tell("checkout.session.completed", o)
		return charge
	}
	meta, _ := dig(o, "asked", "payment_intent_data", "metadata").(Object)
	pi := f.intent(text(o["customer"]), count(o["amount_total"]), text(o["currency"]), meta)
	o["payment_intent"] = pi["id"]
	if !later {
		charge = text(f.charge(pi)["id"])
		o["payment_status"] = "paid"
	}
	f.tell("checkout.session.completed", o)
	return charge
}

// Arrive is the money of a session that came later, or did not.
func (f *Fake) Arrive(session string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.objects[session]
	if !ok {
		f.tell("checkout.session.async_payment_failed", o)
		return
	}
	if pi := f.objects[text(o["payment_intent"])]; pi != nil {
		f.charge(pi)
	}
	o["payment_status"] = "paid"
	f.tell("checkout.session.async_payment_succeeded", o)
}

// Expire is a session that nobody completed in time.
func (f *Fake) Expire(session string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire(f.objects[session])
}

func (f *Fake) expire(o Object) {
	o["status"], o["url"] = "expired", nil
	f.tell("checkout.session.expired", o)
}

// Set writes what an object says over, and tells nobody.
func (f *Fake) Set(id string, fields Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.Copy(f.objects[id], fields)
}

// Remove takes an object away.
func (f *Fake) Remove(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.objects, id)
}

// paymentOf is how an invoice is paid.
func (f *Fake) paymentOf(invoice string) Object {
	for _, id := range f.order {
		if o := f.objects[id]; o["object"] == "invoice_payment" && o["invoice"] == invoice {
			return o
		}
	}
	return nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// number reads a whole number of Go's, of JSON's or of a form's.
func number(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case float64:
		return int64(n), true
	case string:
		i, err := strconv.ParseInt(n, 10, 64)
		return i, err == nil
	}
	return 0, false
}

func count(v any) int64 {
	n, _ := number(v)
	return n
}

func words(m map[string]string) Object {
	o := Object{}
	for k, v := range m {
		o[k] = v
	}
	return o
}

func plain(o Object) map[string]string {
	m := map[string]string{}
	for k, v := range o {
		m[k] = text(v)
	}
	return m
}
