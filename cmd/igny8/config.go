package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/money"
	"igny8.com/accounts/internal/server"
	"igny8.com/accounts/internal/stripe"
)

// config is everything that the environment says, and its documentation: `for` names the commands that
// read a variable, with a star where they do not start without it; `doc` is what it means. The help of
// the commands and the table in docs/operating.md are made of these tags.
type config struct {
	DatabaseURL string `env:"DATABASE_URL" for:"serve* migrate* doctor* jobs* stripe* import* reseal* dev" doc:"Where Postgres is, as a URL or as key=value pairs. serve logs in as igny8_app or a role like it, which owns nothing; migrate as a role that may become igny8_owner; doctor, jobs and reseal as either or as an administrator; import and stripe as serve does; dev as an administrator, or, without this variable, to a Postgres of its own."`

	Addr           string         `env:"IGNY8_ADDR" envDefault:"127.0.0.1:8080" for:"serve dev healthcheck" doc:"The address to listen on, host:port."`
	PublicURL      string         `env:"IGNY8_PUBLIC_URL" for:"serve* dev" doc:"The URL at which clients reach the service, e.g. https://accounts.igny8.com. https, unless it leads to this machine. It is the issuer of the tokens."`
	CORSOrigins    []string       `env:"IGNY8_CORS_ORIGINS" for:"serve dev" doc:"The web origins whose scripts may read answers, separated by commas, e.g. https://app.igny8.com. Without it none but the service's own page."`
	TrustedProxies []netip.Prefix `env:"IGNY8_TRUSTED_PROXIES" for:"serve dev" doc:"The networks of the proxies before the service, separated by commas, e.g. 10.0.0.0/8. X-Forwarded-For and X-Request-Id count from these alone."`

	SigningKeys string `env:"IGNY8_SIGNING_KEYS" for:"serve*" doc:"The Ed25519 keys of the access tokens, kid:seed pairs separated by commas, the seed being 32 bytes in base64url. The first signs, all verify. igny8 keys generate makes one."`
	Secret      string `env:"IGNY8_SECRET" for:"serve*" doc:"The secret, at least 32 bytes, by which refresh tokens are stored and checked. igny8 keys generate makes one."`

	VaultKeys string `env:"IGNY8_VAULT_KEYS" for:"serve* import* reseal*" doc:"The keys that seal what must be kept but not read, such as the application passwords of WordPress, id:key pairs separated by commas, the key being 32 bytes in base64url. The first seals, all open. igny8 keys generate makes one."`

	AppURL   string `env:"IGNY8_APP_URL" for:"serve* dev" doc:"The URL of the web application that links in mails lead to, e.g. https://app.igny8.com."`
	MailURL  string `env:"IGNY8_MAIL_URL" for:"serve* dev" doc:"How mails are sent: smtp://user:password@host:587, smtps://user:password@host:465, or file:///directory, which only keeps them as files. Without it, dev keeps them in its data directory."`
	MailFrom string `env:"IGNY8_MAIL_FROM" for:"serve* dev" doc:"Who mails come from, e.g. IGNY8 <accounts@igny8.com>."`

	RedisURL    string `env:"REDIS_URL" for:"serve dev" doc:"Where Redis or Valkey is, e.g. redis://host:6379/0, by which several servers share one throttle. Without it, each server counts for itself."`
	ThrottleOff bool   `env:"IGNY8_THROTTLE_OFF" envDefault:"false" for:"serve dev" doc:"With true, dev throttles nobody. serve refuses to start with it."`

	TestClocks bool `env:"IGNY8_TEST_CLOCKS" envDefault:"false" for:"serve dev" doc:"With true, staff may give an account that has paid nothing a clock of its own, and advance it, in dev; dev with the demo state allows it unless this is false. serve refuses to start with it."`

	OperationsFile string `env:"IGNY8_OPERATIONS" for:"serve dev" doc:"The path of a manifest of operations that clients run by their hash, in Apollo's format or as a JSON object of documents by hash. The start is refused where one does not fit the schema or the limits, or is not what its hash says."`
	OperationsOnly bool   `env:"IGNY8_OPERATIONS_ONLY" envDefault:"false" for:"serve dev" doc:"With true, the operations of IGNY8_OPERATIONS run and nothing else, introspection included."`
	HTTP2026       bool   `env:"IGNY8_HTTP_2026" envDefault:"false" for:"serve dev" doc:"With true, answers of application/graphql-response+json have the statuses of the newest draft of GraphQL over HTTP, of September 2026: 294 beside errors, 422 for what does not validate; and it is what a client gets that names no type."`

	BankInstructions string `env:"IGNY8_BANK_INSTRUCTIONS" for:"serve* dev" doc:"What a customer is told who pays by bank transfer: the account's holder, number and bank."`
	BankDeadlineDays int    `env:"IGNY8_BANK_DEADLINE_DAYS" envDefault:"14" for:"serve dev" doc:"How many days a customer has to pay after asking to pay by bank transfer, 1 to 90."`

	SellerName    string `env:"IGNY8_SELLER_NAME" envDefault:"IGNY8" for:"serve dev" doc:"Who issues invoices, as they name it, e.g. Example Ltd."`
	SellerAddress string `env:"IGNY8_SELLER_ADDRESS" for:"serve dev" doc:"The seller's address on invoices, its lines separated by |, e.g. 1 Long Lane|London EC1A 9PL."`
	SellerTaxID   string `env:"IGNY8_SELLER_TAX_ID" for:"serve dev" doc:"The seller's id at its tax office, as invoices name it."`

	BillingEmail string `env:"IGNY8_BILLING_EMAIL" for:"serve dev" doc:"Where staff are told of payments that wait for them, of disputed ones and of what Stripe told that could not be done. Without it nobody is."`

	SecondApproverAbove string `env:"IGNY8_SECOND_APPROVER_ABOVE" for:"serve dev" doc:"Sums, one a currency and separated by commas, e.g. 1000.00 USD,900.00 EUR, above which two members of staff have to say the same before a payment is confirmed or refunded or held money is decided on. A currency that is not named always takes two. Without it one is enough."`

	StripeKey     string   `env:"IGNY8_STRIPE_SECRET_KEY" for:"serve dev stripe*" doc:"The secret key by which Stripe is asked, sk_live_, sk_test_ or a restricted rk_. Without it nobody can pay through Stripe. dev refuses a live one."`
	StripeSecrets []string `env:"IGNY8_STRIPE_WEBHOOK_SECRETS" for:"serve dev stripe*" doc:"The signing secret of the webhook at /webhooks/stripe, whsec_, or two separated by a comma while one takes the other's place: both count. Needed with IGNY8_STRIPE_SECRET_KEY."`
	StripeURL     string   `env:"IGNY8_STRIPE_API_URL" for:"serve dev stripe" doc:"Where Stripe's API is, for tests, e.g. of stripe-mock. Refused beside a live key. Without it, Stripe's own."`

	DatabaseConns    int32         `env:"IGNY8_DATABASE_CONNS" envDefault:"0" for:"serve dev" doc:"The most connections to Postgres; 0 means two a processor, and at least four. More are slower."`
	StatementTimeout time.Duration `env:"IGNY8_STATEMENT_TIMEOUT" envDefault:"10s" for:"serve dev" doc:"How long one SQL statement may run, 1s to 5m."`
	DrainTimeout     time.Duration `env:"IGNY8_DRAIN_TIMEOUT" envDefault:"20s" for:"serve dev" doc:"How long a stop waits for requests under way, 0s to 5m."`

	LogLevel    slog.Level `env:"IGNY8_LOG_LEVEL" envDefault:"INFO" for:"serve dev" doc:"DEBUG, INFO, WARN or ERROR."`
	LogFormat   string     `env:"IGNY8_LOG_FORMAT" for:"serve dev" doc:"json or text. Without it, json for serve and text for dev."`
	MetricsAddr string     `env:"IGNY8_METRICS_ADDR" for:"serve dev" doc:"The address at which metrics for Prometheus are served, host:port, at /metrics. Let nobody but Prometheus reach it. Without it there are none."`
	Debug       bool       `env:"IGNY8_DEBUG" envDefault:"false" for:"serve dev" doc:"With true, dev serves profiles at /debug/pprof/. serve refuses to start with it."`

	DataDir        string `env:"IGNY8_DATA_DIR" envDefault:".data" for:"dev" doc:"Where dev keeps its Postgres, its signing key and its secret."`
	PostgresMirror string `env:"IGNY8_POSTGRES_MIRROR" for:"dev" doc:"The Maven repository to fetch Postgres from where none is installed. Without it, the public one."`
	PGBin          string `env:"PGBIN" for:"dev" doc:"The directory of the programs postgres and initdb. Without it they are looked for in the usual places."`

	GOGC       string `env:"GOGC" for:"serve dev" doc:"How much the heap grows between two collections, in percent. Without it 400, which takes a sixth off the processor's work."`
	GOMemLimit string `env:"GOMEMLIMIT" for:"serve dev" doc:"The memory that Go's runtime tries to stay within, e.g. 400MiB. Set it to about 80 % of a container's limit."`

	// secondAbove are the sums of SecondApproverAbove.
	secondAbove []money.Money
	// operations are what is registered in OperationsFile.
	operations *gqlhttp.Operations
}

