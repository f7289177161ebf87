package gqlhttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/gqlhttp/internal/testserver"
)

const hello = `{"query":"{ hello }"}`

func TestTransport_RefusesBodiesThatAreNotStrictJSON(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	const secret = "hunter2-hunter2"
	for name, tt := range map[string]struct{ body, reason string }{
		"nothing":                   {"", "INVALID_JSON"},
		"half an object":            {`{"query":"{ hello }","variables":{"password":"` + secret, "INVALID_JSON"},
		"a bare word":               {secret, "INVALID_JSON"},
		"single quotes":             {`{'query':'` + secret + `'}`, "INVALID_JSON"},
		"a comment":                 {`{"query":"{ hello }"} // ` + secret, "TRAILING_DATA"},
		"trailing bytes":            {hello + secret, "TRAILING_DATA"},
		"two values":                {hello + hello, "TRAILING_DATA"},
		"a trailing NUL":            {hello + "\x00", "TRAILING_DATA"},
		"a byte order mark":         {"\ufeff" + hello, "INVALID_JSON"},
		"a trailing comma":          {`{"query":"{ hello }",}`, "INVALID_JSON"},
		"a member twice":            {`{"query":"{ hello }","query":"{ ` + secret + ` }"}`, "DUPLICATE_KEY"},
		"a member twice by escape":  {`{"query":"{ hello }","quer\u0079":"{ person { id } }"}`, "DUPLICATE_KEY"},
		"a variable twice":          {`{"query":"{ hello }","variables":{"a":1,"a":2}}`, "DUPLICATE_KEY"},
		"deep arrays":               {`{"query":"{ hello }","variables":{"a":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `}}`, "TOO_DEEP"},
		"deep arrays without end":   {strings.Repeat("[", 60_000), "TOO_DEEP"},
		"deep objects without end":  {strings.Repeat(`{"a":`, 12_000), "TOO_DEEP"},
		"a control character":       {"{\"query\":\"{ hello \x01}\"}", "INVALID_JSON"},
		"a raw NUL in a string":     {"{\"query\":\"{ hello \x00}\"}", "NUL_CHARACTER"},
		"an escaped NUL":            {`{"query":"{ hello }","variables":{"a":"x\u0000"}}`, "NUL_CHARACTER"},
		"an escaped NUL in a key":   {`{"query":"{ hello }","variables":{"\u0000":1}}`, "NUL_CHARACTER"},
		"a lone high surrogate":     {`{"query":"{ hello }","variables":{"a":"\ud83d"}}`, "LONE_SURROGATE"},
		"a high surrogate twice":    {`{"query":"{ hello }","variables":{"a":"\ud83d\ud83d"}}`, "LONE_SURROGATE"},
		"a lone low surrogate":      {`{"query":"{ hello }","variables":{"a":"\ude00x"}}`, "LONE_SURROGATE"},
		"a surrogate before a text": {`{"query":"{ hello }","variables":{"a":"\ud83d x \ude00"}}`, "LONE_SURROGATE"},
		"invalid UTF-8":             {"{\"query\":\"{ hello \xff }\"}", "INVALID_UTF8"},
		"an encoded surrogate":      {"{\"query\":\"{ hello \xed\xa0\x80 }\"}", "INVALID_UTF8"},
		"an overlong NUL":           {"{\"query\":\"{ hello \xc0\x80 }\"}", "INVALID_UTF8"},
		"a number out of range":     {`{"query":"{ hello }","variables":{"a":1e999}}`, "NUMBER_OUT_OF_RANGE"},
		"a very long number":        {`{"query":"{ hello }","variables":{"a":` + strings.Repeat("1", 500) + `}}`, "NUMBER_OUT_OF_RANGE"},
		"a very long fraction":      {`{"query":"{ hello }","variables":{"a":0.` + strings.Repeat("1", 500) + `}}`, "NUMBER_OUT_OF_RANGE"},
		"a leading zero":            {`{"query":"{ hello }","variables":{"a":01}}`, "INVALID_JSON"},
		"NaN":                       {`{"query":"{ hello }","variables":{"a":NaN}}`, "INVALID_JSON"},
		"a batch":                   {`[` + hello + `,` + hello + `]`, "BATCHING"},
		"an empty batch":            {`[]`, "BATCHING"},
		"a string":                  {`"{ hello }"`, "INVALID_PARAMETER"},
		"null":                      {`null`, "INVALID_PARAMETER"},
		"an empty query":            {`{"query":""}`, "INVALID_PARAMETER"},
		"a query that is null":      {`{"query":null}`, "INVALID_PARAMETER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, accept := range []string{mediaJSON, mediaGraphQL} {
				got := do(t, h, request(http.MethodPost, accept, tt.body))
				if got.status != http.StatusBadRequest || got.code() != "BAD_REQUEST" {
					t.Errorf("status %d, code %q: %s", got.status, got.code(), got.raw)
				}
				if reason := got.Errors[0].Extensions["reason"]; reason != tt.reason {
					t.Errorf("reason %q, want %q: %s", reason, tt.reason, got.raw)
				}
				if strings.Contains(got.raw, secret) || len(got.raw) > 500 {
					t.Errorf("the answer repeats the body: %.1000s", got.raw)
				}
			}
		})
	}
}

func TestTransport_RefusesEscapedNULAndLoneSurrogatesInLiterals(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for _, literal := range []string{`"\u0000"`, `"a\u{0}"`, `"\u{00000000}b"`, `"\uD800"`, `"\uDC00"`, `"\uD83Dx\uDE00"`, `"\\\uD800"`, `"\"\u0000"`} {
		if got := ask(t, h, `{ echo(string: "fine", any: [`+literal+`]) }`); got.code() != "BAD_USER_INPUT" || got.status != 400 {
			t.Errorf("%s: %s", literal, got.raw)
		}
	}
}

func TestTransport_RefusesContentThatIsNotPlainJSON(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for name, header := range map[string]http.Header{
		"no type":         {},
		"two types":       {"Content-Type": {mediaJSON, mediaJSON}},
		"a form":          {"Content-Type": {"application/x-www-form-urlencoded"}},
		"multipart":       {"Content-Type": {"multipart/form-data; boundary=x"}},
		"text":            {"Content-Type": {"text/plain"}},
		"json as text":    {"Content-Type": {"text/plain; application/json"}},
		"graphql":         {"Content-Type": {"application/graphql"}},
		"a response type": {"Content-Type": {mediaGraphQL}},
		"broken":          {"Content-Type": {"application/json; charset"}},
		"latin 1":         {"Content-Type": {"application/json; charset=iso-8859-1"}},
		"utf-16":          {"Content-Type": {"application/json; charset=utf-16"}},
		"gzip":            {"Content-Type": {mediaJSON}, "Content-Encoding": {"gzip"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(hello))
			r.Header = header
			got := do(t, h, r)
			if got.status != http.StatusUnsupportedMediaType || got.code() != "UNSUPPORTED_MEDIA_TYPE" {
				t.Errorf("status %d: %s", got.status, got.raw)
			}
			if got.header.Get("Accept-Post") != mediaJSON {
				t.Errorf("the answer does not say what is accepted: %v", got.header)
			}
		})
	}
	for _, fine := range []string{"application/json; charset=UTF-8", "Application/JSON", `application/json;charset="utf-8"`} {
		r := request(http.MethodPost, "", hello)
		r.Header.Set("Content-Type", fine)
		if got := do(t, h, r); got.status != http.StatusOK {
			t.Errorf("%s: %s", fine, got.raw)
		}
	}
}

// endless is a body of unknown length that never ends by itself, and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestTransport_RefusesLargeBodiesUnread(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	check := func(name string, got reply) {
		t.Helper()
		if got.status != http.StatusRequestEntityTooLarge || got.code() != "BODY_LIMIT_EXCEEDED" || got.Errors[0].Extensions["limit"] != 65536.0 {
			t.Errorf("%s: status %d: %.300s", name, got.status, got.raw)
		}
	}
	large := `{"query":"{ hello }","variables":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`
	check("1 MB", post(t, h, large))
	check("1 MB as JSON", do(t, h, request(http.MethodPost, mediaJSON, large)))
	body := &endless{}
	r := request(http.MethodPost, mediaGraphQL, "")
	r.Body, r.ContentLength = io.NopCloser(body), -1
	check("endless", do(t, h, r))
	if body.read > 1<<20 {
		t.Errorf("%d bytes were read", body.read)
	}
	body = &endless{}
	r = request(http.MethodPost, mediaGraphQL, "")
	r.Body, r.ContentLength = io.NopCloser(body), 1<<20
	check("announced", do(t, h, r))
	if body.read > 0 {
		t.Errorf("%d bytes were read of a body that says that it is too large", body.read)
	}
	fits := hello + strings.Repeat(" ", 65536-len(hello))
	if got := post(t, h, fits); got.status != http.StatusOK {
		t.Errorf("exactly 64 KB: %s", got.raw)
	}
	check("64 KB and one", post(t, h, fits+" "))
}

func TestTransport_RefusesBodiesThatBreakOff(t *testing.T) {
	t.Parallel()
	r := request(http.MethodPost, "", "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"query":`), errReader{}))
	r.ContentLength = -1
	if got := do(t, serve(gqlhttp.Config{}), r); got.status != 400 || got.Errors[0].Extensions["reason"] != "UNREADABLE_BODY" {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New(testserver.Secret) }

