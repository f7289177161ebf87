// Package stripetest is a small Stripe for tests: it keeps customers, subscriptions, invoices, charges, refunds, disputes
// and Checkout sessions, answers for them over HTTP in the shapes of Stripe's API, and tells of each change as an event.
//
// What must always hold: it answers only what the API documents, in the one version that the library speaks; a POST
// that is repeated with its idempotency key does nothing again; what happens there happens by its methods or by the API,
// and each time leaves the events that Stripe would send.
package stripetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"
)

// Key is the secret key that the fake answers to.
const Key = "sk_test_fake0123456789"

// Object is an object of Stripe, as JSON has it.
type Object = map[string]any

// Fake is a Stripe.
type Fake struct {
	// URL is where its API is.
	URL string

	mu      sync.Mutex
	now     time.Time
	next    int
	objects map[string]Object
	order   []string
	events  []Event
	replays map[string][]byte
	// asked are the forms that came with idempotency keys.
	asked   map[string]string
	calls   []string
	failing int
	refuses func(method, path string) int
}

// Event is something that it tells.
type Event struct {
	ID, Type, Object string
	Body             []byte
}

// New starts one that stops with the test. Its clock stands at now until it is moved.
func New(tb testing.TB, now time.Time) *Fake {
	tb.Helper()
	f := &Fake{now: now, objects: map[string]Object{}, replays: map[string][]byte{}, asked: map[string]string{}}
	server := httptest.NewServer(f)
	tb.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

// SetNow moves its clock.
func (f *Fake) SetNow(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = now
}

// FailNext has the next n calls answered with 500.
func (f *Fake) FailNext(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing = n
}

// Forget drops what idempotency keys stood for, as Stripe does after a day.
func (f *Fake) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replays = map[string][]byte{}
}

// Refuse answers calls with the status that the function says; 0 lets them pass. nil takes it back. The function is
// called without a lock, so that it may wait or change things.
func (f *Fake) Refuse(by func(method, path string) int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuses = by
}

// Calls are the calls so far, e.g. "GET /v1/invoices/in_1".
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Events are what it told so far, in order.
func (f *Fake) Events() []Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

// Get is an object as it is now; nil where there is none.
func (f *Fake) Get(id string) Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.copy(f.objects[id])
}

// ServeHTTP answers as the API does.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	refuses := f.refuses
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	if refuses != nil {
		if status := refuses(r.Method, r.URL.Path); status != 0 {
			answer(w, status, refusal("api_error", ""))
			return
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.failing > 0:
		f.failing--
		answer(w, http.StatusInternalServerError, refusal("api_error", ""))
		return
	case r.Header.Get("Authorization") != "Bearer "+Key:
		answer(w, http.StatusUnauthorized, refusal("invalid_request_error", ""))
		return
	case r.Header.Get("Stripe-Version") != stripe.APIVersion:
		answer(w, http.StatusBadRequest, refusal("invalid_request_error", "version"))
		return
	}
	if err := r.ParseForm(); err != nil {
		answer(w, http.StatusBadRequest, refusal("invalid_request_error", "form"))
		return
	}
	params := nested(r.Form)
	key := r.Header.Get("Idempotency-Key")
	if known, ok := f.replays[key]; ok && r.Method == http.MethodPost && key != "" {
		if f.asked[key] != r.URL.Path+"?"+r.Form.Encode() {
			answer(w, http.StatusBadRequest, refusal("idempotency_error", ""))
			return
		}
		answer(w, http.StatusOK, json.RawMessage(known))
		return
	}
	found, status := f.route(r.Method, strings.TrimPrefix(r.URL.Path, "/v1/"), params)
	if status != http.StatusOK {
		code := "resource_missing"
		switch status {
		case http.StatusBadRequest:
			code = "parameter_invalid"
		case http.StatusConflict:
			status, code = http.StatusBadRequest, "resource_already_exists"
		}
		answer(w, status, refusal("invalid_request_error", code))
		return
	}
	f.expand(found, params)
	text, err := json.Marshal(found)
	if err != nil {
		panic(err)
	}
	if r.Method == http.MethodPost && key != "" {
		f.replays[key], f.asked[key] = text, r.URL.Path+"?"+r.Form.Encode()
	}
	answer(w, status, json.RawMessage(text))
}

