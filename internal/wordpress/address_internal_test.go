package wordpress

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestClean_GivesTheOneSpelling(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://example.com":                     "https://example.com",
		"\tHTTPS://Example.COM./\n":               "https://example.com",
		"https://example.com:443":                 "https://example.com",
		"https://example.com:":                    "https://example.com",
		"https://example.com:0443/Blog/wp.1/~x//": "https://example.com/Blog/wp.1/~x",
		"https://xn--bcher-kva.example":           "https://xn--bcher-kva.example",
		"https://8.8.8.8":                         "https://8.8.8.8",
		"https://[2606:4700::0001]/":              "https://[2606:4700::1]",
	} {
		got, f := Config{}.clean(text)
		if f != nil || got != want {
			t.Errorf("%q → %q, %v; want %q", text, got, f, want)
		}
	}
	wide := Config{AllowHTTP: true, AnyPort: true}
	for text, want := range map[string]string{
		"http://example.com:80": "http://example.com", "http://example.com:8080/x": "http://example.com:8080/x",
		"https://[2606:4700::1]:80": "https://[2606:4700::1]:80",
	} {
		if got, f := wide.clean(text); f != nil || got != want {
			t.Errorf("%q → %q, %v; want %q", text, got, f, want)
		}
	}
}

func TestClean_RefusesWhatIsNoPublicAddress(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"example.com", "//example.com", "https:example.com", "https://", "https:///x", "ftp://example.com", "file:///etc/passwd",
		"gopher://example.com", "javascript:alert(1)", "http://example.com",
		"https://user@example.com", "https://user:pass@example.com", "https://@example.com", "https://example.com@10.0.0.1",
		"https://example.com?x", "https://example.com/?", "https://example.com#x", "https://example.com/#", "https://example.com:8443",
		"https://example.com:0", "https://example.com:99999", "https://example.com:-1", "https://example.com:https", "https://example.com:80",
		"https://exa mple.com", "https://example.com/\x00", "https://example.com\\@10.0.0.1", "https://exämple.com", "https://example.com/%2e%2e",
		"https://example.com/../x", "https://example.com/./x", "https://example.com//x", "https://example.com/...", "https://example.com/a;b",
		"https://localhost", "https://metadata", "https://-a.com", "https://a-.com", "https://a..com", "https://.com", "https://a_b.com",
		"https://" + strings.Repeat("a", 64) + ".com", "https://" + strings.Repeat("a.", 127) + "com",
		"https://127.0.0.1", "https://127.0.0.1.", "https://10.1.2.3", "https://172.16.0.1", "https://192.168.1.1", "https://169.254.169.254",
		"https://100.64.0.1", "https://0.0.0.0", "https://224.0.0.1", "https://255.255.255.255", "https://198.18.0.1",
		"https://2130706433", "https://0x7f000001", "https://0177.0.0.1", "https://127.1", "https://127.0.1", "https://0x7f.0.0.1", "https://a.1",
		"https://010.8.8.8", "https://8.8.8.8.8", "https://256.1.1.1", "https://1.2.3.0x", "https://%31%32%37.0.0.1", "https://127。0。0。1",
		"https://[::1]", "https://[::]", "https://[::ffff:127.0.0.1]", "https://[::ffff:8.8.8.8]", "https://[::127.0.0.1]",
		"https://[fe80::1]", "https://[fe80::1%25eth0]", "https://[2606:4700::1%25eth0]", "https://[fc00::1]", "https://[fd00:ec2::254]",
		"https://[ff02::1]", "https://[2002:7f00:1::]", "https://[64:ff9b::7f00:1]", "https://[64:ff9b:1::1]", "https://[2001::1]",
		"https://[2001:db8::1]", "https://[fec0::1]", "https://[100::1]", "https://[example.com]", "https://[", "https://[::1",
	} {
		if got, f := (Config{}).clean(text); f == nil || got != "" {
			t.Errorf("%q is taken as %q", text, got)
		} else if f.Code != "INVALID" || len(f.Field) != 1 || f.Field[0] != "url" {
			t.Errorf("%q: %v", text, f)
		}
	}
}

// Whatever is taken reads as itself again, and has one host that is either a name or public.
func TestClean_IsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.SampledFrom([]string{"https://", "http://", "HTTPS://", ""}).Draw(r, "scheme") +
			rapid.StringMatching(`[a-zA-Z0-9.:\[\]@%-]{1,30}`).Draw(r, "host") +
			rapid.StringMatching(`(/[a-zA-Z0-9._~/-]{0,10})?`).Draw(r, "path")
		once, f := Config{}.clean(text)
		if f != nil {
			return
		}
		if twice, f := (Config{}).clean(once); f != nil || twice != once {
			r.Fatalf("%q → %q → %q, %v", text, once, twice, f)
		}
		if !strings.HasPrefix(once, "https://") || strings.HasSuffix(once, "/") || strings.ContainsAny(once, "@?#% ") {
			r.Fatalf("%q → %q", text, once)
		}
	})
}

func TestPublic_JudgesTheEdgesOfEachRange(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1.0.0.0": true, "0.255.255.255": false, "9.255.255.255": true, "10.0.0.0": false, "10.255.255.255": false, "11.0.0.0": true,
		"100.63.255.255": true, "100.64.0.0": false, "100.127.255.255": false, "100.128.0.0": true,
		"126.255.255.255": true, "127.0.0.0": false, "127.255.255.255": false, "128.0.0.0": true,
		"169.253.255.255": true, "169.254.0.0": false, "169.254.255.255": false, "169.255.0.0": true,
		"172.15.255.255": true, "172.16.0.0": false, "172.31.255.255": false, "172.32.0.0": true,
		"192.0.0.8": false, "192.0.1.0": true, "192.0.2.1": false, "192.88.99.1": false, "192.167.255.255": true, "192.168.0.0": false,
		"192.169.0.0": true, "198.17.255.255": true, "198.18.0.0": false, "198.19.255.255": false, "198.20.0.0": true,
		"198.51.100.1": false, "203.0.113.1": false, "223.255.255.255": true, "224.0.0.0": false, "239.255.255.255": false, "240.0.0.0": false,
		"255.255.255.255": false, "8.8.8.8": true,
		"::": false, "::1": false, "::8.8.8.8": false, "::ffff:8.8.8.8": false, "64:ff9b::808:808": false, "64:ff9b:1::1": false, "100::1": false,
		"1fff::1": false, "2000::1": true, "2001::1": false, "2001:1ff::1": false, "2001:200::1": true, "2001:db8::1": false, "2001:db9::1": true,
		"2002::1": false, "2002:808:808::1": false, "2003::1": true, "2606:4700::1111": true, "3ffe::1": true, "3fff::1": false, "3fff:1000::1": true,
		"4000::1": false, "5f00::1": false, "fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fec0::1": false, "ff02::1": false,
		"2606:4700::1%eth0": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
}