// environment is the environment of this process.
func environment() map[string]string { return env.ToMap(os.Environ()) }

// readConfig reads the environment for a command and tells everything that is wrong with it at once.
func readConfig(environ map[string]string, command string) (config, error) {
	var cfg config
	var problems usageError
	if err := env.ParseWithOptions(&cfg, env.Options{Environment: environ}); err != nil {
		problems = append(problems, parseProblems(err)...)
	}
	for _, v := range variables() {
		if v.requiredBy(command) && environ[v.name] == "" {
			problems = append(problems, v.name+" is not set. "+v.doc)
		}
	}
	for _, check := range []func() error{
		cfg.checkAddr, cfg.checkPublicURL, cfg.checkAppURL, cfg.checkOrigins, cfg.checkRanges, cfg.checkLog, cfg.checkMail,
		cfg.checkRedis, cfg.checkBilling, cfg.stripe().Check,
	} {
		if err := check(); err != nil {
			problems = problems.withOthers(flatten(err))
		}
	}
	if command == "serve" || command == "dev" {
		if err := cfg.readOperations(); err != nil {
			problems = problems.withOthers(flatten(err))
		}
	}
	if command == "serve" {
		problems = append(problems, cfg.unfitForProduction()...)
	}
	if command == "dev" && cfg.stripe().Livemode() {
		problems = append(problems, "IGNY8_STRIPE_SECRET_KEY is a live key: dev is for trying things, and must not move money")
	}
	if len(problems) > 0 {
		return config{}, problems
	}
	return cfg, nil
}

