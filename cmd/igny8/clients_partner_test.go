package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// siteKey is a new API key of the demo owner's first site.
func siteKey(t *testing.T, service *httptest.Server, token string, scopes ...string) string {
	t.Helper()
	data := ask(t, service, token, `mutation($in: CreateSiteApiKeyInput!) { createSiteApiKey(input: $in) { secret userErrors { code } } }`,
		map[string]any{"in": map[string]any{"siteId": "site_18", "name": "bridge", "scopes": scopes}})
	return data["createSiteApiKey"].(map[string]any)["secret"].(string)
}

// example runs a program of clients/ with an API key and returns what it printed.
func example(t *testing.T, folder, key, program string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed: the example in %s is not run", program, folder)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = filepath.Join("..", "..", "clients", folder)
	cmd.Env = append(os.Environ(), "IGNY8_API_KEY="+key)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s\n%s", program, args, err, out, stderr.String())
	}
	t.Logf("%s%s", out, stderr.String())
	return string(out)
}

// wants checks that each of the texts is there, in their order.
func wants(t *testing.T, out string, texts ...string) {
	t.Helper()
	rest := out
	for _, text := range texts {
		_, after, ok := strings.Cut(rest, text)
		if !ok {
			t.Errorf("no %s after what came before, in\n%s", text, out)
			return
		}
		rest = after
	}
}

// spentLines says how many times the demo account paid for something.
func spentLines(t *testing.T, service *httptest.Server, token string) string {
	t.Helper()
	lines := ask(t, service, token, `{ creditTransactions(filter: {type: DEDUCTION}) { totalCount } }`, nil)["creditTransactions"].(map[string]any)
	return fmt.Sprint(lines["totalCount"])
}

// The bridges, on a wire that loses the answer about money: run twice they pay once and report once. The
// account's bucket is emptied before they spend, so they have to come back when they are told to.
func TestClients_BridgesPayOnceAndComeBackWhenThrottled(t *testing.T) {
	t.Parallel()
	for program, args := range map[string][]string{"bash": {"bridge.sh"}, "php": {"bridge.php"}} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			service := runningDemo(t, func(cfg *config) { cfg.ThrottleOff = false })
			token := signIn(t, service, demoOwner)
			key := siteKey(t, service, token, "CREDITS", "SYNC")
			w := newWire(t, service.URL)
			var throttled, lost atomic.Bool
			w.before = func(_ exchange, r *http.Request) {
				if !throttled.Load() {
					drain(r.Context(), t, service.URL, token)
				}
			}
			w.lose = func(e exchange) bool {
				if e.Status == http.StatusTooManyRequests {
					throttled.Store(true)
				}
				return e.Operation == "Spend" && e.Status == http.StatusOK && lost.CompareAndSwap(false, true)
			}
			for range 2 {
				out := example(t, "partner", key, program, append(args, w.url, "4711")...)
				wants(t, out, `"scopes":["CREDITS","SYNC"]`, `"status":"ACTIVE"`, `"required":`, `"sufficient":true`, `"amount":-`, `"kind":"PUBLISH"`, `INSUFFICIENT_CREDITS`)
				if strings.Contains(out, key) {
					t.Error("the key is printed")
				}
			}
			if n := spentLines(t, service, token); n != "1" || !lost.Load() || !throttled.Load() {
				t.Errorf("%s lines; an answer lost: %v; throttled: %v; %+v", n, lost.Load(), throttled.Load(), w.of("Spend"))
			}
			events := ask(t, service, token, `{ site(id: "site_18") { syncEvents(first: 5) { totalCount } } }`, nil)["site"].(map[string]any)["syncEvents"]
			if fmt.Sprint(events.(map[string]any)["totalCount"]) != "1" {
				t.Errorf("sync events: %v", events)
			}
		})
	}
}

// drain pays from the account's bucket until nothing is left.
func drain(ctx context.Context, t *testing.T, service, token string) {
	t.Helper()
	for _, query := range []string{`{ sites(first: 100) { nodes { id industry { id } sectors { id } } } }`, `{ sites(first: 10) { nodes { id } } }`, `{ viewer { role } }`} {
		for status := http.StatusOK; status == http.StatusOK; {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, service+"/graphql", strings.NewReader(`{"query":"`+query+`"}`))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json"}, "Authorization": {"Bearer " + token}}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body) // for the connection's sake
			_ = resp.Body.Close()
			status = resp.StatusCode
		}
	}
}

func TestClients_GoExampleWorks(t *testing.T) {
	t.Parallel()
	service := runningDemo(t)
	token := signIn(t, service, demoOwner)
	key := siteKey(t, service, token, "CREDITS")
	w := newWire(t, service.URL)
	var lost atomic.Bool
	w.lose = func(e exchange) bool { return e.Operation == "Spend" && lost.CompareAndSwap(false, true) }
	program := filepath.Join(t.TempDir(), "example")
	example(t, "go", key, "go", "build", "-o", program, ".")
	wants(t, example(t, "go", key, program, w.url, "job-1"), `"apiKey":{"name":"bridge","scopes":["CREDITS"]}`, `"sufficient":true`, `"amount":-`,
		`INSUFFICIENT_CREDITS: `, `"result":["FORBIDDEN"]`)
	if n := spentLines(t, service, token); n != "1" || !lost.Load() {
		t.Errorf("%s lines; an answer lost: %v", n, lost.Load())
	}
}
