package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"igny8.com/accounts/web"
)

var (
	assetPath   = regexp.MustCompile(`"(/assets/[^"]+)"`)
	configBlock = regexp.MustCompile(`(?s)<script type="application/json" id="config">(.*?)</script>`)
)

// answer is what the handler says to one request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends one request to the handler; headers come as name, value, name, value.
func ask(t *testing.T, handler http.Handler, method, path string, headers ...string) answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return answer{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
}

// assets are the paths that the page refers to.
func assets(t *testing.T, handler http.Handler) []string {
	t.Helper()
	matches := assetPath.FindAllSubmatch(ask(t, handler, http.MethodGet, "/").body, -1)
	paths := make([]string, len(matches))
	for i, match := range matches {
		paths[i] = string(match[1])
	}
	if len(paths) != 4 {
		t.Fatalf("the page refers to %q, want script, style, icon and licenses", paths)
	}
	return paths
}

func TestHandler_ServesThePageWithItsConfiguration(t *testing.T) {
	t.Parallel()
	cfg := demoConfig()
	cfg.Title = `Accounts </script><script>alert("&")`
	cfg.Endpoint = "/v1/graphql"
	response := ask(t, web.Handler(cfg), http.MethodGet, "/")
	if response.status != http.StatusOK || response.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("status %d, type %q", response.status, response.header.Get("Content-Type"))
	}
	if got := response.header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("the page may be cached: %q", got)
	}
	text := response.body
	if scripts := regexp.MustCompile(`<script[^>]*>`).FindAllString(string(text), -1); len(scripts) != 2 ||
		!strings.Contains(scripts[0], `type="module" src="/assets/`) || !strings.Contains(scripts[1], `type="application/json"`) {
		t.Errorf("the page has scripts of its own: %q", scripts)
	}
	if strings.Contains(string(text), "://") {
		t.Error("the page names another host")
	}

	var got struct {
		Title     string         `json:"title"`
		Endpoint  string         `json:"endpoint"`
		SchemaURL string         `json:"schemaURL"`
		Demo      bool           `json:"demo"`
		DemoUsers []web.DemoUser `json:"demoUsers"`
		Examples  []web.Example  `json:"examples"`
	}
	block := configBlock.FindSubmatch(text)
	if block == nil {
		t.Fatalf("no configuration in\n%s", text)
	}
	if err := json.Unmarshal(block[1], &got); err != nil {
		t.Fatal(err)
	}
	if got.Title != cfg.Title || got.Endpoint != cfg.Endpoint || got.SchemaURL != cfg.SchemaURL || !got.Demo {
		t.Errorf("configuration: %+v", got)
	}
	if len(got.DemoUsers) != 3 || got.DemoUsers[0].Password != demoPassword {
		t.Errorf("demo users: %+v", got.DemoUsers)
	}
	if len(got.Examples) < 10 {
		t.Errorf("%d examples", len(got.Examples))
	}
}

func TestHandler_DefaultsToTheProductsNames(t *testing.T) {
	t.Parallel()
	text := string(ask(t, web.Handler(web.Config{}), http.MethodGet, "/").body)
	for _, want := range []string{"<title>IGNY8 Accounts API</title>", `"endpoint":"/graphql"`, `"demoUsers":[]`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func TestHandler_KeepsDemoUsersInTheServerOutsideDemoMode(t *testing.T) {
	t.Parallel()
	cfg := demoConfig()
	cfg.Demo = false
	text := string(ask(t, web.Handler(cfg), http.MethodGet, "/").body)
	for _, secret := range []string{demoPassword, "dev@igny8.com", "scale@igny8.com"} {
		if strings.Contains(text, secret) {
			t.Errorf("the page carries %q", secret)
		}
	}
}

func TestHandler_ServesAssetsForEver(t *testing.T) {
	t.Parallel()
	handler := web.Handler(web.Config{})
	for _, path := range assets(t, handler) {
		plain := ask(t, handler, http.MethodGet, path)
		text := plain.body
		if plain.status != http.StatusOK || plain.header.Get("Content-Encoding") != "" {
			t.Fatalf("%s: status %d, encoding %q", path, plain.status, plain.header.Get("Content-Encoding"))
		}
		if got := plain.header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		if got := plain.header.Get("Content-Length"); got != strconv.Itoa(len(text)) {
			t.Errorf("%s: Content-Length %s for %d bytes", path, got, len(text))
		}

		packed := ask(t, handler, http.MethodGet, path, "Accept-Encoding", "br;q=1.0, gzip;q=0.8")
		compressed := packed.body
		if packed.header.Get("Content-Encoding") != "gzip" || packed.header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: headers %v", path, packed.header)
		}
		if got := packed.header.Get("Content-Length"); got != strconv.Itoa(len(compressed)) {
			t.Errorf("%s: Content-Length %s for %d bytes", path, got, len(compressed))
		}
		if !bytes.Equal(unzip(t, compressed), text) {
			t.Errorf("%s: the encodings differ", path)
		}
		if packed.header.Get("ETag") == plain.header.Get("ETag") {
			t.Errorf("%s: both encodings have the tag %s", path, plain.header.Get("ETag"))
		}
	}
}

func TestHandler_NegotiatesTheEncoding(t *testing.T) {
	t.Parallel()
	handler := web.Handler(web.Config{})
	for accept, want := range map[string]string{
		"":                    "",
		"gzip":                "gzip",
		"deflate, GZIP":       "gzip",
		"*":                   "gzip",
		"gzip;q=0":            "",
		"gzip; q=0.0, *":      "",
		"*;q=0":               "",
		"*;q=0, gzip;q=0.5":   "gzip",
		"br, zstd":            "",
		"identity":            "",
		"gzip;q=not-a-number": "",
	} {
		response := ask(t, handler, http.MethodGet, "/", "Accept-Encoding", accept)
		if got := response.header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q is answered in %q, want %q", accept, got, want)
		}
	}
}