// withOthers adds problems of variables that have none yet: what could not be read is not out of range
// on top of it.
func (e usageError) withOthers(more []string) usageError {
	known := len(e)
	for _, text := range more {
		name, _, _ := strings.Cut(text, " ")
		if !slices.ContainsFunc(e[:known], func(k string) bool { return strings.HasPrefix(k, name+" ") }) {
			e = append(e, text)
		}
	}
	return e
}

// parseProblems says which variables are not of their kind. The library knows fields, people know
// variables; and it quotes values, which may be secret.
func parseProblems(err error) []string {
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return []string{err.Error()}
	}
	var problems []string
	for _, e := range all.Errors {
		parse, ok := errors.AsType[env.ParseError](e)
		if !ok {
			problems = append(problems, e.Error())
			continue
		}
		for _, v := range variables() {
			if v.field == parse.Name {
				problems = append(problems, v.name+" is not "+kindOf(parse.Type)+". "+v.doc)
			}
		}
	}
	return problems
}

func kindOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 20s"
	case reflect.TypeFor[[]netip.Prefix](), reflect.TypeFor[netip.Prefix]():
		return "a list of networks such as 10.0.0.0/8"
	case reflect.TypeFor[slog.Level]():
		return "a level such as INFO"
	case reflect.TypeFor[bool]():
		return "true or false"
	default:
		return "a whole number"
	}
}

