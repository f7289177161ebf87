package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
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
