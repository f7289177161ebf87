package stripe_test

import (
	"os"
	"strings"
	"testing"

	"igny8.com/accounts/internal/stripe"
)

func TestDocs_SayWhichVersionIsSpoken(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "`"+stripe.Version+"`") {
		t.Errorf("docs/operating.md does not say that webhooks need the version %s", stripe.Version)
	}
}

func TestCheck_TellsWhatIsWrongWithoutValues(t *testing.T) {
	t.Parallel()
	const live, test, secret = "sk_live_abc123", "rk_test_abc123", "whsec_0123456789abcdef"
	for name, c := range map[string]struct {
		cfg  stripe.Config
		want string
	}{
		"nothing":               {stripe.Config{}, ""},
		"all of it":             {stripe.Config{SecretKey: live, WebhookSecrets: []string{secret}}, ""},
		"two secrets":           {stripe.Config{SecretKey: test, WebhookSecrets: []string{secret, secret + "x"}, APIURL: "http://127.0.0.1:12111"}, ""},
		"no key":                {stripe.Config{WebhookSecrets: []string{secret}}, "IGNY8_STRIPE_SECRET_KEY is not set"},
		"a publishable key":     {stripe.Config{SecretKey: "pk_live_abc123", WebhookSecrets: []string{secret}}, "IGNY8_STRIPE_SECRET_KEY is no secret key"},
		"no secret":             {stripe.Config{SecretKey: test}, "IGNY8_STRIPE_WEBHOOK_SECRETS has to have one"},
		"three secrets":         {stripe.Config{SecretKey: test, WebhookSecrets: []string{secret, secret, secret}}, "it has 3"},
		"a key for a secret":    {stripe.Config{SecretKey: test, WebhookSecrets: []string{test}}, "IGNY8_STRIPE_WEBHOOK_SECRETS has something"},
		"another API for money": {stripe.Config{SecretKey: live, WebhookSecrets: []string{secret}, APIURL: "http://127.0.0.1:1"}, "beside a live key"},
		"an API that is none":   {stripe.Config{SecretKey: test, WebhookSecrets: []string{secret}, APIURL: "there"}, "is no address"},
	} {
		err := c.cfg.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "abc123") || strings.Contains(err.Error(), "0123456789")) {
			t.Errorf("%s tells a secret: %v", name, err)
		}
	}
	if !(stripe.Config{SecretKey: live}).Livemode() || (stripe.Config{SecretKey: test}).Livemode() {
		t.Error("the mode is not that of the key")
	}
}
