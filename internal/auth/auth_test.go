package auth_test

import (
	"testing"
	"time"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/postgres"
)

func TestNew_RefusesAnIncompleteConfiguration(t *testing.T) {
	t.Parallel()
	db := &postgres.DB{}
	whole := auth.Config{
		Keys: mustKeys(t, keysText()), RefreshSecret: []byte("a secret for refresh tokens, in tests"),
		Issuer: issuer, Audience: audience, Hasher: cheap(),
	}
	if _, err := auth.New(db, whole); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.New(nil, whole); err == nil {
		t.Error("no database: accepted")
	}
	for name, change := range map[string]func(*auth.Config){
		"no keys":           func(c *auth.Config) { c.Keys = nil },
		"no hasher":         func(c *auth.Config) { c.Hasher = nil },
		"no issuer":         func(c *auth.Config) { c.Issuer = "" },
		"no audience":       func(c *auth.Config) { c.Audience = "" },
		"no refresh secret": func(c *auth.Config) { c.RefreshSecret = nil },
		"a short secret":    func(c *auth.Config) { c.RefreshSecret = c.RefreshSecret[:31] },
		"half a limit":      func(c *auth.Config) { c.Limits.Pair.Burst = 3 },
		"half another":      func(c *auth.Config) { c.LetterLimits.All.Every = time.Second },
	} {
		cfg := whole
		change(&cfg)
		if _, err := auth.New(db, cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