func (cfg *config) checkAddr() error {
	_, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil || port == "" {
		return errors.New("IGNY8_ADDR is no address: write host:port, e.g. 127.0.0.1:8080 or :8080")
	}
	if cfg.MetricsAddr == "" {
		return nil
	}
	_, own, err := net.SplitHostPort(cfg.MetricsAddr)
	if err != nil || own == "" {
		return errors.New("IGNY8_METRICS_ADDR is no address: write host:port, e.g. 127.0.0.1:9090")
	}
	if cfg.MetricsAddr == cfg.Addr && own != "0" {
		return errors.New("IGNY8_METRICS_ADDR is the address that clients reach: choose one of its own")
	}
	return nil
}

func (cfg *config) checkPublicURL() error {
	if cfg.PublicURL == "" {
		return nil
	}
	clean, err := siteURL(cfg.PublicURL)
	if err != nil {
		return fmt.Errorf("IGNY8_PUBLIC_URL %w, e.g. https://accounts.igny8.com", err)
	}
	cfg.PublicURL = clean
	return nil
}

func (cfg *config) checkAppURL() error {
	if cfg.AppURL == "" {
		return nil
	}
	clean, err := siteURL(cfg.AppURL)
	if err != nil {
		return fmt.Errorf("IGNY8_APP_URL %w, e.g. https://app.igny8.com", err)
	}
	cfg.AppURL = clean
	return nil
}

// siteURL brings a URL of scheme and host to the form without a slash at the end.
func siteURL(text string) (string, error) {
	u, err := url.Parse(text)
	clean := strings.TrimSuffix(text, "/")
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != clean {
		return "", errors.New("is not the URL of a service: write scheme and host alone")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return "", errors.New("must be https, because tokens travel there; http leads to this machine alone")
	}
	return clean, nil
}

func (cfg *config) checkMail() error {
	var problems []error
	if cfg.MailURL != "" {
		const anybody = "anybody@example.com"
		if _, err := mail.Open(cfg.MailURL, anybody); err != nil {
			problems = append(problems, fmt.Errorf("IGNY8_MAIL_URL: %w", err))
		}
	}
	if cfg.MailFrom != "" {
		if _, err := mail.Open("smtp://localhost", cfg.MailFrom); err != nil {
			problems = append(problems, errors.New("IGNY8_MAIL_FROM is no address: write e.g. IGNY8 <accounts@igny8.com>"))
		}
	}
	return errors.Join(problems...)
}

// checkBilling reads what staff are told and what takes two of them.
func (cfg *config) checkBilling() error {
	var problems []error
	if cfg.BillingEmail != "" {
		if a, err := netmail.ParseAddress(cfg.BillingEmail); err != nil || a.Address != cfg.BillingEmail {
			problems = append(problems, errors.New("IGNY8_BILLING_EMAIL is no bare address: write e.g. billing@igny8.com"))
		}
	}
	if cfg.SecondApproverAbove == "" {
		return errors.Join(problems...)
	}
	for text := range strings.SplitSeq(cfg.SecondApproverAbove, ",") {
		amount, currency, _ := strings.Cut(strings.TrimSpace(text), " ")
		sum, err := money.Parse(money.Decimal(amount), money.Currency(currency))
		named := slices.ContainsFunc(cfg.secondAbove, func(m money.Money) bool { return m.Currency == sum.Currency })
		if err != nil || sum.Minor < 0 || named {
			problems = append(problems, errors.New("IGNY8_SECOND_APPROVER_ABOVE is no list of sums, one a currency: write e.g. 1000.00 USD,900.00 EUR"))
			break
		}
		cfg.secondAbove = append(cfg.secondAbove, sum)
	}
	return errors.Join(problems...)
}

