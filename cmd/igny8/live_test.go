package main

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/demo"
)

// The whole service, as it serves: an event through every layer, and a stop that ends the stream and is not
// kept waiting by it.
func TestService_TellsOfChangesUntilItStops(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := demoService(t, listener)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, listener) }()
	at := &httptest.Server{URL: "http://" + listener.Addr().String()}

	session := ask(t, at, "", `mutation($in: LogInInput!) { logIn(input: $in) { session { accessToken } } }`,
		map[string]any{"in": map[string]any{"email": "scale@igny8.com", "password": demo.Password}})
	token := session["logIn"].(map[string]any)["session"].(map[string]any)["accessToken"].(string)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.URL+"/graphql",
		strings.NewReader(`{"query":"subscription { creditsChanged { lastSeq } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "Accept": {"text/event-stream"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		return "the end"
	}
	first := next()
	ask(t, at, token, `mutation { spendCredits(input: {operation: CLUSTERING, idempotencyKey: "live"}) { credits { balance } userErrors { code } } }`, nil)
	if second := next(); !strings.Contains(second, "lastSeq") || second == first {
		t.Errorf("told first %s, then %s", first, second)
	}
	began := time.Now()
	stop()
	if told := next(); told != "the end" {
		t.Errorf("after the stop: %s", told)
	}
	if err := <-ended; err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("stopped after %s: %v", time.Since(began), err)
	}
}
