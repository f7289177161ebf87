package graph

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"igny8.com/accounts/internal/wordpress"
)

const (
	shownPassword = "aB3d EfG5 hI7j KlM9 nO1p QrS2" // as WordPress shows it
	keptPassword  = "aB3dEfG5hI7jKlM9nO1pQrS2"
)

// press is a WordPress on this machine that knows one application password.
type press struct {
	*httptest.Server

	asked atomic.Int32
}

func newPress(t *testing.T) *press {
	t.Helper()
	p := &press{}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if user, given, _ := r.BasicAuth(); user != "editor" || given != keptPassword {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"id":1}`))
	}))
	t.Cleanup(p.Close)
	return p
}

// trusted is a configuration by which a bridge connects to it, although it is not public.
func (p *press) trusted() wordpress.Config {
	roots := x509.NewCertPool()
	roots.AddCert(p.Certificate())
	return wordpress.Config{AnyPort: true, Roots: roots, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
}

func TestWordPress_IsConnectedUsedAndForgottenAndItsPasswordIsNeverShown(t *testing.T) {
	t.Parallel()
	s, _, owner, first, _ := partnered(t)
	admin := s.invited(owner, "ad@example.com", "ADMIN")
	editor := s.invited(admin, "ed@example.com", "EDITOR")
	p := newPress(t)
	s.r.WordPress = wordpress.New(s.r.Vault, p.trusted())
	const shown = "wordPress { url username connectedAt checkedAt checkError }"
	answers := []*reply{}
	connect := func(by *caller, password string) *reply {
		r := by.run("connectWordPress", map[string]any{
			"siteId": first, "url": p.URL, "username": "editor", "applicationPassword": password,
		}, shown)
		answers = append(answers, r)
		return r
	}
	check := func() *reply {
		r := admin.run("checkWordPress", map[string]any{"siteId": first}, shown).done()
		answers = append(answers, r)
		return r
	}
	connect(editor, shownPassword).refused("FORBIDDEN")
	connect(admin, shownPassword[:20]).faults("INVALID input applicationPassword")
	connect(admin, shownPassword).done().want("wordPress.username", "editor").want("wordPress.checkedAt", "<nil>")
	check().want("wordPress.checkError", "<nil>")
	if n := p.asked.Load(); n != 1 {
		t.Fatalf("the site was asked %d times", n)
	}

	// The same address, with the rule of production: nothing on this machine is connected to.
	s.r.WordPress = wordpress.New(s.r.Vault, wordpress.Config{AnyPort: true, Roots: p.trusted().Roots})
	check().want("wordPress.checkError", "NOT_REACHABLE")
	if n := p.asked.Load(); n != 1 {
		t.Error("a private address was connected to")
	}
	s.r.WordPress = wordpress.New(s.r.Vault, p.trusted())
	connect(admin, strings.Repeat("x", 24)).done()
	check().want("wordPress.checkError", "PASSWORD_REFUSED")
	connect(admin, keptPassword).done()
	check().want("wordPress.checkError", "<nil>")

	const everything = `{ sites { nodes { wordPress { url username } } } account { auditEvents(first: 100) { nodes { action before after } } } }`
	looked := owner.do(everything, nil)
	looked.ok().want("sites.nodes.0.wordPress.username", "editor")
	exported := s.export(owner.authorization())
	if !strings.Contains(exported.text, `"username":"editor"`) {
		t.Errorf("the export lacks the connection: %s", exported.text)
	}
	for _, r := range append(answers, looked, exported) {
		if strings.Contains(r.text, keptPassword) || strings.Contains(r.text, shownPassword) {
			t.Errorf("the password is shown: %s", r.text)
		}
	}
	admin.run("disconnectWordPress", map[string]any{"siteId": first}, "site { wordPress { url } }").done().want("site.wordPress", "<nil>")
	admin.run("disconnectWordPress", map[string]any{"siteId": first}, "site { id }").faults("NOT_FOUND input siteId")
	if n := scan[int](s.api, `SELECT count(*) FROM igny8_wordpress_connections`); n != 0 {
		t.Errorf("%d connections are kept", n)
	}
}

func TestWordPress_IsNotConnectedAtPrivateAddresses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	owner := s.as(s.signUp("owner@example.com", "Owner").token)
	first := owner.makeSite("First")
	connect := func(url string) *reply {
		return owner.run("connectWordPress", map[string]any{
			"siteId": first, "url": url, "username": "editor", "applicationPassword": shownPassword,
		}, "wordPress { url }")
	}
	for _, url := range []string{
		"https://127.0.0.1", "https://10.0.0.1", "https://192.168.1.1/blog", "https://172.16.0.1", "https://169.254.169.254/latest",
		"https://100.64.0.1", "https://0.0.0.0", "https://[::1]", "https://[fe80::1]", "https://[fd00::1]", "https://[::ffff:127.0.0.1]",
		"https://localhost", "https://127.1", "https://2130706433", "https://0x7f.0.0.1", "https://www.example.com:8443",
		"http://www.example.com", "https://user:secret@www.example.com", "https://www.example.com/?q=1",
	} {
		connect(url).faults("INVALID input url")
	}
	connect("https://WWW.example.com/blog/").done().want("wordPress.url", "https://www.example.com/blog")
}
