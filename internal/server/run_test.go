package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"igny8.com/accounts/internal/server"
)

// pipes is a listener without a network, so that the server's clocks can be turned by synctest.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial(t *testing.T) net.Conn {
	t.Helper()
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here
	case <-p.closed:
		t.Fatal("the listener is closed")
		return nil
	}
}

const request = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"

// answer reads one answer and returns its status and body.
func answer(t *testing.T, conn net.Conn) (int, string) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestRun_AnswersWhatIsUnderWayBeforeItStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		entered, release := make(chan struct{}), make(chan struct{})
		var cut error
		s := newServer(t, func(cfg *server.Config) {
			cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				<-release
				cut = r.Context().Err()
				_, _ = io.WriteString(w, "done")
			})
		})
		ctx, stop := context.WithCancel(t.Context())
		listener, ended := newPipes(), make(chan error, 1)
		go func() { ended <- s.Run(ctx, listener) }()

		conn := listener.dial(t)
		_, _ = io.WriteString(conn, request)
		<-entered
		stop()
		<-listener.closed
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("stopped with a request under way: %v", err)
		default:
		}
		close(release)
		if status, body := answer(t, conn); status != http.StatusOK || body != "done" || cut != nil {
			t.Errorf("answer %d %q, the request's context ended with %v", status, body, cut)
		}
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestRun_BreaksOffWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		entered := make(chan struct{})
		s := newServer(t, func(cfg *server.Config) {
			cfg.DrainTimeout = 3 * time.Second
			cfg.RequestTimeout = time.Hour
			cfg.GraphQL = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				close(entered)
				<-r.Context().Done()
			})
		})
		ctx, stop := context.WithCancel(t.Context())
		listener, ended := newPipes(), make(chan error, 1)
		go func() { ended <- s.Run(ctx, listener) }()
		conn := listener.dial(t)
		_, _ = io.WriteString(conn, request)
		<-entered
		start := time.Now()
		stop()
		err := <-ended
		if err == nil || !strings.Contains(err.Error(), "3s") {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("gave up after %s", took)
		}
		_ = conn.Close()
	})
}

func TestRun_ReportsAListenerThatFails(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	listener := newPipes()
	_ = listener.Close()
	if err := s.Run(t.Context(), listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run = %v", err)
	}
}

func TestRun_HangsUpOnSlowClients(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sent   string
		within time.Duration
	}{
		"nothing":     {"", 5 * time.Second},
		"half a head": {"POST /graphql HTTP/1.1\r\nHost:", 5 * time.Second},
		"half a body": {"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, func(cfg *server.Config) {
				cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.ReadAll(r.Body); err != nil {
						w.WriteHeader(http.StatusBadRequest)
					}
				})
			})
			ctx, stop := context.WithCancel(t.Context())
			listener, ended := newPipes(), make(chan error, 1)
			go func() { ended <- s.Run(ctx, listener) }()
			conn := listener.dial(t)
			start := time.Now()
			_, _ = io.WriteString(conn, c.sent)
			_, _ = io.Copy(io.Discard, conn)
			// net/http lingers half a second before it closes after an error.
			if took := time.Since(start); took > c.within+time.Second {
				t.Errorf("%s: the connection was held for %s", name, took)
			}
			stop()
			if err := <-ended; err != nil {
				t.Errorf("%s: Run = %v", name, err)
			}
		})
	}
}

func TestReadyz_GivesTheDatabaseOneSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := newServer(t, func(cfg *server.Config) {
			cfg.Ready = func(ctx context.Context) error {
				asked++
				<-ctx.Done()
				return ctx.Err()
			}
		})
		start := time.Now()
		const probes = 20
		codes := make(chan int, probes)
		for range probes {
			go func() { codes <- s.do("GET", "/readyz").Code }()
		}
		for range probes {
			if code := <-codes; code != http.StatusServiceUnavailable {
				t.Errorf("status %d", code)
			}
		}
		if took := time.Since(start); took != server.ReadyTimeout {
			t.Errorf("answered after %s", took)
		}
		if asked != 1 {
			t.Errorf("%d probes at once asked the database %d times, want once", probes, asked)
		}
	})
}

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

