package wordpress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxResponse and maxHeader bound what a site may answer, in bytes.
	maxResponse = 256 << 10
	maxHeader   = 64 << 10

	// connectTimeout bounds one attempt to connect, tlsTimeout the handshake after it.
	connectTimeout = 3 * time.Second
	tlsTimeout     = 3 * time.Second

	// api is where the REST API begins below a WordPress's address.
	api = "/wp-json/"
)

// errTooLarge means that a site answered more than maxResponse.
var errTooLarge = errors.New("wordpress: the answer is too large")

// client is the one way out: no proxy (which would do the resolving in our place), no redirects, no
// cookies, no connection kept, every connection judged.
func (cfg Config) client() *http.Client {
	dialer := &net.Dialer{Timeout: connectTimeout, Resolver: cfg.Resolver, ControlContext: cfg.control, KeepAlive: -1}
	return &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots},
			TLSHandshakeTimeout:    tlsTimeout,
			ResponseHeaderTimeout:  cfg.Timeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives:      true,
			DisableCompression:     true,
		},
	}
}

// Client speaks to one site's WordPress as the user who connected it.
type Client struct {
	http *http.Client
	base url.URL
	// authorize sets the password on a request. It is kept in a function so that no print of a Client
	// shows it.
	authorize func(*http.Request)
}

// newClient makes the client of an address that was cleaned. The address is judged again: the rules may
// be stricter now than when it was kept.
func (b *Bridge) newClient(who credentials) (*Client, error) {
	if same, f := b.cfg.clean(who.url); f != nil || same != who.url {
		return nil, errNotPublic
	}
	base, err := url.Parse(who.url)
	if err != nil {
		return nil, errNotPublic
	}
	return &Client{
		http: b.http, base: *base,
		authorize: func(r *http.Request) { r.SetBasicAuth(who.username, who.password) },
	}, nil
}

// Response is what a site answered.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends one request to a path of the REST API, such as /wp-json/wp/v2/posts, with JSON as its body
// where body is not nil. An answer of any status is no error; redirects are answers and are not followed.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body []byte) (*Response, error) {
	if !strings.HasPrefix(path, api) {
		return nil, fmt.Errorf("wordpress: %q is no path of the REST API", path)
	}
	target := c.base
	target.Path += path
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask WordPress: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "IGNY8")
	c.authorize(request)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask WordPress: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was read as far as it matters
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return nil, fmt.Errorf("read WordPress's answer: %w", err)
	}
	if len(answer) > maxResponse {
		return nil, errTooLarge
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: answer}, nil
}
