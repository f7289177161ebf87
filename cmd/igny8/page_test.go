package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/demo"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
	"igny8.com/accounts/web"
	"igny8.com/accounts/web/webtest"
)

// demoServer is the whole service over the demo state, as make run puts it together.
func demoServer(t *testing.T) *httptest.Server {
	t.Helper()
	listener := httptest.NewUnstartedServer(nil)
	s := demoService(t, listener.Listener)
	listener.Config.Handler = s.server
	t.Cleanup(s.stop)
	listener.Start()
	t.Cleanup(listener.Close)
	return listener
}

// demoService is the service that is reached by the listener.
func demoService(t *testing.T, listener net.Listener, change ...func(*config)) *service {
	t.Helper()
	db, hasher := pgtest.New(t), cheapHasher(t)
	if err := demo.Load(t.Context(), db.Admin, hasher.Hash, time.Now()); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	cfg := config{
		SigningKeys: keys, Secret: strings.Repeat("a secret of the tests ", 2), PublicURL: "http://" + listener.Addr().String(),
		VaultKeys: vault.Generate(), AppURL: "https://app.example.com", MailURL: "file://" + t.TempDir(), MailFrom: "accounts@example.com", ThrottleOff: true,
		BankInstructions: "Nothing is to be sent.", BankDeadlineDays: 14, DrainTimeout: time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := newService(t.Context(), parts{
		cfg: cfg,
		log: slog.New(slog.DiscardHandler), db: db.App, hasher: hasher, demo: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask runs an operation and returns its data; errors of any kind fail the test.
func ask(t *testing.T, server *httptest.Server, token, query string, variables map[string]any) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Data map[string]any }
	if err := json.Unmarshal(text, &answer); err != nil || bytes.Contains(text, []byte(`"errors"`)) || bytes.Contains(text, []byte(`"code"`)) {
		t.Fatalf("%s\nanswers %s", query, text)
	}
	return answer.Data
}

func signIn(t *testing.T, server *httptest.Server, email string) string {
	t.Helper()
	data := ask(t, server, "", `mutation($in: LogInInput!) { logIn(input: $in) { session { accessToken } userErrors { code } } }`,
		map[string]any{"in": map[string]any{"email": email, "password": demo.Password}})
	return data["logIn"].(map[string]any)["session"].(map[string]any)["accessToken"].(string)
}

// Every operation that the page offers works on the demo state, in the order of the menu.
func TestExamples_WorkOnTheDemoState(t *testing.T) {
	t.Parallel()
	server := demoServer(t)
	owner, staff := signIn(t, server, "payments@tacbit.net"), signIn(t, server, "dev@igny8.com")
	examples, err := web.Examples()
	if err != nil {
		t.Fatal(err)
	}
	if len(examples) < 10 {
		t.Fatalf("%d examples", len(examples))
	}
	known := map[string]string{"demo.email": "payments@tacbit.net", "demo.password": demo.Password}
	for i, example := range examples {
		variables, err := example.FillIn(fmt.Sprintf("key-%d", i), time.Now(), known)
		if err != nil {
			t.Fatal(err)
		}
		if input, ok := variables["input"].(map[string]any); ok && input["password"] == "" {
			input["password"] = demo.Password // the page leaves it to whoever tries
		}
		token := map[string]string{"Anyone": "", "Signed in": owner, "Owner": owner, "Staff": staff}[example.Group]
		data := ask(t, server, token, example.Query, variables)
		for field, answer := range data {
			if answer == nil {
				t.Errorf("%s: %s answers nothing", example.Name, field)
			}
			if payload, ok := answer.(map[string]any); ok {
				if payment, ok := payload["payment"].(map[string]any); ok {
					known["pay.id"] = fmt.Sprint(payment["id"])
				}
			}
		}
	}
	account := ask(t, server, owner, `{ account { status plan { slug } } }`, nil)["account"].(map[string]any)
	if account["status"] != "ACTIVE" || account["plan"].(map[string]any)["slug"] != "starter" {
		t.Errorf("after the examples the account is %v", account)
	}
}

// The page, the API and the demo state together, in a real browser that reaches no other host.
func TestPage_SignsInAndReadsTheDemoStateInABrowser(t *testing.T) {
	t.Parallel()
	server := demoServer(t)
	ctx, record := webtest.Chromium(t)
	webtest.Do(ctx, t, chromedp.Navigate(server.URL+"/"))
	webtest.WaitFor(ctx, t, `document.querySelector('.graphiql-query-editor .view-line')?.innerText.length > 0`)
	webtest.WaitFor(ctx, t, `!document.querySelector('.graphiql-sidebar .graphiql-spin')`)
	webtest.Do(
		ctx, t,
		chromedp.Click(`[popovertarget="sign-in"]`, chromedp.ByQuery),
		chromedp.SendKeys(`#sign-in input[name=email]`, "dev@igny8.com", chromedp.ByQuery),
		chromedp.SendKeys(`#sign-in input[name=password]`, demo.Password+kb.Enter, chromedp.ByQuery),
	)
	webtest.WaitFor(ctx, t, `document.querySelector('.who')?.innerText.includes('AWS Admin')`)
	webtest.Do(
		ctx, t,
		chromedp.Click(`[popovertarget="examples"]`, chromedp.ByQuery),
		chromedp.Click(`[data-example="MyAccount"]`, chromedp.ByQuery),
	)
	webtest.WaitFor(ctx, t, `document.querySelector('.graphiql-tab-active')?.innerText.includes('MyAccount')`)
	webtest.Do(ctx, t, chromedp.Click(`.graphiql-execute-button`, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, `document.querySelector('.graphiql-response').innerText.replaceAll('\u00a0', ' ').includes('"balance": 454')`)
	webtest.Screenshot(ctx, t, "demo")

	if cookies := record.Cookies(); slices.ContainsFunc(cookies, func(c string) bool { return strings.HasPrefix(c, "sent: ") }) {
		t.Errorf("cookies: %q", cookies)
	}
	if problems := record.Problems(); len(problems) > 0 {
		t.Errorf("the browser complains: %q", problems)
	}
	asked := webtest.Close(ctx, t, record)
	if foreign := webtest.Foreign(server.URL, asked); len(foreign) > 0 || !slices.Contains(asked, server.URL+"/graphql") {
		t.Errorf("asked %q, of which other hosts %q", asked, foreign)
	}
}