func TestLimits_RefuseBodiesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	var readErr error
	reached := false
	s := newServer(t, func(cfg *server.Config) {
		cfg.MaxBody = 10
		cfg.GraphQL = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			reached = true
			_, readErr = io.ReadAll(r.Body)
		})
	})
	post := func(body io.Reader) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/graphql", body))
		return w
	}
	if w := post(strings.NewReader("0123456789")); w.Code != http.StatusOK || readErr != nil {
		t.Errorf("a body at the limit: %d, %v", w.Code, readErr)
	}
	reached = false
	if w := post(strings.NewReader("0123456789+")); w.Code != http.StatusRequestEntityTooLarge || codeOf(t, w) != "BAD_REQUEST" || reached {
		t.Errorf("a body that says it is over the limit: %d, reached the handler: %v", w.Code, reached)
	}
	post(io.MultiReader(strings.NewReader("0123456789+")))
	if !isTooLarge(readErr) {
		t.Errorf("a body that does not say its length: %v", readErr)
	}
}

func TestLimits_EndARequestsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, func(cfg *server.Config) {
			cfg.GraphQL = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		})
		start := time.Now()
		s.do("POST", "/graphql")
		if took := time.Since(start); took != server.DefaultRequestTimeout {
			t.Errorf("the request had %s", took)
		}
	})
}

func TestPanic_IsMaskedAndLoggedOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.GraphQL = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret of the house") })
	})
	w := s.do("POST", "/graphql")
	if w.Code != http.StatusInternalServerError || codeOf(t, w) != "INTERNAL_SERVER_ERROR" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	id := w.Header().Get(server.RequestIDHeader)
	lines := s.log.lines(t, "panic")
	if len(lines) != 1 || lines[0]["cause"] != "secret of the house" || lines[0]["request_id"] != id ||
		!strings.Contains(fmt.Sprint(lines[0]["stack"]), "run_test.go") {
		t.Errorf("logged %v", lines)
	}
	if lines := s.log.lines(t, "request"); len(lines) != 1 || lines[0]["status"] != 500.0 || lines[0]["level"] != "WARN" {
		t.Errorf("access log %v", lines)
	}
}

func TestPanic_BreaksAnAnswerThatHasBegun(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"data":`)
			_ = http.NewResponseController(w).Flush()
			panic("halfway")
		})
	})
	web := httptest.NewServer(s)
	defer web.Close()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/graphql", http.NoBody)
	resp, err := web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("half an answer %q looked whole", body)
	}
	web.Close() // waits for the handler, and so for its log line
	if lines := s.log.lines(t, "request"); len(lines) != 1 || lines[0]["aborted"] != true {
		t.Errorf("access log %v", lines)
	}
}

func TestAccessLog_HoldsNothingSecret(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(cfg *server.Config) {
		cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			server.Annotate(r.Context(), slog.String("account", "acct_30"))
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "four")
		})
	})
	r := httptest.NewRequest(http.MethodPost, "/graphql?token=hush1&query=hush2", strings.NewReader(`{"password":"hush3"}`))
	r.Header.Set("Authorization", "Bearer hush4")
	r.Header.Set("X-API-Key", "hush5")
	r.Header.Set("Cookie", "sessionid=hush6")
	r.Header.Set("User-Agent", "hush7")
	r.Header.Set("Referer", "https://x/?hush8")
	r.RemoteAddr = "203.0.113.9:1"
	s.ServeHTTP(httptest.NewRecorder(), r)
	if strings.Contains(s.log.String(), "hush") {
		t.Errorf("log: %s", s.log)
	}
	lines := s.log.lines(t, "request")
	if len(lines) != 1 {
		t.Fatalf("log: %s", s.log)
	}
	for name, want := range map[string]any{
		"method": "POST", "path": "/graphql", "status": 202.0, "bytes": 4.0, "client": "203.0.113.9", "account": "acct_30", "level": "INFO",
	} {
		if lines[0][name] != want {
			t.Errorf("%s = %v, want %v", name, lines[0][name], want)
		}
	}
	if ms, ok := lines[0]["ms"].(float64); !ok || ms < 0 {
		t.Errorf("ms = %v", lines[0]["ms"])
	}
}

func TestAccessLog_KeepsProbesQuietAndPathsShort(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.do("GET", "/healthz")
	s.do("GET", "/"+strings.Repeat("a", 5000))
	lines := s.log.lines(t, "request")
	if len(lines) != 2 || lines[0]["level"] != "DEBUG" || lines[1]["level"] != "INFO" {
		t.Fatalf("log: %s", s.log)
	}
	if path, _ := lines[1]["path"].(string); len(path) > 210 {
		t.Errorf("a path of %d bytes was logged", len(path))
	}
}
