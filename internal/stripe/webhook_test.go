package stripe_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/stripe/stripetest"
)

const events = `SELECT count(*)::text FROM igny8_stripe_events`

// paid is an event about a paid invoice.
func (s *shop) paid() stripetest.Event {
	s.t.Helper()
	_, invoice := s.payer("ada").subscribe()
	s.fake.Pay(invoice)
	return s.told("invoice.paid")[0]
}

func TestWebhook_RefusesWhatIsNotSigned(t *testing.T) {
	t.Parallel()
	const second = "whsec_second0123456789abcdef"
	s := open(t, func(c *stripe.Config) { c.WebhookSecrets = append(c.WebhookSecrets, second) })
	e := s.paid()
	good := stripetest.Sign(e.Body, stripetest.Secret, now)
	changed := bytes.Replace(e.Body, []byte("invoice.paid"), []byte("invoice.paiD"), 1)
	_, signature, _ := strings.Cut(good, ",")
	v0 := strings.Replace(good, "v1=", "v0=", 1)
	for name, c := range map[string]struct {
		body      []byte
		signature string
	}{
		"unsigned":                    {e.Body, ""},
		"another secret":              {e.Body, stripetest.Sign(e.Body, "whsec_other0123456789abcdef", now)},
		"one changed byte":            {changed, good},
		"one byte more":               {append(bytes.Clone(e.Body), ' '), good},
		"301 seconds old":             {e.Body, stripetest.Sign(e.Body, stripetest.Secret, now.Add(-301*time.Second))},
		"301 seconds ahead":           {e.Body, stripetest.Sign(e.Body, stripetest.Secret, now.Add(301*time.Second))},
		"another scheme":              {e.Body, v0},
		"an old time beside the new":  {e.Body, "t=" + "1," + good},
		"no time":                     {e.Body, signature},
		"a time that is none":         {e.Body, "t=x," + signature},
		"garbage":                     {e.Body, "garbage"},
		"a signature of nothing":      {nil, good},
		"signed, and no event":        {[]byte(`{}`), stripetest.Sign([]byte(`{}`), stripetest.Secret, now)},
		"signed, and no JSON":         {[]byte(`{`), stripetest.Sign([]byte(`{`), stripetest.Secret, now)},
		"signed, and an id with NUL":  nul(e.Body),
		"signed, and not of one mode": modeless(e.Body),
	} {
		if w := stripetest.Send(t, s.hook, c.body, c.signature); w.Code != http.StatusBadRequest || !strings.HasPrefix(w.Body.String(), "BAD_REQUEST ") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if n := s.text(events); n != "0" {
		t.Errorf("%s events were kept", n)
	}
	if n := s.text(`SELECT count(*)::text FROM river_job WHERE kind = 'stripe_event'`); n != "0" {
		t.Errorf("%s jobs were left", n)
	}
	calls := len(s.fake.Calls())
	for name, signature := range map[string]string{
		"the first secret": good, "the second": stripetest.Sign(e.Body, second, now),
		"300 seconds old": stripetest.Sign(e.Body, stripetest.Secret, now.Add(-300*time.Second)),
		"both":            good + "," + strings.SplitN(stripetest.Sign(e.Body, second, now), ",", 2)[1],
	} {
		if w := stripetest.Send(t, s.hook, e.Body, signature); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if n := s.text(events); n != "1" {
		t.Errorf("%s events were kept of one", n)
	}
	if n := s.text(`SELECT count(*)::text FROM river_job WHERE kind = 'stripe_event'`); n != "1" {
		t.Errorf("%s jobs were left for one event", n)
	}
	if n := len(s.fake.Calls()); n != calls {
		t.Errorf("the webhook asked Stripe %d times", n-calls)
	}
}

type signedBody = struct {
	body      []byte
	signature string
}

func nul(body []byte) signedBody {
	return with(body, func(e stripetest.Object) { e["id"] = "evt_\x00" })
}

func modeless(body []byte) signedBody {
	return with(body, func(e stripetest.Object) { delete(e, "livemode") })
}

// with is an event that is changed, and signed.
func with(body []byte, change func(stripetest.Object)) signedBody {
	var e stripetest.Object
	if err := json.Unmarshal(body, &e); err != nil {
		panic(err)
	}
	change(e)
	text, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return signedBody{text, stripetest.Sign(text, stripetest.Secret, now)}
}

func TestWebhook_KeepsWhatItCannotDoForStaff(t *testing.T) {
	t.Parallel()
	s := open(t)
	e := s.paid()
	for name, c := range map[string]struct {
		change func(stripetest.Object)
		want   string
	}{
		"evt_live":    {func(e stripetest.Object) { e["livemode"] = true }, "dead it is of Stripe's other mode"},
		"evt_version": {func(e stripetest.Object) { e["api_version"] = "2020-01-01" }, "dead the webhook speaks version 2020-01-01"},
		"evt_type":    {func(e stripetest.Object) { e["type"] = "payout.created" }, "ignored "},
		"evt_good":    {func(stripetest.Object) {}, "pending "},
	} {
		in := with(e.Body, func(e stripetest.Object) { e["id"] = name; c.change(e) })
		if w := stripetest.Send(t, s.hook, in.body, in.signature); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		got := s.text(`SELECT status || ' ' || coalesce(error, '') FROM igny8_stripe_events WHERE event_id = ?`, name)
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s is %q, want %q", name, got, c.want)
		}
	}
	if n := s.text(`SELECT count(*)::text FROM river_job WHERE kind = 'stripe_event'`); n != "1" {
		t.Errorf("%s jobs, want one for the event that can be done", n)
	}
}

func TestWebhook_RefusesLargeBodies(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := bytes.Repeat([]byte(" "), stripe.MaxBody+1)
	if w := stripetest.Send(t, s.hook, body, stripetest.Sign(body, stripetest.Secret, now)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWebhook_HasStripeComeAgainWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s := open(t)
	e := s.paid()
	elsewhere := &shop{records: records{pgtest.New(t), t}}
	elsewhere.exec(`ALTER DATABASE ` + s.Name + ` ALLOW_CONNECTIONS false`)
	elsewhere.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ? AND usename <> current_user`, s.Name)
	w := stripetest.Send(t, s.hook, e.Body, stripetest.Sign(e.Body, stripetest.Secret, now))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.HasPrefix(w.Body.String(), "UNAVAILABLE ") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	elsewhere.exec(`ALTER DATABASE ` + s.Name + ` ALLOW_CONNECTIONS true`)
	s.deliver(e)
	if got := s.text(`SELECT status FROM igny8_stripe_events`); got != "done" {
		t.Errorf("the event is %s", got)
	}
}

func TestClosed_SaysThatStripeIsNotSetUp(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	stripe.Closed(refuse).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/stripe", nil))
	if w.Code != http.StatusServiceUnavailable || w.Body.String() != string(fault.Unavailable)+" Stripe is not set up" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