func TestHandler_AnswersNotModifiedToWhoeverHasTheBytes(t *testing.T) {
	t.Parallel()
	handler := web.Handler(web.Config{})
	for _, path := range append(assets(t, handler), "/") {
		etag := ask(t, handler, http.MethodGet, path).header.Get("ETag")
		for condition, want := range map[string]int{
			etag:                    http.StatusNotModified,
			"W/" + etag:             http.StatusNotModified,
			`"other", ` + etag:      http.StatusNotModified,
			"*":                     http.StatusNotModified,
			`"other"`:               http.StatusOK,
			strings.Trim(etag, `"`): http.StatusOK,
		} {
			response := ask(t, handler, http.MethodGet, path, "If-None-Match", condition)
			if response.status != want {
				t.Errorf("%s: If-None-Match %s is answered with %d, want %d", path, condition, response.status, want)
			}
			if text := response.body; want == http.StatusNotModified && (len(text) > 0 || response.header.Get("ETag") != etag) {
				t.Errorf("%s: 304 with %d bytes and the tag %q", path, len(text), response.header.Get("ETag"))
			}
		}
		// The other encoding has other bytes.
		response := ask(t, handler, http.MethodGet, path, "If-None-Match", etag, "Accept-Encoding", "gzip")
		if response.status != http.StatusOK {
			t.Errorf("%s: the plain bytes' tag is taken for the compressed ones'", path)
		}
	}
}

func TestHandler_ChangesThePagesTagWithItsConfiguration(t *testing.T) {
	t.Parallel()
	one := ask(t, web.Handler(web.Config{}), http.MethodGet, "/").header.Get("ETag")
	same := ask(t, web.Handler(web.Config{}), http.MethodGet, "/").header.Get("ETag")
	other := ask(t, web.Handler(demoConfig()), http.MethodGet, "/").header.Get("ETag")
	if one != same || one == other {
		t.Errorf("tags: %s, %s and, with another configuration, %s", one, same, other)
	}
}

func TestHandler_SendsTheSecurityHeadersWithEveryAnswer(t *testing.T) {
	t.Parallel()
	handler := web.Handler(web.Config{})
	answers := map[string]answer{
		"page":        ask(t, handler, http.MethodGet, "/"),
		"asset":       ask(t, handler, http.MethodGet, assets(t, handler)[0]),
		"not found":   ask(t, handler, http.MethodGet, "/absent"),
		"not allowed": ask(t, handler, http.MethodPost, "/"),
	}
	for name, response := range answers {
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; worker-src 'self'; " +
				"style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; connect-src 'self'; " +
				"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
			"Set-Cookie":             "",
		} {
			if got := response.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
	}
}

func TestHandler_RefusesWhatIsNoRead(t *testing.T) {
	t.Parallel()
	handler := web.Handler(web.Config{})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch} {
		response := ask(t, handler, method, "/")
		if response.status != http.StatusMethodNotAllowed || response.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s / is answered with %d, Allow %q", method, response.status, response.header.Get("Allow"))
		}
	}
	for _, path := range append(assets(t, handler), "/") {
		for _, accept := range []string{"gzip", "identity"} {
			get := ask(t, handler, http.MethodGet, path, "Accept-Encoding", accept)
			head := ask(t, handler, http.MethodHead, path, "Accept-Encoding", accept)
			if head.status != http.StatusOK || len(head.body) > 0 ||
				head.header.Get("Content-Length") != get.header.Get("Content-Length") || head.header.Get("Content-Length") == "" {
				t.Errorf("HEAD %s: status %d, headers %v", path, head.status, head.header)
			}
		}
	}
}

func TestHandler_KnowsNoOtherPath(t *testing.T) {
	t.Parallel()
	handler := web.Handler(web.Config{})
	script := assets(t, handler)[0]
	for _, path := range []string{
		"/absent", "/index.html", "/assets", "/assets/", "/assets/manifest.json", "/assets/absent.js", script + ".gz", "/dist/manifest.json",
		"/graphiql/package.json", "/favicon.ico",
	} {
		if response := ask(t, handler, http.MethodGet, path); response.status != http.StatusNotFound {
			t.Errorf("%s is answered with %d", path, response.status)
		}
	}
}
