package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"igny8.com/accounts/internal/demo"
)

// runningDemo is the whole service over the demo state, with all that works beside the requests.
func runningDemo(t *testing.T, change ...func(*config)) *httptest.Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := demoService(t, listener, change...)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the service ended with %v", err)
		}
	})
	return &httptest.Server{URL: "http://" + listener.Addr().String()}
}

// exchange is a request as it went over the wire, and the status of its answer; 0 where the answer was lost.
type exchange struct {
	Operation  string
	Text, Hash bool
	Status     int
	// Token is what came in Authorization or X-API-Key.
	Token string
}

// wire stands between a client and the service, as a network does that is not always kind.
type wire struct {
	url string
	// before is called for each request before it is handed on; it may change its headers.
	before func(e exchange, r *http.Request)
	// lose says of an answer that it gets lost on its way, the request having been carried out.
	lose func(e exchange) bool

	mu   sync.Mutex
	seen []exchange
}

func newWire(t *testing.T, service string) *wire {
	t.Helper()
	target, err := url.Parse(service)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{before: func(exchange, *http.Request) {}, lose: func(exchange) bool { return false }}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1, // streams
		ModifyResponse: func(r *http.Response) error {
			if e := r.Request.Context().Value(w).(*exchange); true {
				e.Status = r.StatusCode
				if w.lose(*e) {
					e.Status = 0
					return io.ErrUnexpectedEOF
				}
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		e := &exchange{Token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + r.Header.Get("X-API-Key")}
		if r.Method == http.MethodPost {
			e.read(t, r)
			// Told before the answer leaves, since the client ends when it has read it; and in the order of the answers.
			defer w.note(e)
		}
		w.before(*e, r)
		proxy.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), w, e)))
	}))
	t.Cleanup(server.Close)
	w.url = server.URL + "/graphql"
	return w
}

func (w *wire) note(e *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, *e)
}

// of are the exchanges of an operation.
func (w *wire) of(operation string) (found []exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.seen {
		if e.Operation == operation {
			e.Token = ""
			found = append(found, e)
		}
	}
	return found
}

// read finds out which operation a request asks for.
func (e *exchange) read(t *testing.T, r *http.Request) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var request struct {
		Query, OperationName string
		Extensions           struct{ PersistedQuery *struct{ Sha256Hash string } }
	}
	if err := json.Unmarshal(body, &request); err != nil {
		t.Errorf("%v in %s", err, body)
	}
	e.Operation, e.Text, e.Hash = request.OperationName, request.Query != "", request.Extensions.PersistedQuery != nil
	if e.Operation == "" {
		// `mutation LogIn($input: …`
		_, after, _ := strings.Cut(request.Query, " ")
		e.Operation, _, _ = strings.Cut(after, "(")
		e.Operation = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(e.Operation), "{ \n"))
	}
}

const demoOwner, demoPassword = "scale@igny8.com", demo.Password
