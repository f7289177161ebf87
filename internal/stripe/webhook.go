package stripe

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stripe/stripe-go/v86/webhook"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/period"
)

const (
	// Tolerance is how far the time of a signature may be from ours.
	Tolerance = 300 * time.Second
	// MaxBody is the largest event in bytes.
	MaxBody = 512 << 10
	// keeping is how many events are written at a time. Only what is signed gets that far.
	keeping = 8
	// retryAfter is when Stripe, or whoever asks, may come again, in seconds.
	retryAfter = "30"
)

// Refuse answers a request with a fault.
type Refuse func(w http.ResponseWriter, r *http.Request, status int, why *fault.Error)

// Closed answers webhooks where Stripe is not set up.
func Closed(refuse Refuse) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, http.StatusServiceUnavailable, fault.New(fault.Unavailable, "Stripe is not set up"))
	})
}

// Webhook answers what Stripe sends: 200 for every event with a signature of ours that is kept or was kept before, 400
// for what has none, and 503 where it could not be kept, so that Stripe sends it again. No call to Stripe is made.
func (t *Till) Webhook(clock func() time.Time, refuse Refuse) http.Handler {
	slots := make(chan struct{}, keeping)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
		if err != nil {
			status, why := http.StatusBadRequest, fault.New(fault.BadRequest, "the body could not be read")
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				status, why = http.StatusRequestEntityTooLarge, fault.New(fault.BadRequest, "the body is larger than %d bytes", MaxBody)
			}
			refuse(w, r, status, why)
			return
		}
		now := clock()
		if !t.signed(body, r.Header.Values("Stripe-Signature"), now) {
			refuse(w, r, http.StatusBadRequest, fault.New(fault.BadRequest, "the signature is not Stripe's, or too old"))
			return
		}
		event, ok := read(body, period.Instant(now))
		if !ok {
			refuse(w, r, http.StatusBadRequest, fault.New(fault.BadRequest, "this is no event that is understood here"))
			return
		}
		t.judge(event)
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-r.Context().Done():
			away(w, r, refuse)
			return
		}
		if err := t.keep(r.Context(), event); err != nil {
			t.log(r.Context(), "an event of Stripe was not kept", err)
			away(w, r, refuse)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
}

func away(w http.ResponseWriter, r *http.Request, refuse Refuse) {
	w.Header().Set("Retry-After", retryAfter)
	refuse(w, r, http.StatusServiceUnavailable, fault.New(fault.Unavailable, "the event could not be kept; send it again"))
}

// signed says whether one of our secrets signed the body, at an instant that is near enough to now.
func (t *Till) signed(body []byte, headers []string, now time.Time) bool {
	if len(headers) != 1 {
		return false
	}
	at, ok := signedAt(headers[0])
	if age := now.Sub(at); !ok || age > Tolerance || age < -Tolerance {
		return false
	}
	for _, secret := range t.secrets {
		// The instant was judged by our clock; the library knows only the machine's.
		if webhook.ValidatePayloadIgnoringTolerance(body, headers[0], secret) == nil {
			return true
		}
	}
	return false
}

// signedAt is the one instant that a signature names: it is a part of what is signed.
func signedAt(header string) (time.Time, bool) {
	var at time.Time
	found := 0
	for part := range strings.SplitSeq(header, ",") {
		value, ok := strings.CutPrefix(part, "t=")
		if !ok {
			continue
		}
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		at = time.Unix(seconds, 0)
		found++
	}
	return at, found == 1
}

// read takes from an event what is kept of it.
func read(body []byte, now time.Time) (*Event, bool) {
	var in struct {
		ID         string `json:"id"`
		Object     string `json:"object"`
		Type       string `json:"type"`
		Livemode   *bool  `json:"livemode"`
		APIVersion string `json:"api_version"`
		Created    int64  `json:"created"`
		Data       struct {
			Object struct {
				ID     string `json:"id"`
				Object string `json:"object"`
			} `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Object != "event" || in.Livemode == nil {
		return nil, false
	}
	if !word(in.ID) || in.ID == "" || !word(in.Type) || in.Type == "" || !word(in.APIVersion) || !word(in.Data.Object.ID) || !word(in.Data.Object.Object) {
		return nil, false
	}
	return &Event{
		StripeID: in.ID, Type: in.Type, Livemode: *in.Livemode, APIVersion: in.APIVersion,
		ObjectType: in.Data.Object.Object, ObjectID: in.Data.Object.ID,
		Created: period.Instant(time.Unix(in.Created, 0)), ReceivedAt: now, UpdatedAt: now,
	}, true
}

// word says whether a text can be kept as an id or a name.
func word(text string) bool {
	const most = 255
	return len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
