package wordpress

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"igny8.com/accounts/internal/fault"
)

// Bounds in bytes: of an address, and by RFC 1035 of a host name and its labels.
const (
	MaxURL   = 300
	maxHost  = 253
	maxLabel = 63
)

const urlField = "url"

// clean gives a WordPress's address in its one spelling: scheme, host and where it is needed a port and a path,
// all but the path in lower case, no slash at the end. What a name resolves to is judged at each
// connection. Faults, at url: REQUIRED, TOO_LONG, INVALID.
func (cfg Config) clean(text string) (string, *fault.Error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fault.New(fault.Required, "an address is needed, such as https://www.example.com").At(urlField)
	case len(text) > MaxURL:
		return "", fault.New(fault.TooLong, "an address has at most %d characters", MaxURL).At(urlField)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }):
		return "", badURL("give the address in its ASCII form; names beyond a to z start with xn--")
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return "", badURL("this is no address; addresses look like https://www.example.com")
	}
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !cfg.AllowHTTP):
		return "", badURL("the address must start with https://, or the password could be read on its way")
	case u.User != nil:
		return "", badURL("give the address without a user name and a password")
	case strings.ContainsAny(text, "?#"):
		return "", badURL("give the address without ? and #")
	}
	host, f := cfg.cleanHost(u.Hostname())
	if f != nil {
		return "", f
	}
	port, f := cfg.cleanPort(u)
	if f != nil {
		return "", f
	}
	path, f := cleanPath(u.EscapedPath())
	if f != nil {
		return "", f
	}
	return u.Scheme + "://" + host + port + path, nil
}

func badURL(message string) *fault.Error { return fault.New(fault.Invalid, "%s", message).At(urlField) }

// cleanHost gives a host name, or a public IP address, as it stands in a URL.
func (cfg Config) cleanHost(host string) (string, *fault.Error) {
	host = strings.ToLower(host)
	if addr, err := netip.ParseAddr(host); err == nil {
		switch {
		case !cfg.admits(addr):
			return "", badURL("this is no address on the public internet")
		case addr.Is6():
			return "[" + addr.String() + "]", nil
		}
		return addr.String(), nil
	}
	host = strings.TrimSuffix(host, ".") // the root's, which every name hangs on
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return "", badURL("this is no address; addresses look like https://www.example.com")
		}
	}
	switch {
	case len(host) > maxHost:
		return "", badURL("a host name has at most 253 characters")
	case len(labels) < 2:
		return "", badURL("this is one part of a host name; host names look like www.example.com")
	case isNumber(labels[len(labels)-1]):
		return "", badURL("give the host's name")
	}
	return host, nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// isNumber says whether resolvers may take a name with this last label for an IPv4 address in another spelling:
// 127.1, 0177.0.0.1, 2130706433, 0x7f.1.
func isNumber(label string) bool {
	digits, set := label, "0123456789"
	if hex, found := strings.CutPrefix(label, "0x"); found {
		digits, set = hex, "0123456789abcdef"
	}
	return strings.Trim(digits, set) == ""
}

// cleanPort gives the colon and the port; nothing where it is the scheme's own.
func (cfg Config) cleanPort(u *url.URL) (string, *fault.Error) {
	own := map[string]uint64{"https": 443, "http": 80}[u.Scheme]
	if u.Port() == "" {
		return "", nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err != nil || port == 0:
		return "", badURL("this is no port")
	case port == own:
		return "", nil
	case !cfg.AnyPort:
		return "", badURL("give the address without a port")
	}
	return net.JoinHostPort("", strconv.FormatUint(port, 10)), nil
}

// cleanPath gives the path of a WordPress that does not live at its host's root.
func cleanPath(path string) (string, *fault.Error) {
	path = strings.TrimRight(path, "/")
	if path == "" {
		return "", nil
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		odd := strings.ContainsFunc(segment, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
		})
		if odd || strings.Trim(segment, ".") == "" {
			return "", badURL("this path cannot be one of a WordPress")
		}
	}
	return path, nil
}