func TestTransport_RefusesOtherMethods(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions, "QUERY"} {
		got := do(t, h, request(method, "", hello))
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, POST" || got.code() != "METHOD_NOT_ALLOWED" {
			t.Errorf("%s: status %d, Allow %q: %s", method, got.status, got.header.Get("Allow"), got.raw)
		}
	}
}

func get(t tb, h http.Handler, accept string, values url.Values) reply {
	t.Helper()
	r := request(http.MethodGet, accept, "")
	r.Header.Del("Content-Type")
	r.URL.RawQuery = values.Encode()
	return do(t, h, r)
}

func TestGet_RunsQueriesAlone(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	got := get(t, h, "", url.Values{"query": {"query($i: Int) { echo(int: $i) }"}, "variables": {`{"i":7}`}, "operationName": {""}})
	if got.status != 200 || !strings.Contains(got.raw, `\"int\":7`) {
		t.Errorf("a query: %s", got.raw)
	}
	for _, accept := range []string{mediaJSON, mediaGraphQL} {
		got = get(t, h, accept, url.Values{"query": {"mutation { fail(how: PANIC) }"}})
		if got.status != 405 || got.header.Get("Allow") != "POST" || got.code() != "METHOD_NOT_ALLOWED" || got.Data != nil {
			t.Errorf("a mutation: status %d: %s", got.status, got.raw)
		}
	}
	for name, values := range map[string]url.Values{
		"no query":           {},
		"two queries":        {"query": {"{ hello }", "{ hello }"}},
		"broken variables":   {"query": {"{ hello }"}, "variables": {"{"}},
		"an array":           {"query": {"{ hello }"}, "variables": {"[]"}},
		"a NUL":              {"query": {"{ hello }\x00"}},
		"invalid UTF-8":      {"query": {"{ hello \xff}"}},
		"broken extensions":  {"query": {"{ hello }"}, "extensions": {"x"}},
		"surrogates":         {"query": {"{ hello }"}, "variables": {`{"a":"\ud800"}`}},
		"trailing variables": {"query": {"{ hello }"}, "variables": {"{}{}"}},
	} {
		if got := get(t, h, "", values); got.status != 400 || got.code() != "BAD_REQUEST" {
			t.Errorf("%s: status %d: %s", name, got.status, got.raw)
		}
	}
	r := request(http.MethodGet, "", "")
	r.URL.RawQuery = "query=%zz"
	if got := do(t, h, r); got.status != 400 {
		t.Errorf("a broken escape: %s", got.raw)
	}
	if got := get(t, h, "", url.Values{"query": {"{ hello }"}, "x": {strings.Repeat("x", 1<<16)}}); got.status != 414 || got.code() != "BODY_LIMIT_EXCEEDED" {
		t.Errorf("a long query string: status %d: %s", got.status, got.raw)
	}
}

