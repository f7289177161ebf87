package web_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"igny8.com/accounts/web"
	"igny8.com/accounts/web/webtest"
)

const (
	editorReady = `document.querySelector('.graphiql-query-editor .view-line')?.innerText.length > 0`
	docsReady   = `document.querySelector('.graphiql-doc-explorer')?.innerText.includes('Root Types')`
	signedIn    = `document.querySelector('.who')?.innerText.includes('` + demoAccount + `')`
	runButton   = `.graphiql-execute-button`
)

// responseShows is an expression that is true once the result pane holds the text.
func responseShows(text string) string {
	// The editor draws blanks as U+00A0.
	return fmt.Sprintf(`document.querySelector('.graphiql-response').innerText.replaceAll('\u00a0', ' ').includes(%q)`, text)
}

// open shows the page and waits until the editor can be used.
func open(ctx context.Context, t *testing.T, server *fake) {
	t.Helper()
	webtest.Do(ctx, t, chromedp.Navigate(server.URL+"/"))
	webtest.WaitFor(ctx, t, editorReady)
	// Without the schema GraphiQL neither checks nor completes operations.
	webtest.WaitFor(ctx, t, `!document.querySelector('.graphiql-sidebar .graphiql-spin')`)
}

// signIn signs in through the form.
func signIn(ctx context.Context, t *testing.T, password string) {
	t.Helper()
	webtest.Do(
		ctx, t,
		chromedp.Click(`[popovertarget="sign-in"]`, chromedp.ByQuery),
		chromedp.SendKeys(`#sign-in input[name=email]`, "scale@igny8.com", chromedp.ByQuery),
		chromedp.SendKeys(`#sign-in input[name=password]`, password+kb.Enter, chromedp.ByQuery),
	)
}

// openExample chooses an example in the menu.
func openExample(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	webtest.Do(
		ctx, t,
		chromedp.Click(`[popovertarget="examples"]`, chromedp.ByQuery),
		chromedp.Click(`[data-example="`+name+`"]`, chromedp.ByQuery),
	)
	webtest.WaitFor(ctx, t, `document.querySelector('.graphiql-tab-active')?.innerText.includes('`+name+`')`)
}

// clean fails the test where the page reached for another host, touched a cookie or complained.
// It closes the browser.
func clean(ctx context.Context, t *testing.T, server *fake, record *webtest.Record) {
	t.Helper()
	if foreign := record.Foreign(server.URL); len(foreign) > 0 {
		t.Errorf("the page asked other hosts: %q", foreign)
	}
	asked := webtest.Close(ctx, t, record)
	if foreign := webtest.Foreign(server.URL, asked); len(foreign) > 0 {
		t.Errorf("the page, or a worker of it, asked other hosts: %q", foreign)
	}
	if !slices.Contains(asked, server.URL+"/graphql") {
		t.Errorf("the network log misses the page's own requests: %q", asked)
	}
	for _, cookie := range record.Cookies() {
		if strings.HasPrefix(cookie, "sent: ") {
			t.Errorf("a cookie was %s", cookie)
		}
	}
	if problems := record.Problems(); len(problems) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(problems, "\n"))
	}
}

