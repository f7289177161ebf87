package site

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/fault"
)

func TestCleanDomain_KeepsTheHostNameAlone(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61)
	for text, want := range map[string]string{
		"example.com":                                 "example.com",
		"  www.Example.COM \n":                        "www.example.com",
		"https://www.Example.com/path":                "www.example.com",
		"HTTP://example.com":                          "example.com",
		"https://example.com?utm=https://other.net/x": "example.com",
		"example.com/?next=http://a:b@c":              "example.com",
		"https://example.com#top":                     "example.com",
		"example.com/a/b":                             "example.com",
		"example.com.":                                "example.com",
		"https://example.com./":                       "example.com",
		"a.b.c.example.co.uk":                         "a.b.c.example.co.uk",
		"my-shop.example":                             "my-shop.example",
		"shop.test":                                   "shop.test",
		"xn--mller-kva.de":                            "xn--mller-kva.de",
		"1and1.com":                                   "1and1.com",
		"9gag.com":                                    "9gag.com",
		"notlocal.com":                                "notlocal.com",
		"homelan.de":                                  "homelan.de",
		longest:                                       longest,
	} {
		got, f := cleanDomain(text)
		if f != nil || got != want {
			t.Errorf("cleanDomain(%q) = %q, %v; want %q", text, got, f, want)
		}
	}
}

func TestCleanDomain_RefusesWhatIsNoPublicHostName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fault.Code{
		"":                                   fault.Required,
		" \t\n":                              fault.Required,
		"https://":                           fault.Invalid,
		"https:///path":                      fault.Invalid,
		"/path":                              fault.Invalid,
		".":                                  fault.Invalid,
		"example..com":                       fault.Invalid,
		"example.com..":                      fault.Invalid,
		".example.com":                       fault.Invalid,
		"exa mple.com":                       fault.Invalid,
		"exa\x00mple.com":                    fault.Invalid,
		"example.com\\evil.net":              fault.Invalid,
		"ex_ample.com":                       fault.Invalid,
		"-example.com":                       fault.Invalid,
		"example-.com":                       fault.Invalid,
		"*.example.com":                      fault.Invalid,
		"example%2ecom":                      fault.Invalid,
		"ftp://example.com":                  fault.Invalid,
		"javascript://example.com":           fault.Invalid,
		"mailto:a@example.com":               fault.Invalid,
		"example.com:8080":                   fault.Invalid,
		"https://example.com:443/":           fault.Invalid,
		"user@example.com":                   fault.Invalid,
		"https://user:pass@example.com":      fault.Invalid,
		"https://example.com@evil.net":       fault.Invalid,
		"müller.de":                          fault.Invalid,
		"例え.jp":                              fault.Invalid,
		"example.com\xff":                    fault.Invalid,
		"127.0.0.1":                          fault.Invalid,
		"http://10.0.0.1/":                   fault.Invalid,
		"8.8.8.8":                            fault.Invalid,
		"127.1":                              fault.Invalid,
		"2130706433":                         fault.Invalid,
		"0x7f.1":                             fault.Invalid,
		"0x7f000001":                         fault.Invalid,
		"example.0x":                         fault.Invalid,
		"1.2.3.4.":                           fault.Invalid,
		"::1":                                fault.Invalid,
		"[::1]":                              fault.Invalid,
		"http://[2001:db8::1]:80/":           fault.Invalid,
		"localhost":                          fault.Invalid,
		"intranet":                           fault.Invalid,
		"com":                                fault.Invalid,
		"app.localhost":                      fault.Invalid,
		"printer.local":                      fault.Invalid,
		"metadata.google.internal":           fault.Invalid,
		"router.home.arpa":                   fault.Invalid,
		"wiki.corp":                          fault.Invalid,
		"nas.lan":                            fault.Invalid,
		"x.onion":                            fault.Invalid,
		strings.Repeat("a", 64) + ".com":     fault.Invalid,
		strings.Repeat("a.", 126) + "aa":     fault.TooLong,
		strings.Repeat("example.", 50) + "x": fault.TooLong,
	} {
		got, f := cleanDomain(text)
		if f == nil || f.Code != want || got != "" || len(f.Field) != 1 || f.Field[0] != "domain" {
			t.Errorf("cleanDomain(%q) = %q, %v; want %s at domain", text, got, f, want)
		}
	}
}

func TestCleanDomain_LeavesAsItIsWhatItGave(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`(https?://)?[a-zA-Z0-9.\-]{1,40}\.?(/[a-z]{0,3})?`)).Draw(t, "text")
		host, f := cleanDomain(text)
		if f != nil {
			return
		}
		if again, f := cleanDomain(host); f != nil || again != host {
			t.Fatalf("%q gave %q, which gave %q, %v", text, host, again, f)
		}
		if strings.ContainsAny(host, ":/@?# ") || host != strings.ToLower(host) || !strings.Contains(host, ".") {
			t.Fatalf("%q gave %q", text, host)
		}
	})
}
