package main

import (
	"bytes"
	"errors"
	"flag"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the documents must say into them")

const (
	goodSecret = "tB1v9cGm3TqWz0KxR7dLyPsA5uEoHjNi"
	// Made for these tests: it seals nothing else.
	goodVaultKeys = "v1:c2VhbGluZyB3YXggb2YgdGhlc2UgdGVzdHMsIDl6UWs"
	goodKeys      = "k1:dGhlIHNlZWQgb2YgYSB0ZXN0OiAzMiBieXRlcywgb2s"
)

// production is an environment that serve accepts.
func production(changes map[string]string) map[string]string {
	environ := map[string]string{
		"DATABASE_URL":            "postgres://igny8_app@db/igny8",
		"IGNY8_PUBLIC_URL":        "https://accounts.igny8.com",
		"IGNY8_SIGNING_KEYS":      goodKeys,
		"IGNY8_SECRET":            goodSecret,
		"IGNY8_BANK_INSTRUCTIONS": "IGNY8 Ltd, IBAN XX00",
		"IGNY8_VAULT_KEYS":        goodVaultKeys,
		"IGNY8_APP_URL":           "https://app.igny8.com",
		"IGNY8_MAIL_URL":          "smtp://mail:hunter2@mail.example.com:587",
		"IGNY8_MAIL_FROM":         "IGNY8 <accounts@igny8.com>",
	}
	maps.Copy(environ, changes)
	maps.DeleteFunc(environ, func(_, value string) bool { return value == "" })
	return environ
}

func TestReadConfig_TakesWhatIsGiven(t *testing.T) {
	t.Parallel()
	cfg, err := readConfig(production(map[string]string{
		"IGNY8_PUBLIC_URL":        "https://accounts.igny8.com/",
		"IGNY8_CORS_ORIGINS":      "https://app.igny8.com,http://localhost:3000",
		"IGNY8_TRUSTED_PROXIES":   "10.0.0.0/8,fd00::/8",
		"IGNY8_STATEMENT_TIMEOUT": "3s",
		"IGNY8_LOG_LEVEL":         "debug",
		"IGNY8_DATABASE_CONNS":    "7",
	}), "serve")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.PublicURL != "https://accounts.igny8.com" || cfg.Addr != "127.0.0.1:8080" || cfg.StatementTimeout != 3*time.Second ||
		cfg.LogLevel != slog.LevelDebug || cfg.conns() != 7 || cfg.BankDeadlineDays != 14 ||
		!slices.Equal(cfg.CORSOrigins, []string{"https://app.igny8.com", "http://localhost:3000"}) ||
		!slices.Equal(cfg.TrustedProxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}) {
		t.Errorf("%+v", cfg)
	}
	if cfg, err := readConfig(map[string]string{}, "dev"); err != nil || cfg.conns() < 4 {
		t.Errorf("dev with an empty environment: %+v, %v", cfg, err)
	}
}

func TestReadConfig_NamesEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	got := command(t.Context(), nil, "serve")
	lines := got.problems(t)
	if got.code != exitUsage || len(lines) != 9 {
		t.Fatalf("%+v", got)
	}
	for i, name := range []string{
		"DATABASE_URL", "IGNY8_PUBLIC_URL", "IGNY8_SIGNING_KEYS", "IGNY8_SECRET", "IGNY8_VAULT_KEYS", "IGNY8_APP_URL", "IGNY8_MAIL_URL",
		"IGNY8_MAIL_FROM", "IGNY8_BANK_INSTRUCTIONS",
	} {
		if !strings.HasPrefix(lines[i], name+" is not set. ") {
			t.Errorf("line %d is %q, want it to be about %s", i, lines[i], name)
		}
	}
}

