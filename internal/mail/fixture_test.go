package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

const from = "IGNY8 <no-reply@igny8.test>"

// start is when the letters of tests are posted.
var start = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// server is a real SMTP server on this machine that keeps what it gets.
type server struct {
	*gosmtp.Server

	address string
	// onMail, onRcpt and onData judge what comes in; set before anything does, or under mu.
	onMail, onRcpt func(address string) error
	onData         func() error
	user, password string

	mu   sync.Mutex
	got  []received
	seen int
}

type received struct{ from, to, text string }

func newServer(t *testing.T, change ...func(*server)) *server {
	t.Helper()
	s := &server{}
	s.Server = gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen++
		return &session{server: s}, nil
	}))
	s.Domain, s.AllowInsecureAuth = "localhost", true
	s.ErrorLog = discard{}
	for _, c := range change {
		c(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		_ = listener.Close() // which Close does not know of where the test was over before Serve began
		<-done
	})
	return s
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

func (s *server) sender(t *testing.T) mail.Sender {
	t.Helper()
	return open(t, "smtp://"+s.address)
}

func open(t *testing.T, url string) mail.Sender {
	t.Helper()
	sender, err := mail.Open(url, from)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

func (s *server) messages() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

func (s *server) sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

type session struct {
	server *server
	now    received
	authed bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.user || password != s.server.password {
			return errors.New("wrong")
		}
		s.authed = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *gosmtp.MailOptions) error {
	if s.server.user != "" && !s.authed {
		return gosmtp.ErrAuthRequired
	}
	s.now = received{from: from}
	if s.server.onMail != nil {
		return s.server.onMail(from)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.now.to = to
	if s.server.onRcpt != nil {
		return s.server.onRcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.now.text = string(text)
	if s.server.onData != nil {
		if err := s.server.onData(); err != nil {
			return err
		}
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.got = append(s.server.got, s.now)
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// refusal is a server's no; its text repeats the address, as servers do.
func refusal(code int, address string) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: gosmtp.EnhancedCode{code / 100, 1, 1}, Message: "no <" + address + ">"}
}

func parse(t *testing.T, text string) *netmail.Message {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type fixture struct {
	db  *pgtest.DB
	box *mail.Box
	// log is what SendDue logged.
	log lockedBuffer
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newFixture(t *testing.T, options ...pgtest.Option) *fixture {
	t.Helper()
	keys, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{db: pgtest.New(t, options...), box: &mail.Box{Vault: keys, App: "https://app.igny8.test"}}
}

func (f *fixture) account(t *testing.T, slug string) (id gid.Account) {
	t.Helper()
	f.scan(t, &id, `INSERT INTO igny8_tenants (name, slug, plan_id, status)
		SELECT $1, $1, id, 'trial' FROM igny8_plans WHERE slug = 'free-trial' RETURNING id`, slug)
	return id
}

func (f *fixture) scan(t *testing.T, into any, sql string, args ...any) {
	t.Helper()
	if err := f.db.Admin.Pool.QueryRow(t.Context(), sql, args...).Scan(into); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func letterTo(tenant gid.Account, to string) mail.Letter {
	return mail.Letter{Tenant: tenant, Kind: "invitation", To: to, Subject: "A subject to look for", Text: "Open https://app.igny8.test/#token=secret"}
}

// post leaves letters in one transaction that ends with the error.
func (f *fixture) post(t *testing.T, end error, letters ...mail.Letter) {
	t.Helper()
	err := postgres.InTx(postgres.WithTenant(t.Context(), int64(letters[0].Tenant)), f.db.App, func(ctx context.Context, tx bun.Tx) error {
		for _, l := range letters {
			if err := f.box.Post(ctx, tx, l, start); err != nil {
				return err
			}
		}
		return end
	})
	if !errors.Is(err, end) {
		t.Fatal(err)
	}
}

// sendDue sends what is due so long after start.
func (f *fixture) sendDue(t *testing.T, sender mail.Sender, after time.Duration) int {
	t.Helper()
	n, err := f.box.SendDue(t.Context(), f.db.App, sender, slog.New(slog.NewTextHandler(&f.log, nil)), start.Add(after))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// state is where the one letter stands.
func (f *fixture) state(t *testing.T) (state string) {
	t.Helper()
	f.scan(t, &state, `SELECT concat_ws(' ', attempts, CASE WHEN sent_at IS NOT NULL THEN 'sent' WHEN given_up_at IS NOT NULL THEN 'given up' ELSE 'waits' END,
		CASE WHEN sealed IS NULL THEN 'forgotten' ELSE 'kept' END) FROM igny8_mails`)
	return state
}

func (f *fixture) dueIn(t *testing.T) time.Duration {
	t.Helper()
	var due time.Time
	f.scan(t, &due, `SELECT due_at FROM igny8_mails`)
	return due.Sub(start)
}

func wantState(t *testing.T, f *fixture, want string) {
	t.Helper()
	if got := f.state(t); got != want {
		t.Errorf("the letter: %s, want %s; log:\n%s", got, want, f.log.String())
	}
}

// wantQuiet says that the log tells of the letter without showing anything of it.
func wantQuiet(t *testing.T, f *fixture, message string) {
	t.Helper()
	log := f.log.String()
	if !strings.Contains(log, message) || !strings.Contains(log, "kind=invitation") || !strings.Contains(log, "id=") {
		t.Errorf("the log does not say %q of the letter:\n%s", message, log)
	}
	for _, secret := range []string{"ann@", "subject to look for", "secret"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
}

func numbered(n int) string { return fmt.Sprintf("person%d@example.com", n) }