func TestTransport_RefusesSubscriptions(t *testing.T) {
	t.Parallel()
	got := ask(t, serve(gqlhttp.Config{}), "subscription { ticks }")
	if got.status != 400 || got.code() != "BAD_REQUEST" || got.Errors[0].Extensions["reason"] != "UNSUPPORTED_OPERATION" {
		t.Errorf("status %d: %s", got.status, got.raw)
	}
}

func TestTransport_NegotiatesTheMediaType(t *testing.T) {
	t.Parallel()
	h := serve(gqlhttp.Config{})
	for accept, want := range map[string]string{
		"application/graphql-response+json, application/json":                                                               mediaGraphQL,
		"application/json, application/graphql-response+json":                                                               mediaJSON,
		"application/json;q=0.9, application/graphql-response+json":                                                         mediaGraphQL,
		"application/graphql-response+json; charset=utf-8, application/json; charset=utf-8":                                 mediaGraphQL,
		"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed": mediaGraphQL, // urql
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8":                                                   mediaJSON,    // a browser
		"application/*":                               mediaJSON,
		"*/*, application/graphql-response+json":      mediaGraphQL,
		"application/json;q=0, */*":                   mediaGraphQL,
		"application/graphql-response+json;q=0.1":     mediaGraphQL,
		"application/json;q=0.2, application/*;q=0.9": mediaGraphQL,
		"text/html;;;, application/json":              mediaJSON,
		"APPLICATION/JSON":                            mediaJSON,
		" ":                                           mediaJSON,
		"text/html":                                   "",
		"application/json;q=0":                        "",
		"application/json;q=2":                        "",
		"application/json;q=NaN":                      "",
		"application/json; charset=iso-8859-1":        "",
		"text/event-stream":                           "",
		strings.Repeat("text/plain,", 5000) + "*/*":   "", // only so many are read
	} {
		got := do(t, h, request(http.MethodPost, accept, hello))
		media, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
		if want == "" {
			if got.status != http.StatusNotAcceptable || got.code() != "NOT_ACCEPTABLE" {
				t.Errorf("%.80s: status %d: %s", accept, got.status, got.raw)
			}
			continue
		}
		if got.status != 200 || media != want {
			t.Errorf("%.80s: %s, want %s", accept, media, want)
		}
	}
}

func TestTransport_HidesCookiesFromEverythingBehindIt(t *testing.T) {
	t.Parallel()
	var seen http.Header
	h := serve(gqlhttp.Config{Prepare: []gqlhttp.PrepareFunc{
		func(ctx context.Context, op *graphql.OperationContext) (context.Context, error) {
			seen = op.Headers
			return ctx, nil
		},
	}})
	r := request(http.MethodPost, "", hello)
	r.Header.Set("Cookie", "session=staff")
	r.Header.Set("Authorization", "Bearer tenant")
	got := do(t, h, r)
	if len(seen.Values("Cookie")) > 0 || seen.Get("Authorization") != "Bearer tenant" {
		t.Errorf("operations see the headers %v", seen)
	}
	if r.Header.Get("Cookie") == "" {
		t.Error("the request of the caller was changed")
	}
	if got.header.Get("Set-Cookie") != "" {
		t.Error("a cookie was set")
	}
}