func TestReadConfig_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const secretly = "hunter2"
	for name, values := range map[string][]string{
		"IGNY8_ADDR":               {"8080", "127.0.0.1", "127.0.0.1:"},
		"IGNY8_PUBLIC_URL":         {"accounts.igny8.com", "http://accounts.igny8.com", "https://accounts.igny8.com/api", "https://u:hunter2@x", "ftp://localhost", "https://x?y"},
		"IGNY8_CORS_ORIGINS":       {"*", "https://app.igny8.com/", "https://a.example,null"},
		"IGNY8_TRUSTED_PROXIES":    {"10.0.0.1", "anyone", "10.0.0.0/8,hunter2"},
		"IGNY8_SIGNING_KEYS":       {"hunter2", "k1:hunter2", "k1:" + strings.Repeat("A", 43), goodKeys + "," + goodKeys, ":" + goodKeys},
		"IGNY8_SECRET":             {"hunter2", strings.Repeat("ab", 20), "igny8-demo-password-igny8-demo-password", strings.Repeat("x", 64)},
		"IGNY8_BANK_DEADLINE_DAYS": {"0", "91", "soon"},
		"IGNY8_DATABASE_CONNS":     {"-1", "1001", "many"},
		"IGNY8_STATEMENT_TIMEOUT":  {"10", "0s", "1h"},
		"IGNY8_DRAIN_TIMEOUT":      {"-1s", "1h", "hunter2"},
		"IGNY8_LOG_LEVEL":          {"LOUD"},
		"IGNY8_LOG_FORMAT":         {"xml"},
		"IGNY8_DEBUG":              {"true", "1", "perhaps"},
		"IGNY8_THROTTLE_OFF":       {"true", "1", "perhaps"},
		"IGNY8_TEST_CLOCKS":        {"true", "1", "perhaps"},
		"IGNY8_VAULT_KEYS":         {"hunter2", "v1:hunter2", "v1:" + strings.Repeat("A", 43), goodVaultKeys + "," + goodVaultKeys},
		"IGNY8_APP_URL":            {"app.igny8.com", "http://app.igny8.com", "https://app.igny8.com/sign-in"},
		"IGNY8_MAIL_URL":           {"hunter2", "http://mail.example.com", "smtp://", "file://relative/hunter2", "smtp://u:hunter2@host:port"},
		"IGNY8_MAIL_FROM":          {"hunter2", "IGNY8 <accounts>", "a@example.com, b@example.com"},
		"IGNY8_OPERATIONS":         {"/nowhere/hunter2", "testdata/operations.wrong.json"},
		"IGNY8_OPERATIONS_ONLY":    {"true", "perhaps"},
		"IGNY8_HTTP_2026":          {"perhaps"},
		"IGNY8_BILLING_EMAIL":      {"hunter2", "Billing <billing@igny8.com>", "a@example.com, b@example.com"},
		"IGNY8_SECOND_APPROVER_ABOVE": {
			"hunter2", "1000", "1000.00", "USD", "1000.001 USD", "-1 USD", "1000.00 XYZ", "1000 USD;900 EUR", "1000 USD,", "1000 USD,900 USD", "1e3 USD",
		},
		"REDIS_URL": {"hunter2", "http://host", "redis://", "redis://:hunter2@"},
	} {
		for _, value := range values {
			_, err := readConfig(production(map[string]string{name: value}), "serve")
			problems, ok := errors.AsType[usageError](err)
			if !ok || len(problems) != 1 || !strings.HasPrefix(problems[0], name) {
				t.Errorf("%s=%s: %q", name, value, err)
				continue
			}
			if strings.Contains(problems[0], secretly) || strings.Contains(problems[0], "\n") {
				t.Errorf("%s=%s: the message quotes the value or has two lines: %q", name, value, problems[0])
			}
		}
	}
	// What only production must not have.
	if _, err := readConfig(map[string]string{"IGNY8_DEBUG": "true", "IGNY8_PUBLIC_URL": "http://localhost:8080"}, "dev"); err != nil {
		t.Errorf("dev: %v", err)
	}
}

