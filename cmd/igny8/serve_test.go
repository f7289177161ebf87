package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres/cluster"
)

// output is what a running program says, for reading while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// patience is longer than anything here takes on a busy machine.
const patience = time.Minute

// find waits until the output matches and returns the first group.
func (o *output) find(t *testing.T, pattern string, ended <-chan struct{}) string {
	t.Helper()
	re, limit := regexp.MustCompile(pattern), time.After(patience)
	for {
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m[1]
		}
		select {
		case <-o.more:
		case <-ended:
			if m := re.FindStringSubmatch(o.String()); m != nil {
				return m[1]
			}
			t.Fatalf("it ended without saying %s:\n%s", pattern, o)
		case <-limit:
			t.Fatalf("it never said %s:\n%s", pattern, o)
		}
	}
}

// api posts operations to a running server.
type api string

func (a api) post(t *testing.T, token, query string) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, string(a)+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Data   map[string]any `json:"data"`
		Errors []any          `json:"errors"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%s: %v %v", query, answer.Errors, err)
	}
	return answer.Data
}

func (a api) get(t *testing.T, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, string(a)+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
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

// dig goes down a path of names in an answer.
func dig(t *testing.T, answer any, path ...string) any {
	t.Helper()
	for _, name := range path {
		object, ok := answer.(map[string]any)
		if !ok {
			t.Fatalf("there is no %s in %v", name, answer)
		}
		answer = object[name]
	}
	return answer
}

// TestServe_RunsOnTheRolesThatAreShipped goes the whole way of a first installation: roles.sql as a
// superuser, migrate as one role, serve as the other, on a server that keeps what it acknowledges.
func TestServe_RunsOnTheRolesThatAreShipped(t *testing.T) {
	t.Parallel()
	server, err := cluster.Start(t.Context(), cluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	psql := filepath.Join(server.Binaries.Dir, "psql")
	if _, err := os.Stat(psql); errors.Is(err, os.ErrNotExist) {
		if psql, err = exec.LookPath("psql"); err != nil {
			t.Skip("psql, which deploy/roles.sql is written for, is not installed beside this Postgres")
		}
	}
	roles := exec.CommandContext(t.Context(), psql, "-v", "ON_ERROR_STOP=1", "-q", "-f", "../../deploy/roles.sql",
		server.URL(cluster.Superuser, "postgres"))
	roles.Env = append(os.Environ(), "IGNY8_MIGRATE_PASSWORD=it's one", "IGNY8_APP_PASSWORD=another")
	if out, err := roles.CombinedOutput(); err != nil {
		t.Fatalf("deploy/roles.sql: %v\n%s", err, out)
	}

	app := production(map[string]string{
		"DATABASE_URL": server.URL("igny8_app", "igny8"), "IGNY8_ADDR": "127.0.0.1:0",
		"IGNY8_PUBLIC_URL": "http://localhost:8080", "IGNY8_DRAIN_TIMEOUT": "5s",
		"IGNY8_METRICS_ADDR": "127.0.0.1:0",
	})
	if got := command(t.Context(), app, "serve"); got.code != exitFailure || !strings.Contains(got.stderr, "igny8 migrate up") ||
		len(got.problems(t)) != 1 {
		t.Fatalf("serve before the migrations: %+v", got)
	}
	owner := map[string]string{"DATABASE_URL": server.URL("igny8_migrate", "igny8")}
	if got := command(t.Context(), owner, "migrate", "up"); got.code != exitOK {
		t.Fatalf("migrate up: %+v", got)
	}
	asOwner := production(map[string]string{"DATABASE_URL": server.URL("igny8_migrate", "igny8"), "IGNY8_ADDR": "127.0.0.1:0"})
	if got := command(t.Context(), asOwner, "serve"); got.code != exitFailure || !strings.Contains(got.stderr, "owner of the table") {
		t.Errorf("serve as the role that migrates: %+v", got)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log, ended := newOutput(), make(chan struct{})
	code := -1
	go func() {
		defer close(ended)
		code = run(process{ctx, app, io.Discard, log}, []string{"serve"})
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", log)
		}
	})
	a := api("http://" + log.find(t, `"msg":"serving","address":"([^"]+)"`, ended))
	measured := api("http://" + log.find(t, `"msg":"serving metrics","address":"([^"]+)"`, ended))

	if status, body := a.get(t, "/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d %s", status, body)
	}
	u, err := url.Parse(string(a))
	if err != nil {
		t.Fatal(err)
	}
	if got := command(t.Context(), map[string]string{"IGNY8_ADDR": u.Host}, "healthcheck", "--ready"); got.code != exitOK {
		t.Errorf("healthcheck: %+v", got)
	}
	if _, body := a.get(t, "/"); strings.Contains(body, "igny8-demo-password") {
		t.Error("the page of production knows the demo's password")
	}
	hook, err := http.NewRequestWithContext(t.Context(), http.MethodPost, string(a)+"/webhooks/stripe", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(hook)
	if err != nil {
		t.Fatal(err)
	}
	why, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(why), "Stripe is not set up") {
		t.Errorf("/webhooks/stripe without a key: %d %s %v", answer.StatusCode, why, err)
	}
	if status, _ := a.get(t, "/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("/debug/pprof/ in production: %d", status)
	}
	token, _ := dig(t, a.post(t, "", `mutation { signUp(input: {email: "first@customer.example", password: "a long enough pass phrase", name: "First"}) {
		session { accessToken } userErrors { message } } }`), "signUp", "session", "accessToken").(string)
	if plan := dig(t, a.post(t, token, `{ account { plan { slug } } }`), "account", "plan", "slug"); plan != "free-trial" {
		t.Errorf("the first customer's plan is %v", plan)
	}

	log.find(t, `"what":"(settle_account)","count":1`, ended) // the first customer's trial was looked at
	if status, body := measured.get(t, "/metrics"); status != http.StatusOK ||
		!strings.Contains(body, `igny8_http_requests_total{method="POST",route="/graphql",status="200"} 2`) ||
		!strings.Contains(body, `igny8_http_requests_total{method="GET",route="other",status="404"} 1`) ||
		!strings.Contains(body, `igny8_job_runs_total{kind="settle_account",result="done"} 1`) ||
		!strings.Contains(body, `igny8_jobs{kind="settle_account",state="scheduled"} 1`) ||
		!strings.Contains(body, `igny8_stripe_events{status="dead"} 0`) {
		t.Errorf("/metrics: %d\n%s", status, body)
	}
	if status, _ := a.get(t, "/metrics"); status != http.StatusNotFound {
		t.Errorf("/metrics where clients come: %d", status)
	}

	stop()
	<-ended
	if code != exitOK {
		t.Errorf("exit code %d\n%s", code, log)
	}
	if strings.Contains(log.String(), token) || strings.Contains(log.String(), "pass phrase") {
		t.Error("the log holds a token or a password")
	}
	if !strings.Contains(log.String(), `"account":"acct_`) {
		t.Error("the access log does not say whose request it was")
	}
}
