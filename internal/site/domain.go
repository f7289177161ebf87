package site

import (
	"strings"

	"igny8.com/accounts/internal/fault"
)

// Bounds of a host name and of its labels, in bytes: RFC 1035, section 2.3.4, less the dot at the end.
const (
	maxDomain = 253
	maxLabel  = 63
)

// private are the ends of names that never lead to a site on the public internet: those set apart by
// RFC 6761, 6762, 7686, 8375 and 9476, by ICANN for private use, and those that home and office
// networks are known to use. test and example are left out: they lead nowhere, and are made to be
// typed in.
var private = []string{
	"localhost", "local", "internal", "invalid", "onion", "alt", "arpa",
	"localdomain", "intranet", "private", "corp", "home", "lan",
}

// cleanDomain takes the host name out of what somebody typed or pasted: a host name, or an address
// of http or https. Faults, at domain: REQUIRED, TOO_LONG, INVALID.
func cleanDomain(text string) (string, *fault.Error) {
	host, f := hostOf(text)
	if f == nil {
		f = judgeHost(host)
	}
	if f != nil {
		return "", f.At("domain")
	}
	return host, nil
}

func hostOf(text string) (string, *fault.Error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", fault.New(fault.Required, "a domain is needed, such as www.example.com")
	}
	rest := text
	if scheme, after, found := strings.Cut(text, "://"); found && !strings.ContainsAny(scheme, "/?#") {
		if scheme = strings.ToLower(scheme); scheme != "http" && scheme != "https" {
			return "", fault.New(fault.Invalid, "a site's address starts with http:// or https://")
		}
		rest = after
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	switch {
	case strings.Contains(rest, "@"):
		return "", fault.New(fault.Invalid, "give the domain without a user name")
	case strings.HasPrefix(rest, "["):
		return "", noIP()
	case strings.Contains(rest, ":"):
		return "", fault.New(fault.Invalid, "give the domain without a port")
	}
	// The dot at the end is the root's, which every name hangs on.
	return strings.ToLower(strings.TrimSuffix(rest, ".")), nil
}

func judgeHost(host string) *fault.Error {
	if len(host) > maxDomain {
		return fault.New(fault.TooLong, "a domain has at most %d characters", maxDomain)
	}
	for _, r := range host {
		if r >= 0x80 {
			return fault.New(fault.Invalid, "give a domain with letters beyond a to z in its ASCII form, which starts with xn--")
		}
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return fault.New(fault.Invalid, "this is not a domain; domains look like www.example.com")
		}
	}
	if endsInNumber(labels[len(labels)-1]) {
		return noIP()
	}
	if len(labels) < 2 {
		return fault.New(fault.Invalid, "this is one part of a domain; domains look like www.example.com")
	}
	for _, end := range private {
		if strings.HasSuffix(host, "."+end) {
			return fault.New(fault.Invalid, "names that end in .%s are not on the public internet", end)
		}
	}
	return nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// endsInNumber says whether browsers take a name with this last label for an IPv4 address, in any
// of its spellings: 127.0.0.1, 127.1, 2130706433, 0x7f.1. The URL standard's "ends in a number".
func endsInNumber(label string) bool {
	digits, set := label, "0123456789"
	if hex, found := strings.CutPrefix(label, "0x"); found {
		digits, set = hex, "0123456789abcdef"
	}
	return strings.Trim(digits, set) == ""
}

func noIP() *fault.Error {
	return fault.New(fault.Invalid, "give a domain, not an IP address")
}