func TestReadConfig_TakesStripeWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	const (
		key, secrets = "IGNY8_STRIPE_SECRET_KEY", "IGNY8_STRIPE_WEBHOOK_SECRETS"
		live, test   = "sk_live_hunter2", "sk_test_hunter2"
		good         = "whsec_hunter2hunter2hunter2"
	)
	for name, c := range map[string]struct {
		command string
		values  map[string]string
		wrong   string
	}{
		"a live key":               {"serve", map[string]string{key: live, secrets: good}, ""},
		"two secrets":              {"serve", map[string]string{key: test, secrets: good + "," + good + "x"}, ""},
		"a test key in dev":        {"dev", map[string]string{key: test, secrets: good}, ""},
		"a live key in dev":        {"dev", map[string]string{key: live, secrets: good}, key},
		"no secret":                {"serve", map[string]string{key: live}, secrets},
		"three secrets":            {"serve", map[string]string{key: live, secrets: good + "," + good + "," + good}, secrets},
		"no key":                   {"serve", map[string]string{secrets: good}, key},
		"a key that is none":       {"serve", map[string]string{key: "hunter2", secrets: good}, key},
		"another API beside money": {"serve", map[string]string{key: live, secrets: good, "IGNY8_STRIPE_API_URL": "http://127.0.0.1:1"}, "IGNY8_STRIPE_API_URL"},
	} {
		environ := c.values
		if c.command == "serve" {
			environ = production(c.values)
		}
		_, err := readConfig(environ, c.command)
		if c.wrong == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		problems, ok := errors.AsType[usageError](err)
		if !ok || len(problems) != 1 || !strings.HasPrefix(problems[0], c.wrong+" ") || strings.Contains(problems[0], "hunter2") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

func TestWeakness_FindsSecretsThatCanBeGuessed(t *testing.T) {
	t.Parallel()
	for secret, weak := range map[string]bool{
		goodSecret:                           false,
		"9f86d081884c7d659a2feaa0c55ad015":   false,
		goodSecret[:31]:                      true,
		"":                                   true,
		strings.Repeat("a", 40):              true,
		strings.Repeat("a1B2c3D4e5F6", 3):    true,
		"00000000000000000000000000000001":   true,
		"abcdefghijklmnopqrstuvwxyz0123456":  true,
		"zyxwvutsrqponmlkjihgfedcba9876543":  true,
		"ChangeMe-tB1v9cGm3TqWz0KxR7dLyPsA":  true,
		"my-very-own-Secret-tB1v9cGm3TqWz0":  true,
		"igny8-production-tB1v9cGm3TqWz0KxR": true,
		"11112222333344445555666677778888":   true,
	} {
		if got := weakness([]byte(secret)); (got != "") != weak {
			t.Errorf("weakness(%q) = %q, want weak: %v", secret, got, weak)
		}
	}
}

const operating = "../../docs/operating.md"

func TestDocs_TableOfVariablesIsCurrent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(operating)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?s)(<!-- variables: written by make docs -->\n).*?(<!-- /variables -->)`)
	current := table.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(configTable(), "$", "$$")+"${2}"))
	if !table.Match(text) {
		t.Fatal("docs/operating.md has no place for the table")
	}
	if bytes.Equal(current, text) {
		return
	}
	if !*update {
		t.Fatal("the table of variables in docs/operating.md is not current: run make docs")
	}
	if err := os.WriteFile(operating, current, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDocs_ShowTheRolesThatAreShipped(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(operating)
	if err != nil {
		t.Fatal(err)
	}
	roles, err := os.ReadFile("../../deploy/roles.sql")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(roles)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "--") || strings.HasPrefix(line, `\`) {
			continue
		}
		if !strings.Contains(string(text), line) {
			t.Errorf("docs/operating.md does not show %s", line)
		}
	}
}

// TestEnvironment_IsReadInOnePlace keeps configuration from leaking in by other doors. The launcher of
// Postgres may look for programs; tests may ask what they need.
func TestEnvironment_IsReadInOnePlace(t *testing.T) {
	t.Parallel()
	reads := regexp.MustCompile(`\bos\.(Getenv|LookupEnv|Environ|ExpandEnv)\b`)
	seen := 0
	for _, dir := range []string{"cmd", "graph", "internal", "migrations", "web"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(name string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				switch d.Name() {
				case "node_modules", "cluster", "pgtest", "webtest", "nodetest":
					return filepath.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if !reads.Match(text) {
				return nil
			}
			if filepath.Base(name) == "config.go" && strings.HasSuffix(filepath.Dir(name), "cmd/igny8") {
				seen++
				return nil
			}
			t.Errorf("%s reads the environment; config.go in cmd/igny8 is the place for that", name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen != 1 {
		t.Errorf("config.go was seen %d times, so this test looks in the wrong place", seen)
	}
}
