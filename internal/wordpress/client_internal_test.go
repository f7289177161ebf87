package wordpress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Past all that is judged of an address's text, the connection itself is refused.
func TestClient_ConnectsToNoPrivateAddressHoweverItIsSpelt(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	cfg := Config{Timeout: 5 * time.Second, Resolver: &net.Resolver{
		PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no names here") },
	}}
	client := cfg.client()
	for _, host := range []string{
		"127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]", "[fd00::1]",
	} {
		response, err := get(t, client, "http://"+host+":"+port)
		if response != nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, errNotPublic) {
			t.Errorf("%s: %v", host, err)
		}
	}
	// These are names to Go, and must not become addresses on the way to the socket.
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "localhost"} {
		if response, err := get(t, client, "http://"+host+":"+port); err == nil {
			_ = response.Body.Close()
			t.Errorf("%s: connected", host)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("the server was reached %d times", hits.Load())
	}
	// The server is one that would answer, were it allowed.
	cfg.Allowed = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	response, err := get(t, cfg.client(), server.URL)
	if err != nil || hits.Load() != 1 {
		t.Fatalf("not reached although allowed: %v", err)
	}
	_ = response.Body.Close()
}

func TestDo_LeavesTheAPIForNothing(t *testing.T) {
	t.Parallel()
	client, err := New(nil, Config{}).newClient(credentials{"https://www.example.com", "editor", "secret"})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/", "wp-json/", "@10.0.0.1/wp-json/", ".evil.example/wp-json/", "/wp-login.php"} {
		if _, err := client.Do(t.Context(), http.MethodGet, path, nil, nil); err == nil || !strings.Contains(err.Error(), "no path") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return client.Do(request)
}