func TestPage_ExploresAndRunsWithoutAnyOtherHostOrCookie(t *testing.T) {
	t.Parallel()
	server := newFake(t, demoConfig())
	ctx, record := webtest.Chromium(t)
	open(ctx, t, server)

	webtest.Do(ctx, t, chromedp.Click(`[aria-label="Show Documentation Explorer"]`, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, docsReady)
	webtest.Do(ctx, t, chromedp.Click(runButton, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, responseShows(`"amount": "89.00"`))
	webtest.Screenshot(ctx, t, "light")

	webtest.Do(ctx, t, chromedp.Click(`.graphiql-doc-explorer-type-name`, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, `document.querySelector('.graphiql-doc-explorer').innerText.includes('paymentQueue')`)

	var cookies []*network.Cookie
	webtest.Do(ctx, t, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		cookies, err = network.GetCookies().Do(ctx)
		return err
	}))
	if len(cookies) > 0 {
		t.Errorf("the browser keeps cookies: %v", cookies)
	}
	if workers := slices.DeleteFunc(record.Requests(), func(r webtest.Request) bool {
		return !strings.Contains(r.URL, ".worker-")
	}); len(workers) < 2 {
		t.Errorf("the editors' workers are not in use: %v", workers)
	}
	clean(ctx, t, server, record)
}

func TestPage_SignsInWithTheFormAndOutAgain(t *testing.T) {
	t.Parallel()
	server := newFake(t, demoConfig())
	ctx, record := webtest.Chromium(t)
	open(ctx, t, server)

	signIn(ctx, t, demoPassword)
	webtest.WaitFor(ctx, t, signedIn)
	if who := webtest.Evaluate[string](ctx, t, `document.querySelector('.who').innerText`); !strings.Contains(who, "Scale") ||
		!strings.Contains(who, "scale@igny8.com") || !strings.Contains(who, "owner") {
		t.Errorf("the header says %q", who)
	}

	webtest.Do(ctx, t, chromedp.Click(runButton, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, responseShows(`"slug": "starter"`))
	if runs := server.received("plans"); len(runs) != 1 || runs[0].authorization != "Bearer access-i" {
		t.Errorf("the editor's operation came as %+v", runs)
	}

	// The token survives a reload, but not the tab, and the refresh token is in no storage at all.
	kept := webtest.Evaluate[string](ctx, t, `JSON.stringify({...localStorage}) + document.cookie`)
	if strings.Contains(kept, "access-i") || strings.Contains(kept, demoPassword) {
		t.Errorf("localStorage or a cookie holds a secret: %s", kept)
	}
	if session := webtest.Evaluate[string](ctx, t, `JSON.stringify({...sessionStorage})`); strings.Contains(session, "refresh-i") ||
		strings.Contains(session, demoPassword) {
		t.Errorf("sessionStorage holds a secret: %s", session)
	}
	webtest.Do(ctx, t, chromedp.Reload())
	webtest.WaitFor(ctx, t, signedIn)

	webtest.Do(ctx, t, chromedp.Click(`.who button`, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, `document.querySelector('[popovertarget="sign-in"]') && !document.querySelector('.who')`)
	webtest.WaitFor(ctx, t, `!JSON.stringify({...sessionStorage}).includes('access-i')`)
	eventually(t, "the session ends on the server", func() bool {
		out := server.received("logOut")
		return len(out) == 1 && out[0].authorization == "Bearer access-i"
	})
	clean(ctx, t, server, record)
}

func TestPage_ShowsWhyItDoesNotSignIn(t *testing.T) {
	t.Parallel()
	server := newFake(t, demoConfig())
	ctx, record := webtest.Chromium(t)
	open(ctx, t, server)

	signIn(ctx, t, "wrong")
	webtest.WaitFor(ctx, t, `document.querySelector('#sign-in [role=alert]').innerText === 'Email and password do not match.'`)

	webtest.Do(
		ctx, t,
		chromedp.KeyEvent(kb.Escape),
		chromedp.SendKeys(`input[name=access-token]`, "stale"+kb.Enter, chromedp.ByQuery),
	)
	webtest.WaitFor(ctx, t, `document.querySelector('.bar .problem').innerText === 'The token is not valid.'`)
	if asked := server.received("viewer"); len(asked) != 1 || asked[0].authorization != "Bearer stale" {
		t.Errorf("the pasted token came as %+v", asked)
	}
	clean(ctx, t, server, record)
}

func TestPage_NeverSendsTheBrowsersCookies(t *testing.T) {
	t.Parallel()
	server := newFake(t, demoConfig())
	ctx, _ := webtest.Chromium(t)
	webtest.Do(ctx, t, network.SetCookie("staff-session", "secret").WithURL(server.URL))
	open(ctx, t, server)

	signIn(ctx, t, demoPassword)
	webtest.WaitFor(ctx, t, signedIn)
	webtest.Do(ctx, t, chromedp.Click(runButton, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, responseShows(`"slug": "starter"`))
	for _, field := range server.fields() {
		for _, operation := range server.received(field) {
			if operation.cookie != "" {
				t.Errorf("%s came with the cookie %q", field, operation.cookie)
			}
		}
	}
	if stored := webtest.Evaluate[string](ctx, t, `document.cookie`); strings.Contains(stored, "tracker") {
		t.Errorf("the browser took a cookie from the API: %q", stored)
	}
}

func TestPage_RefreshesTheSessionBeforeItEnds(t *testing.T) {
	t.Parallel()
	server := newFake(t, demoConfig())
	server.lifetime = 10 * time.Second // Inside the span in which the page asks for a new one.
	ctx, record := webtest.Chromium(t)
	open(ctx, t, server)

	signIn(ctx, t, demoPassword)
	webtest.WaitFor(ctx, t, signedIn)
	webtest.Do(ctx, t, chromedp.Click(runButton, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, responseShows(`"slug": "starter"`))

	refreshed := server.received("refreshSession")
	if len(refreshed) == 0 || refreshed[0].authorization != "" {
		t.Fatalf("the session was refreshed as %+v", refreshed)
	}
	want := "Bearer access-" + strings.Repeat("i", 1+len(refreshed))
	if runs := server.received("plans"); len(runs) != 1 || runs[0].authorization != want {
		t.Errorf("the operation came as %+v, want %s", runs, want)
	}
	clean(ctx, t, server, record)
}

func TestPage_OpensExamplesInTabsOfTheirOwnWithTheirVariables(t *testing.T) {
	t.Parallel()
	server := newFake(t, demoConfig())
	ctx, record := webtest.Chromium(t)
	open(ctx, t, server)

	webtest.Do(ctx, t, chromedp.Click(`[popovertarget="examples"]`, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, `document.querySelector('#examples').matches(':popover-open')`)
	webtest.Screenshot(ctx, t, "examples")
	webtest.Do(ctx, t, chromedp.KeyEvent(kb.Escape))

	signIn(ctx, t, demoPassword)
	webtest.WaitFor(ctx, t, signedIn)
	openExample(ctx, t, "RequestBankTransfer")
	webtest.Do(ctx, t, chromedp.Click(runButton, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, responseShows("pay_4711"))
	openExample(ctx, t, "DeclarePayment")
	webtest.Do(ctx, t, chromedp.Click(runButton, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, responseShows(`"declarePayment": null`))

	if tabs := webtest.Evaluate[int](ctx, t, `document.querySelectorAll('.graphiql-tab').length`); tabs != 3 {
		t.Errorf("%d tabs are open, want the first and one an example", tabs)
	}
	requested, declared := server.received("requestBankTransfer"), server.received("declarePayment")
	if len(requested) != 1 || len(declared) != 1 {
		t.Fatalf("operations: %+v, %+v", requested, declared)
	}
	request, _ := requested[0].variables["input"].(object)
	if key, _ := request["idempotencyKey"].(string); len(key) != 36 {
		t.Errorf("the idempotency key is %q", key)
	}
	if request["planSlug"] != "scale" {
		t.Errorf("the plan to pay for is %v, want the account's own", request["planSlug"])
	}
	input, _ := declared[0].variables["input"].(object)
	if input["paymentId"] != "pay_4711" {
		t.Errorf("the declared payment is %v, want the one that was requested", input["paymentId"])
	}
	if _, err := time.Parse(time.DateOnly, fmt.Sprint(input["sentOn"])); err != nil {
		t.Error(err)
	}
	clean(ctx, t, server, record)
}

func TestPage_OffersTheTokenOfAnAnswer(t *testing.T) {
	t.Parallel()
	server := newFake(t, demoConfig())
	ctx, record := webtest.Chromium(t)
	webtest.Do(ctx, t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "dark"},
	}))
	open(ctx, t, server)

	openExample(ctx, t, "LogIn")
	webtest.Do(ctx, t, chromedp.Click(runButton, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, `document.querySelector('.offer')`)
	webtest.Screenshot(ctx, t, "dark-offer")
	webtest.Do(ctx, t, chromedp.Click(`.offer .link`, chromedp.ByQuery))
	webtest.WaitFor(ctx, t, signedIn+` && !document.querySelector('.offer')`)
	webtest.Screenshot(ctx, t, "dark")
	clean(ctx, t, server, record)
}

func TestPage_ShowsDemoUsersInDemoModeAlone(t *testing.T) {
	t.Parallel()
	demo, plain := demoConfig(), demoConfig()
	plain.Demo = false
	for _, cfg := range []web.Config{demo, plain} {
		server := newFake(t, cfg)
		ctx, record := webtest.Chromium(t)
		open(ctx, t, server)
		webtest.Do(ctx, t, chromedp.Click(`[popovertarget="sign-in"]`, chromedp.ByQuery))
		webtest.WaitFor(ctx, t, `document.activeElement.name === 'email'`)
		if cfg.Demo {
			webtest.Screenshot(ctx, t, "sign-in")
			webtest.Do(ctx, t, chromedp.Click(`.demo button`, chromedp.ByQuery))
			webtest.WaitFor(ctx, t, signedIn)
		} else if html := webtest.Evaluate[string](ctx, t, `document.documentElement.outerHTML`); strings.Contains(html, demoPassword) {
			t.Error("the page of a server without demo state carries the demo password")
		}
		clean(ctx, t, server, record)
	}
}

// eventually waits for what the browser causes on the server.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); <-again.C {
		if holds() {
			return
		}
	}
	t.Fatalf("it never came to pass that %s", what)
}
