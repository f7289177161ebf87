package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"path/filepath"
	"strconv"
)

// Sender sends letters: an SMTP server, or a directory in development.
type Sender interface {
	// Send sends one message and returns once whoever takes it has taken responsibility for it. It is
	// bounded by ctx. Errors: ErrRefused where another attempt would fare no better; any other may be
	// tried again. No error holds the recipient, the subject or the text.
	Send(ctx context.Context, m Message) error
}

// ErrRefused means that a message is refused for good.
var ErrRefused = errors.New("refused for good")

// errURL says what URLs lead to a sender, and nothing of the one that was given: it may hold a password.
var errURL = errors.New("mail: senders are written smtp://user:password@host:port, smtps://user:password@host:port " +
	"or file:///directory")

// Open makes the sender that a URL names, without asking it anything, for letters from an address such
// as "IGNY8 <no-reply@igny8.com>".
//
//   - smtp://user:password@host:port speaks STARTTLS or not at all (port 587 where none is named). To a
//     host of this machine's own (localhost, 127.0.0.0/8, ::1) it speaks in the clear, because no wire
//     is there to listen on (port 25).
//   - smtps://user:password@host:port speaks TLS from the first byte (port 465).
//   - file:///directory puts each letter into a file of its own, for development. The directory is made
//     where there is none.
//
// Errors never show the URL.
func Open(rawURL, from string) (Sender, error) {
	sender, err := netmail.ParseAddress(from)
	if err != nil {
		return nil, errors.New("mail: letters come from one address, e.g. IGNY8 <no-reply@igny8.com>")
	}
	if _, err := recipient(sender.Address); err != nil || line(sender.Name) != sender.Name {
		return nil, errors.New("mail: the address that letters come from is ASCII, and its name is one line")
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, errURL
	}
	switch u.Scheme {
	case "smtp", "smtps":
		return openSMTP(u, sender)
	case "file":
		if u.Host != "" || u.User != nil || !filepath.IsAbs(u.Path) {
			return nil, errURL
		}
		return openDirectory(u.Path, sender)
	default:
		return nil, errURL
	}
}

func openSMTP(u *url.URL, from *netmail.Address) (*smtp, error) {
	s := &smtp{host: u.Hostname(), from: from, wrapped: u.Scheme == "smtps"}
	if s.host == "" || (u.Path != "" && u.Path != "/") {
		return nil, errURL
	}
	s.clear = !s.wrapped && loopback(s.host)
	switch {
	case s.wrapped:
		s.port = 465
	case s.clear:
		s.port = 25
	default:
		s.port = 587
	}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return nil, errURL
		}
		s.port = int(port)
	}
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
		if s.user == "" || s.password == "" {
			return nil, fmt.Errorf("%w: a user comes with a password", errURL)
		}
	}
	return s, nil
}

// loopback says whether a host is this machine's own.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