func (cfg *config) checkRedis() error {
	if cfg.RedisURL == "" {
		return nil
	}
	if u, err := url.Parse(cfg.RedisURL); err != nil || u.Host == "" || u.Scheme != "redis" && u.Scheme != "rediss" {
		return errors.New("REDIS_URL is not the URL of a Redis: write e.g. redis://host:6379/0")
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (cfg *config) checkOrigins() error {
	var problems []error
	for _, origin := range cfg.CORSOrigins {
		if err := server.CheckOrigin(origin); err != nil {
			problems = append(problems, fmt.Errorf("IGNY8_CORS_ORIGINS: %w", err))
		}
	}
	return errors.Join(problems...)
}

func (cfg *config) checkRanges() error {
	var problems []error
	check := func(ok bool, text string) {
		if !ok {
			problems = append(problems, errors.New(text))
		}
	}
	check(cfg.BankDeadlineDays >= 1 && cfg.BankDeadlineDays <= 90, "IGNY8_BANK_DEADLINE_DAYS is out of range: 1 to 90")
	check(cfg.DatabaseConns >= 0 && cfg.DatabaseConns <= 1000, "IGNY8_DATABASE_CONNS is out of range: 0 to 1000")
	check(cfg.StatementTimeout >= time.Second && cfg.StatementTimeout <= 5*time.Minute, "IGNY8_STATEMENT_TIMEOUT is out of range: 1s to 5m")
	check(cfg.DrainTimeout >= 0 && cfg.DrainTimeout <= 5*time.Minute, "IGNY8_DRAIN_TIMEOUT is out of range: 0s to 5m")
	return errors.Join(problems...)
}

func (cfg *config) checkLog() error {
	if cfg.LogFormat != "" && cfg.LogFormat != "json" && cfg.LogFormat != "text" {
		return errors.New("IGNY8_LOG_FORMAT is neither json nor text")
	}
	return nil
}

// unfitForProduction says what production must not be started with.
func (cfg *config) unfitForProduction() []string {
	var problems []string
	if cfg.Debug {
		problems = append(problems, "IGNY8_DEBUG is set: profiles and debug output are not for production")
	}
	if cfg.ThrottleOff {
		problems = append(problems, "IGNY8_THROTTLE_OFF is set: nobody would be throttled")
	}
	if cfg.TestClocks {
		problems = append(problems, "IGNY8_TEST_CLOCKS is set: accounts of production live by the real time")
	}
	if cfg.VaultKeys != "" {
		if why := weakKeys(cfg.VaultKeys, parseVaultKeys); why != "" {
			problems = append(problems, "IGNY8_VAULT_KEYS: "+why)
		}
	}
	if cfg.Secret != "" {
		if why := weakness([]byte(cfg.Secret)); why != "" {
			problems = append(problems, "IGNY8_SECRET "+why+": take one from igny8 keys generate")
		}
	}
	if cfg.SigningKeys != "" {
		if why := weakKeys(cfg.SigningKeys, parseSigningKeys); why != "" {
			problems = append(problems, "IGNY8_SIGNING_KEYS: "+why)
		}
	}
	return problems
}

// stripe is how Stripe is reached.
func (cfg *config) stripe() stripe.Config {
	return stripe.Config{SecretKey: cfg.StripeKey, WebhookSecrets: cfg.StripeSecrets, APIURL: cfg.StripeURL}
}

// conns is the size of the pool: measured, two connections a processor serve the most requests.
func (cfg *config) conns() int32 {
	const perProcessor, fewest, most = 2, 4, 64
	if cfg.DatabaseConns > 0 {
		return cfg.DatabaseConns
	}
	return int32(min(max(perProcessor*runtime.GOMAXPROCS(0), fewest), most))
}

// seller is who issues invoices.
func (cfg *config) seller() billing.Party {
	lines := strings.Split(cfg.SellerAddress, "|")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return billing.Party{Name: cfg.SellerName, Address: strings.Join(lines, "\n"), TaxID: cfg.SellerTaxID}
}
