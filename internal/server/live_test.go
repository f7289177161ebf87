package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"igny8.com/accounts/internal/server"
)

// What opens a stream is not ended by the limit on requests, is logged when it ends by the status it had, and
// is ended by a stop, which waits for it.
func TestRun_LetsStreamsLastUntilItStops(t *testing.T) {
	t.Parallel()
	const limit = 50 * time.Millisecond
	stopping, gone := make(chan struct{}), make(chan struct{})
	s := newServer(t, func(cfg *server.Config) {
		cfg.RequestTimeout = limit
		cfg.Lasts = func(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }
		cfg.Drain = func(ctx context.Context) error {
			close(stopping)
			select {
			case <-gone:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		cfg.GraphQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "" {
				<-r.Context().Done()
				_, _ = io.WriteString(w, "timed out")
				return
			}
			defer close(gone)
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			<-time.After(4 * limit) // longer than any request may take: nothing else says that it is not ended
			for _, text := range []string{"still here", "bye"} {
				if err := conn.Write(r.Context(), websocket.MessageText, []byte(text)); err != nil {
					t.Error(err)
				}
				<-stopping
			}
			_ = conn.Close(websocket.StatusGoingAway, "")
		})
	})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()
	at := fmt.Sprintf("http://%s/graphql", listener.Addr())

	//nolint:bodyclose // the package does, where there is a connection
	conn, _, err := websocket.Dial(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	read := func() string {
		_, text, err := conn.Read(t.Context())
		return fmt.Sprint(string(text), err)
	}
	if got := read(); got != "still here<nil>" {
		t.Errorf("after the limit: %s", got)
	}
	stop()
	if got := read(); got != "bye<nil>" {
		t.Errorf("at the stop: %s", got)
	}
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("closed by %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	// The line is written when the handler has returned, which nobody waits for.
	end, looks := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer looks.Stop()
	for {
		for _, line := range s.log.lines(t, "request") {
			if line["status"] == float64(http.StatusSwitchingProtocols) {
				return
			}
		}
		select {
		case <-looks.C:
		case <-end:
			t.Fatalf("the socket is not logged: %s", s.log)
		}
	}
}