// route finds or does what a call asks for.
func (f *Fake) route(method, path string, params Object) (Object, int) {
	resource, rest, _ := strings.Cut(path, "/")
	if resource == "checkout" || resource == "billing_portal" {
		sub, id, _ := strings.Cut(rest, "/")
		resource, rest = resource+"."+sub, id
	}
	id, verb, _ := strings.Cut(rest, "/")
	if method == http.MethodGet && id == "" {
		return f.list(resource, params), http.StatusOK
	}
	if id == "" {
		return f.create(resource, params)
	}
	o, ok := f.objects[id]
	if !ok || kinds[resource] != o["object"] {
		return nil, http.StatusNotFound
	}
	switch {
	case method == http.MethodGet:
		return f.copy(o), http.StatusOK
	case method == http.MethodDelete && resource == "subscriptions":
		f.end(o, "cancellation_requested")
	case o["deleted"] == true: // it can be read, and nothing else
		return nil, http.StatusNotFound
	case method == http.MethodDelete && resource == "customers":
		f.forget(o)
	case verb == "expire" && resource == "checkout.sessions" && o["status"] != "open":
		return nil, http.StatusBadRequest
	case verb == "expire" && resource == "checkout.sessions":
		f.expire(o)
	case method == http.MethodPost && verb == "" && resource == "subscriptions":
		f.change(o, params)
	case method == http.MethodPost && verb == "":
		merge(o, params)
	default:
		return nil, http.StatusNotFound
	}
	return f.copy(o), http.StatusOK
}

// kinds are the names of objects by the resource that they are found at.
var kinds = map[string]string{
	"customers": "customer", "subscriptions": "subscription", "invoices": "invoice", "invoice_payments": "invoice_payment",
	"payment_intents": "payment_intent", "charges": "charge", "refunds": "refund", "disputes": "dispute",
	"products": "product", "checkout.sessions": "checkout.session", "billing_portal.sessions": "billing_portal.session",
}

// list answers the newest first, as Stripe does.
func (f *Fake) list(resource string, params Object) Object {
	data := []Object{}
	for _, id := range slices.Backward(f.order) {
		if o := f.objects[id]; o["object"] == kinds[resource] && f.matches(o, params) {
			data = append(data, f.copy(o))
		}
	}
	if after, ok := params["starting_after"]; ok {
		if i := slices.IndexFunc(data, func(o Object) bool { return o["id"] == after }); i >= 0 {
			data = data[i+1:]
		}
	}
	limit := 10
	if text, ok := params["limit"].(string); ok {
		_, _ = fmt.Sscan(text, &limit)
	}
	more := len(data) > limit
	return Object{"object": "list", "url": "/v1/" + strings.ReplaceAll(resource, ".", "/"), "has_more": more, "data": data[:min(limit, len(data))]}
}

// matches says whether an object has what a list is narrowed to.
func (f *Fake) matches(o, params Object) bool {
	for name, want := range params {
		switch name {
		case "limit", "expand", "starting_after", "ending_before":
			continue
		case "created":
			if from, ok := number(dig(params, "created", "gte")); ok && count(o["created"]) < from {
				return false
			}
			continue
		}
		if name == "status" && want == "all" {
			continue
		}
		got := o[name]
		if name == "subscription" && o["object"] == "invoice" {
			got = dig(o, "parent", "subscription_details", "subscription")
		}
		if w, ok := want.(Object); ok {
			g, ok := got.(Object)
			if !ok || !f.matches(g, w) {
				return false
			}
			continue
		}
		if got != want {
			return false
		}
	}
	// Lists of subscriptions leave out those that are over, unless they are asked for.
	if _, asked := params["status"]; !asked && o["object"] == "subscription" && o["status"] == "canceled" {
		return false
	}
	return true
}

// expand puts objects in the place of their ids.
func (f *Fake) expand(o, params Object) {
	paths, _ := params["expand"].([]any)
	for _, p := range paths {
		path, _ := p.(string)
		f.expandAt(o, strings.Split(path, "."))
	}
}

