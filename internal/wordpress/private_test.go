package wordpress_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/wordpress"
)

func TestCheck_RefusesNamesThatLeadIntoPrivateNetworks(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	v, p := keys(t), newPress(t, nil)
	_, port, _ := net.SplitHostPort(p.Listener.Addr().String())
	for _, addr := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0"} {
		cfg := strict
		cfg.Resolver = names(t, func(int) []string { return []string{addr} })
		b, s := wordpress.New(v, cfg), a.site()
		a.connect(b, s, "http://inside.example.com:"+port)
		if got := check(a, b, s); got != wordpress.NotReachable {
			t.Errorf("a name of %s: %q", addr, got)
		}
	}
	// What was connected under wider rules is judged by those of now.
	s := a.site()
	a.connect(wordpress.New(v, loopback), s, p.URL)
	if got := check(a, wordpress.New(v, strict), s); got != wordpress.NotReachable {
		t.Errorf("an address that was allowed once: %q", got)
	}
	if got := check(a, wordpress.New(v, wordpress.Config{AnyPort: true, Allowed: loopback.Allowed}), s); got != wordpress.NotReachable {
		t.Errorf("http that was allowed once: %q", got)
	}
	if p.hits.Load() != 0 {
		t.Errorf("the server was reached %d times", p.hits.Load())
	}
}

// A name that leads to where it may at first, and elsewhere when it is asked again.
func TestCheck_JudgesWhatTheNameResolvesToEachTime(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	good := newPress(t, nil)
	_, port, _ := net.SplitHostPort(good.Listener.Addr().String())
	inside := newPressOn(t, "127.0.0.2:"+port, nil)
	cfg := loopback // which allows 127.0.0.1 alone
	cfg.Timeout = 20 * time.Second
	cfg.Resolver = names(t, func(n int) []string { return []string{[]string{"127.0.0.1", "127.0.0.2"}[min(n, 2)-1]} })
	v, s := keys(t), a.site()
	b := wordpress.New(v, cfg)
	a.connect(b, s, "http://rebind.example.com:"+port)
	if got := check(a, b, s); got != "" {
		t.Fatalf("at first: %q", got)
	}
	if got := check(a, b, s); got != wordpress.NotReachable {
		t.Errorf("then: %q", got)
	}
	if good.hits.Load() != 1 || inside.hits.Load() != 0 {
		t.Errorf("reached %d and %d times", good.hits.Load(), inside.hits.Load())
	}
	// Of two addresses, the one that may be is taken.
	cfg.Resolver = names(t, func(int) []string { return []string{"127.0.0.2", "127.0.0.1"} })
	if got := check(a, wordpress.New(v, cfg), s); got != "" || inside.hits.Load() != 0 || good.hits.Load() != 2 {
		t.Errorf("of two: %q, reached %d and %d times", got, good.hits.Load(), inside.hits.Load())
	}
}

func TestCheck_FollowsNoRedirectAndCarriesNoPasswordThere(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	elsewhere := newPress(t, nil)
	inside := newPressOn(t, "127.0.0.2:0", nil)
	b := wordpress.New(keys(t), loopback)
	for name, to := range map[string]string{
		"to another host": elsewhere.URL, "to a private one": inside.URL, "to metadata": "http://169.254.169.254/latest", "to itself": "",
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			p := newPress(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to+r.URL.String(), status) })
			s := a.site()
			a.connect(b, s, p.URL)
			if got := check(a, b, s); got != wordpress.Redirected || p.hits.Load() != 1 {
				t.Errorf("%s, %d: %q after %d requests", name, status, got, p.hits.Load())
			}
		}
	}
	if elsewhere.hits.Load()+inside.hits.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestCheck_IgnoresTheProxiesOfTheEnvironment(t *testing.T) {
	db := pgtest.New(t)
	a := newTenant(t, db)
	proxy, p := newPress(t, nil), newPress(t, nil)
	t.Setenv("HTTP_PROXY", proxy.URL)
	_, port, _ := net.SplitHostPort(p.Listener.Addr().String())
	cfg := loopback
	cfg.Resolver = names(t, func(int) []string { return []string{"127.0.0.1"} })
	b, s := wordpress.New(keys(t), cfg), a.site()
	a.connect(b, s, "http://www.example.com:"+port)
	if got := check(a, b, s); got != "" || proxy.hits.Load() != 0 || p.hits.Load() != 1 {
		t.Errorf("%q; the proxy was asked %d times, the site %d", got, proxy.hits.Load(), p.hits.Load())
	}
}
