package webtest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// Request is one that the page made.
type Request struct {
	Method string
	URL    string
	// Header has the names in lower case, as the page set them.
	Header map[string]string
	Body   string
}

// Record is what the browser's page did since it was opened. It is safe for use while the page runs.
type Record struct {
	netLog string // the file that the browser writes its network log to

	mu       sync.Mutex
	requests []Request
	cookies  []string
	problems []string
}

// Requests are the page's requests so far, in order, blocked ones included; data: and blob: URLs, which
// leave no browser, are not among them.
func (r *Record) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Foreign picks the URLs of requests that went, or tried to go, anywhere but to origin, e.g.
// `http://127.0.0.1:8080`.
func (r *Record) Foreign(origin string) []string {
	requests := r.Requests()
	urls := make([]string, len(requests))
	for i, request := range requests {
		urls[i] = request.URL
	}
	return Foreign(origin, urls)
}

// Foreign picks the URLs that are not of origin.
func Foreign(origin string, urls []string) []string {
	var foreign []string
	for _, u := range urls {
		if u != origin && !strings.HasPrefix(u, origin+"/") {
			foreign = append(foreign, u)
		}
	}
	return foreign
}

// Cookies describes each cookie that went out with a request or came with an answer, whether or not the
// browser kept it.
func (r *Record) Cookies() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.cookies)
}

// Problems are the warnings and errors of the console, exceptions that nobody caught, violations of the
// Content-Security-Policy and requests that failed.
func (r *Record) Problems() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.problems)
}

// event takes in one message of the DevTools protocol.
func (r *Record) event(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		r.request(e.Request)
	case *network.EventRequestWillBeSentExtraInfo:
		if cookie := headerValue(e.Headers, "cookie"); cookie != "" {
			r.cookies = append(r.cookies, "sent: "+cookie)
		}
	case *network.EventResponseReceivedExtraInfo:
		if cookie := headerValue(e.Headers, "set-cookie"); cookie != "" {
			r.cookies = append(r.cookies, "received: "+cookie)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			r.problemf("request failed: %s %s", e.ErrorText, e.BlockedReason)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			r.problemf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning || e.Type == runtime.APITypeAssert {
			r.problemf("console %s: %s", e.Type, arguments(e.Args))
		}
	case *runtime.EventExceptionThrown:
		r.problemf("exception: %s", e.ExceptionDetails.Error())
	}
}

// protocolErrorf takes in what the protocol's client cannot read. A message about requests that it drops must
// not go unnoticed; of the document's tree, which nothing here looks at, it does not know all messages.
func (r *Record) protocolErrorf(format string, args ...any) {
	if strings.HasPrefix(format, "unhandled node event") {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problemf("protocol: "+format, args...)
}

func (r *Record) request(sent *network.Request) {
	if u, err := url.Parse(sent.URL); err == nil && (u.Scheme == "data" || u.Scheme == "blob") {
		return
	}
	header := make(map[string]string, len(sent.Headers))
	for name, value := range sent.Headers {
		header[strings.ToLower(name)] = fmt.Sprint(value)
	}
	request := Request{Method: sent.Method, URL: sent.URL, Header: header}
	for _, entry := range sent.PostDataEntries {
		body, err := base64.StdEncoding.DecodeString(entry.Bytes)
		if err != nil {
			r.problemf("the protocol gave a body that is not base64: %v", err)
		}
		request.Body += string(body)
	}
	r.requests = append(r.requests, request)
}

func (r *Record) problemf(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func headerValue(headers network.Headers, name string) string {
	for key, value := range headers {
		if strings.EqualFold(key, name) {
			return fmt.Sprint(value)
		}
	}
	return ""
}

func arguments(values []*runtime.RemoteObject) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = value.Description
		if texts[i] == "" {
			texts[i] = string(value.Value)
		}
	}
	return strings.Join(texts, " ")
}
