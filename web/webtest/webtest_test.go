package webtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"igny8.com/accounts/web/webtest"
)

// page does everything that a record is there to show.
const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>
console.error('shouted');
fetch('http://example.com/from-the-page').catch(() => {});
fetch('/blocked', {method: 'POST', headers: {'X-Note': 'yes'}, body: 'text'});
new Worker('/worker.js').onmessage = () => { document.body.append('done') };
</script>`

const worker = `fetch('http://example.com/from-a-worker').catch(() => {}).then(() => postMessage('done'))`

func TestRecord_ShowsWhatAPageDoes(t *testing.T) {
	t.Parallel()
	ctx, record := webtest.Chromium(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			http.SetCookie(w, &http.Cookie{Name: "kept", Value: "1", HttpOnly: true})
			w.Header().Set("Content-Security-Policy", "img-src 'none'")
			_, _ = fmt.Fprint(w, page, `<body><img src="/picture.png">`)
		case "/worker.js":
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = fmt.Fprint(w, worker)
		}
	}))
	defer server.Close()

	webtest.Do(ctx, t, chromedp.Navigate(server.URL+"/"))
	webtest.WaitFor(ctx, t, `document.body.innerText.includes('done')`)
	if text := webtest.Evaluate[string](ctx, t, `document.body.innerText`); !strings.Contains(text, "done") {
		t.Errorf("the page shows %q", text)
	}

	problems := strings.Join(record.Problems(), "\n")
	for _, want := range []string{"console error: ", "shouted", "Content Security Policy", "ERR_NAME_NOT_RESOLVED"} {
		if !strings.Contains(problems, want) {
			t.Errorf("the problems do not tell of %q:\n%s", want, problems)
		}
	}
	cookies := strings.Join(record.Cookies(), "\n")
	for _, want := range []string{"received: kept=1", "sent: kept=1"} {
		if !strings.Contains(cookies, want) {
			t.Errorf("the cookies do not tell of %q:\n%s", want, cookies)
		}
	}
	var posted []webtest.Request
	for _, request := range record.Requests() {
		if request.Method == http.MethodPost {
			posted = append(posted, request)
		}
	}
	if len(posted) != 1 || posted[0].Body != "text" || posted[0].Header["x-note"] != "yes" {
		t.Errorf("posted: %+v", posted)
	}
	if foreign := record.Foreign(server.URL); len(foreign) != 1 || foreign[0] != "http://example.com/from-the-page" {
		t.Errorf("the page's foreign requests: %q", foreign)
	}
	all := webtest.Foreign(server.URL, webtest.Close(ctx, t, record))
	if text := strings.Join(all, "\n"); !strings.Contains(text, "from-the-page") || !strings.Contains(text, "from-a-worker") {
		t.Errorf("the network log's foreign requests: %q", all)
	}
}
