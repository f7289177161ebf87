package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/quotedprintable"
	"net"
	"net/http"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"igny8.com/accounts/internal/mail"
)

// scene is the API with its export beside it, whose letters are delivered to a directory.
type scene struct {
	*api

	r      *Resolver
	box    string
	sender mail.Sender
}

func newScene(tb testing.TB, options ...option) *scene {
	tb.Helper()
	s := &scene{box: tb.TempDir()}
	var err error
	if s.sender, err = mail.Open("file://"+s.box, "IGNY8 <accounts@example.com>"); err != nil {
		tb.Fatal(err)
	}
	withExport := func(r *Resolver, _ *Config, middleware *func(http.Handler) http.Handler) {
		s.r = r
		authenticate := *middleware
		*middleware = func(next http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", next)
			mux.Handle("GET /export.json", ExportHandler(r))
			return authenticate(mux)
		}
	}
	s.api = serve(tb, append([]option{withExport}, options...)...)
	return s
}

// deliver does what the server's keeper does when it is woken, once.
func (s *scene) deliver() {
	s.t.Helper()
	now := s.clock.now()
	if _, err := s.r.Auth.WorkResetRequests(s.t.Context(), now); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.r.Mail.SendDue(s.t.Context(), s.r.DB, s.sender, slog.New(slog.DiscardHandler), now); err != nil {
		s.t.Fatal(err)
	}
}

// letters are the texts that were delivered to an address, oldest first.
func (s *scene) letters(to string) []string {
	s.t.Helper()
	s.deliver()
	files, err := filepath.Glob(filepath.Join(s.box, "*.eml"))
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(files) // their names begin with when they were written
	texts := []string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		letter, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			s.t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(letter.Body))
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.Contains(letter.Header.Get("To"), "<"+to+">") {
			texts = append(texts, string(text))
		}
	}
	return texts
}

// token is the one in the newest letter to an address whose link leads to a page of that name.
func (s *scene) token(to, page string) string {
	s.t.Helper()
	link := regexp.MustCompile(`https://app\.test/` + page + `#token=(\S+)`)
	for _, text := range slices.Backward(s.letters(to)) {
		if found := link.FindStringSubmatch(text); found != nil {
			token, err := url.QueryUnescape(found[1])
			if err != nil {
				s.t.Fatal(err)
			}
			return token
		}
	}
	s.t.Fatalf("no letter to %s leads to %s", to, page)
	return ""
}

// caller is somebody who asks: by the headers that say who they are, from an address of their own.
type caller struct {
	*api

	header map[string]string
	client *http.Client
}

func (a *api) nobody() *caller { return &caller{api: a, client: http.DefaultClient} }

func (a *api) as(token string) *caller {
	return &caller{api: a, client: http.DefaultClient, header: map[string]string{"Authorization": "Bearer " + token}}
}

func (a *api) withKey(secret string) *caller {
	return &caller{api: a, client: http.DefaultClient, header: map[string]string{"X-API-Key": secret}}
}

// from lets the caller ask from another address of this machine, by connections of their own.
func (c *caller) from(ip string) *caller {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &caller{api: c.api, header: c.header, client: &http.Client{Transport: transport}}
}

// reply is what came back, with its status and headers.
type reply struct {
	*answer

	status int
	header http.Header
}

// code is the code of the first top-level error; empty where there is none.
func (r *reply) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return fmt.Sprint(r.Errors[0].Extensions["code"])
}

// ask sends an operation, for goroutines that may not end the test.
func (c *caller) ask(ctx context.Context, query string, variables map[string]any) (*reply, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return nil, err
	}
	return c.send(ctx, c.url, body)
}

func (c *caller) send(ctx context.Context, at string, body []byte) (*reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if cookies := resp.Header.Values("Set-Cookie"); len(cookies) > 0 {
		return nil, fmt.Errorf("cookies were set: %v", cookies)
	}
	r := &reply{answer: &answer{t: c.t, text: string(text)}, status: resp.StatusCode, header: resp.Header}
	if err := json.Unmarshal(text, r.answer); err != nil {
		return nil, fmt.Errorf("%w in %s", err, text)
	}
	return r, nil
}

func (c *caller) do(query string, variables map[string]any) *reply {
	c.t.Helper()
	r, err := c.ask(c.t.Context(), query, variables)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// mutationOf is one that takes an input and answers the selection beside its userErrors.
func mutationOf(name, selection string) string {
	return fmt.Sprintf(`mutation($in: %sInput!) { %s(input: $in) { %s userErrors { message field code } } }`,
		strings.ToUpper(name[:1])+name[1:], name, selection)
}

// run runs a mutation; the reply's paths begin within its payload.
func (c *caller) run(name string, in map[string]any, selection string) *reply {
	c.t.Helper()
	if in == nil {
		in = map[string]any{}
	}
	r := c.do(mutationOf(name, selection), input(in))
	if payload, ok := r.Data[name].(map[string]any); ok {
		r.Data = payload
	}
	return r
}

// done checks that a mutation did what it was asked for.
func (r *reply) done() *reply {
	r.t.Helper()
	r.ok()
	if fmt.Sprint(r.Data["userErrors"]) != "[]" {
		r.t.Fatalf("refused: %s", r.text)
	}
	return r
}

// faults checks what a mutation was refused with: each a code, and the path of the input that is to blame.
func (r *reply) faults(want ...string) *reply {
	r.t.Helper()
	r.ok()
	got := []string{}
	for _, e := range r.Data["userErrors"].([]any) {
		fields := e.(map[string]any)
		path := []string{fmt.Sprint(fields["code"])}
		for _, step := range fields["field"].([]any) {
			path = append(path, fmt.Sprint(step))
		}
		got = append(got, strings.Join(path, " "))
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("refused with %q, want %q: %s", got, want, r.text)
	}
	return r
}

func (ans *answer) str(path string) string {
	ans.t.Helper()
	text, ok := ans.get(path).(string)
	if !ok {
		ans.t.Fatalf("%s is no text in %s", path, ans.text)
	}
	return text
}

const (
	sessionFields = "session { accessToken refreshToken expiresAt }"
	whoAmI        = `{ viewer { role user { id email } account { id name } } }`
)

// signedIn is the session that a mutation answered.
func (r *reply) signedIn(a *api) (*caller, string) {
	r.t.Helper()
	r.done()
	return a.as(r.str("session.accessToken")), r.str("session.refreshToken")
}

// entering tries to sign in.
func (a *api) entering(email, password string) *reply {
	a.t.Helper()
	return a.nobody().run("logIn", map[string]any{"email": email, "password": password}, sessionFields)
}

// atOnce calls fn so many times at once.
func atOnce[T any](n int, fn func(i int) T) []T {
	results := make([]T, n)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			results[i] = fn(i)
		})
	}
	close(start)
	all.Wait()
	return results
}

// with asks with these headers alone, and returns the body as it came.
func (s *scene) with(header map[string]string, body string) string {
	s.t.Helper()
	r, err := (&caller{api: s.api, header: header, client: http.DefaultClient}).send(s.t.Context(), s.url, []byte(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return r.text
}
