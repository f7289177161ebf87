// Package stripe owns the way between Stripe and us: events that come in, what is fetched because of them, and what
// Stripe is asked to do. It is the only package that talks to Stripe's API.
//
// What must always hold: an event counts only with a signature over its very bytes by one of our secrets, not older
// than five minutes; it is stored once, with its job, before it is answered; what it says about money is never believed,
// but the object is fetched again and our side is brought to what the object is now, so that any order and any
// repetition of events ends in the same state; no call to Stripe is made in a transaction or while a webhook waits; what
// cannot be done is a dead letter that staff see, and never forgotten; neither a key nor anything about a person stands
// in an error, a log line or the table of events.
//
// Our own chain of periods is the truth of who may use what. Stripe is a way to pay for them: each paid invoice of a
// subscription there is one confirmed payment here.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v86"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres"
)

const (
	// callTimeout is how long one call to Stripe may take.
	callTimeout = 20 * time.Second
	// callRetries is how often the library repeats a call that found nobody, under one idempotency key. Jobs are
	// repeated on top of that.
	callRetries = 1
)

// Version is the version of Stripe's API that we speak.
const Version = stripe.APIVersion

// Config is how Stripe is reached. The zero value is: not at all.
type Config struct {
	// SecretKey is sk_live_…, sk_test_…, or a restricted key rk_….
	SecretKey string
	// WebhookSecrets are the one or two whsec_… by which events are signed: all of them count at once.
	WebhookSecrets []string
	// APIURL is for tests; empty for Stripe's own.
	APIURL string
}

var secretKey = regexp.MustCompile(`^(sk|rk)_(live|test)_[A-Za-z0-9_]+$`)

// mostSecrets is how many secrets count at once: the old and the new one.
const mostSecrets = 2

// Set says whether Stripe is set up.
func (c Config) Set() bool { return c.SecretKey != "" }

// Livemode says whether the key moves real money.
func (c Config) Livemode() bool {
	return strings.HasPrefix(c.SecretKey, "sk_live_") || strings.HasPrefix(c.SecretKey, "rk_live_")
}

// Check says what is wrong with the configuration, by what the environment calls its parts. No error holds a value.
func (c Config) Check() error {
	var problems []error
	if !c.Set() {
		if len(c.WebhookSecrets) > 0 {
			problems = append(problems, errors.New("IGNY8_STRIPE_SECRET_KEY is not set, although IGNY8_STRIPE_WEBHOOK_SECRETS is"))
		}
		return errors.Join(problems...)
	}
	if !secretKey.MatchString(c.SecretKey) {
		problems = append(problems, errors.New("IGNY8_STRIPE_SECRET_KEY is no secret key of Stripe: those begin with sk_live_, sk_test_, rk_live_ or rk_test_"))
	}
	if n := len(c.WebhookSecrets); n == 0 || n > mostSecrets {
		problems = append(problems, fmt.Errorf("IGNY8_STRIPE_WEBHOOK_SECRETS has to have one secret, or two while one takes the other's place; it has %d", n))
	}
	for _, s := range c.WebhookSecrets {
		if !strings.HasPrefix(s, "whsec_") || len(s) < len("whsec_")+16 {
			problems = append(problems, errors.New("IGNY8_STRIPE_WEBHOOK_SECRETS has something that is no signing secret of Stripe: those begin with whsec_"))
			break
		}
	}
	if c.APIURL != "" {
		u, err := url.Parse(c.APIURL)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			problems = append(problems, errors.New("IGNY8_STRIPE_API_URL is no address"))
		case c.Livemode():
			problems = append(problems, errors.New("IGNY8_STRIPE_API_URL is set beside a live key: it is for tests"))
		}
	}
	return errors.Join(problems...)
}

// Till is where Stripe's side is worked on.
type Till struct {
	api      *stripe.Client
	secrets  []string
	livemode bool
	db       *postgres.DB
	office   billing.Office
	logger   *slog.Logger
}

// New opens the till. The configuration must be set and checked.
func New(cfg Config, db *postgres.DB, office billing.Office, log *slog.Logger) *Till {
	backend := &stripe.BackendConfig{
		HTTPClient: &http.Client{
			Timeout: callTimeout,
			// Stripe's API redirects nobody, and the key must go nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		// Its log would tell what calls say.
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		EnableTelemetry:   new(false),
		MaxNetworkRetries: stripe.Int64(callRetries),
	}
	if cfg.APIURL != "" {
		backend.URL = stripe.String(cfg.APIURL)
	}
	return &Till{
		api:     stripe.NewClient(cfg.SecretKey, stripe.WithBackends(stripe.NewBackendsWithConfig(backend))),
		secrets: cfg.WebhookSecrets, livemode: cfg.Livemode(), db: db, office: office, logger: log,
	}
}

func (t *Till) log(ctx context.Context, what string, err error) {
	t.logger.LogAttrs(ctx, slog.LevelError, "Stripe", slog.String("what", what), slog.Any("error", err))
}

// NotSetUp is what whoever needs Stripe is told where it is not configured.
func NotSetUp() *fault.Error {
	return fault.New(fault.PaymentMethodUnavailable, "Stripe is not set up; pay by bank transfer")
}

// clean is the error of a call to Stripe without what it may say about people: the kind, the code and the request.
func clean(what string, err error) error {
	if e, ok := errors.AsType[*stripe.Error](err); ok {
		return &callError{what: what, status: e.HTTPStatusCode, code: string(e.Code), request: e.RequestID}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		// Its text could carry ids; the cause says what happened.
		return fmt.Errorf("%s: %w: %w", what, errAway, u.Err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// errAway is Stripe that cannot be reached.
var errAway = errors.New("Stripe cannot be reached")

// callError is Stripe's refusal of a call.
type callError struct {
	what    string
	status  int
	code    string
	request string
}

func (e *callError) Error() string {
	return fmt.Sprintf("%s: Stripe answers %d %s (request %s)", e.what, e.status, e.code, e.request)
}

// missing says whether Stripe knows no such object.
func missing(err error) bool {
	e, ok := errors.AsType[*callError](err)
	return ok && (e.status == http.StatusNotFound || e.code == string(stripe.ErrorCodeResourceMissing))
}
