package auth_test

import (
	"context"
	"log/slog"
	"regexp"
	"sync"
	"testing"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/mail"
)

// postbox is a sender that keeps what it is given.
type postbox struct {
	mu  sync.Mutex
	got []mail.Message
}

func (p *postbox) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, m)
	return nil
}

// letters are those that wait to be sent, oldest first; they are sent by this.
func (f *fixture) letters(t *testing.T) []mail.Message {
	t.Helper()
	var sent []mail.Message
	for {
		p := &postbox{}
		n, err := f.box.SendDue(t.Context(), f.db.App, p, slog.New(slog.DiscardHandler), f.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return sent
		}
		sent = append(sent, p.got...)
	}
}

// letter is the only letter to an address that waits to be sent.
func (f *fixture) letter(t *testing.T, to, subject string) mail.Message {
	t.Helper()
	letters := f.letters(t)
	if len(letters) != 1 || letters[0].To != to || letters[0].Subject != subject {
		t.Fatalf("letters %+v, want one to %s: %s", letters, to, subject)
	}
	return letters[0]
}

const (
	resetSubject  = "Choose a new IGNY8 password"
	verifySubject = "Confirm your email address for IGNY8"
	noticeSubject = "Your IGNY8 password was changed"
)

var link = regexp.MustCompile(`https://app\.igny8\.test(/[a-z-]+)#token=(\S+)`)

// tokenIn is the token of a letter's link, which leads to the page.
func tokenIn(t *testing.T, m mail.Message, page string) string {
	t.Helper()
	found := link.FindStringSubmatch(m.Text)
	if len(found) == 0 || found[1] != page {
		t.Fatalf("no link to %s in: %s", page, m.Text)
	}
	return found[2]
}

// resetToken asks for a link to a new password and gives the token that was mailed.
func (f *fixture) resetToken(t *testing.T, p person) string {
	t.Helper()
	f.askForReset(t, p.email)
	return tokenIn(t, f.letter(t, p.email, resetSubject), "/reset-password")
}

// askForReset asks for a link and has the request answered.
func (f *fixture) askForReset(t *testing.T, email string) {
	t.Helper()
	if err := f.auth.RequestPasswordReset(t.Context(), email, home); err != nil {
		t.Fatal(err)
	}
	if _, err := f.auth.WorkResetRequests(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
}

func withoutMail(cfg *auth.Config) { cfg.Mail = nil }