func (f *Fake) expandAt(o Object, path []string) {
	if path[0] == "data" {
		for _, entry := range o["data"].([]Object) {
			f.expandAt(entry, path[1:])
		}
		return
	}
	if path[0] == "payments" && o["object"] == "invoice" {
		o["payments"] = f.list("invoice_payments", Object{"invoice": o["id"]})
	}
	switch at := o[path[0]].(type) {
	case string:
		found, ok := f.objects[at]
		if !ok {
			return
		}
		whole := f.copy(found)
		o[path[0]] = whole
		if len(path) > 1 {
			f.expandAt(whole, path[1:])
		}
	case Object:
		if len(path) > 1 {
			f.expandAt(at, path[1:])
		}
	}
}

// put keeps a new object and gives it its id.
func (f *Fake) put(prefix, kind string, o Object) Object {
	f.next++
	o["id"], o["object"], o["livemode"], o["created"] = fmt.Sprintf("%s_fake%06d", prefix, f.next), kind, false, f.now.Unix()
	if o["metadata"] == nil {
		o["metadata"] = Object{}
	}
	id, _ := o["id"].(string)
	f.objects[id] = o
	f.order = append(f.order, id)
	return o
}

// tell leaves an event about an object as it is now.
func (f *Fake) tell(kind string, o Object) {
	f.next++
	id := fmt.Sprintf("evt_fake%06d", f.next)
	object, _ := o["id"].(string)
	body, err := json.Marshal(Object{
		"id": id, "object": "event", "type": kind, "api_version": stripe.APIVersion, "created": f.now.Unix(), "livemode": false,
		"pending_webhooks": 1, "request": Object{"id": nil, "idempotency_key": nil}, "data": Object{"object": o},
	})
	if err != nil {
		panic(err)
	}
	f.events = append(f.events, Event{ID: id, Type: kind, Object: object, Body: body})
}

// copy is an object that shares nothing with the one that is kept.
func (f *Fake) copy(o Object) Object {
	if o == nil {
		return nil
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var c Object
	if err := json.Unmarshal(text, &c); err != nil {
		panic(err)
	}
	return c
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "req_fake")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away is nobody's error
}

func refusal(kind, code string) Object {
	return Object{"error": Object{"type": kind, "code": code, "message": "refused for person@example.com"}}
}

// nested reads a[b][0][c]=x as objects and lists.
func nested(form url.Values) Object {
	root := Object{}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		path := strings.Split(strings.ReplaceAll(name, "]", ""), "[")
		at := root
		for _, part := range path[:len(path)-1] {
			below, ok := at[part].(Object)
			if !ok {
				below = Object{}
				at[part] = below
			}
			at = below
		}
		if last := path[len(path)-1]; last != "" {
			at[last] = form[name][0]
			continue
		}
		for i, value := range form[name] { // expand[]=a&expand[]=b
			at[strconv.Itoa(i)] = value
		}
	}
	return lists(root).(Object)
}

// lists turns objects whose names are 0, 1, 2 … into lists.
func lists(v any) any {
	o, ok := v.(Object)
	if !ok {
		return v
	}
	for name := range o {
		o[name] = lists(o[name])
	}
	list := []any{}
	for i := range len(o) {
		entry, ok := o[strconv.Itoa(i)]
		if !ok {
			return o
		}
		list = append(list, entry)
	}
	if len(list) == 0 {
		return o
	}
	return list
}

// merge writes what is given over what is there; an empty text removes.
func merge(o, params Object) {
	for name, value := range params {
		if name == "expand" {
			continue
		}
		below, isObject := value.(Object)
		if into, ok := o[name].(Object); ok && isObject {
			merge(into, below)
			continue
		}
		o[name] = typed(value)
	}
}

// typed reads the words that a form has for what is no text.
func typed(v any) any {
	switch v {
	case "true":
		return true
	case "false":
		return false
	case "":
		return nil
	default:
		return v
	}
}

// dig is what stands at a path.
func dig(o Object, path ...string) any {
	var at any = o
	for _, name := range path {
		switch held := at.(type) {
		case Object:
			at = held[name]
		case []any:
			if len(held) == 0 || name != "0" {
				return nil
			}
			at = held[0]
		default:
			return nil
		}
	}
	return at
}
