package mail_test

import (
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/mail"
)

func message() mail.Message {
	return mail.Message{
		ID: "0123456789abcdef", To: "ann@example.com", Subject: "Your new password – soon",
		Text: "Hello,\n\nöffne " + strings.Repeat("x", 300) + "\n.\nthe end\n", Date: start,
	}
}

// wantMessage says that a message arrived as it was sent.
func wantMessage(t *testing.T, text string) {
	t.Helper()
	m := parse(t, text)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	date, err := m.Header.Date()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{
		"subject": subject, "to": m.Header.Get("To"), "from": m.Header.Get("From"), "id": m.Header.Get("Message-Id"),
		"auto": m.Header.Get("Auto-Submitted"), "text": strings.ReplaceAll(string(body), "\r\n", "\n"),
	}
	want := map[string]string{
		"subject": message().Subject, "to": "<ann@example.com>", "from": `"IGNY8" <no-reply@igny8.test>`,
		"id": "<0123456789abcdef@igny8.test>", "auto": "auto-generated", "text": message().Text,
	}
	if diff := cmp.Diff(want, got); diff != "" || !date.Equal(start) {
		t.Errorf("date %s %s", date, diff)
	}
}

func TestSMTP_BringsTheLetterAsItWasWritten(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if err := s.sender(t).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	got := s.messages()
	if len(got) != 1 || got[0].from != "no-reply@igny8.test" || got[0].to != "ann@example.com" {
		t.Fatalf("%+v", got)
	}
	wantMessage(t, got[0].text)
}

func TestSMTP_LetsNothingBecomeAHeaderOrARecipient(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, subject := range []string{
		"Hi\r\nBcc: eve@example.com", "Hi\nBcc: eve@example.com", "Hi\rBcc: eve@example.com", "Hi\r\n\r\nanother text",
		"Hi\u2028Bcc: eve@example.com", "Hi\x00Bcc: eve@example.com", "Hi\xffBcc: eve@example.com", "ö\r\nBcc: eve@example.com",
	} {
		m := message()
		m.Subject = subject
		if err := s.sender(t).Send(t.Context(), m); err != nil {
			t.Errorf("%q: %v", subject, err)
		}
	}
	for _, to := range []string{
		"ann@example.com\r\nBcc: eve@example.com", "ann@example.com>\r\nRCPT TO:<eve@example.com", "ann@example.com, eve@example.com",
		"Ann <ann@example.com>", "", "ann", "ann@exämple.com",
	} {
		m := message()
		m.To = to
		if err := s.sender(t).Send(t.Context(), m); err == nil || !strings.Contains(err.Error(), mail.ErrRefused.Error()) || strings.Contains(err.Error(), "exam") {
			t.Errorf("%q: %v", to, err)
		}
	}
	m := message()
	m.ID = "x@y>\r\nBcc: eve@example.com"
	if err := s.sender(t).Send(t.Context(), m); err == nil {
		t.Error("an id with a header in it was taken")
	}
	got := s.messages()
	if len(got) != 8 {
		t.Fatalf("%d arrived", len(got))
	}
	for _, m := range got {
		names := []string{}
		for name := range parse(t, m.text).Header {
			names = append(names, name)
		}
		slices.Sort(names)
		want := []string{"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
		if diff := cmp.Diff(want, names); diff != "" || m.to != "ann@example.com" {
			t.Errorf("to %s: %s", m.to, diff)
		}
	}
}

func TestDirectory_GetsAFileALetterThatNobodyElseReads(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "letters")
	sender := open(t, "file://"+dir)
	for range 2 {
		if err := sender.Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
	}
	other := message()
	other.ID = "another"
	if err := sender.Send(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, file := range files {
		names = append(names, file.Name())
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %s, %v", file.Name(), info.Mode(), err)
		}
	}
	want := []string{"20261122T093000.000000Z-0123456789abcdef.eml", "20261122T093000.000000Z-another.eml"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatal(diff)
	}
	text, err := os.ReadFile(filepath.Join(dir, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	wantMessage(t, string(text))
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info.Mode(), err)
	}
}

func TestOpen_RefusesWhatLeadsNowhereAndShowsNoPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "smtp://", "smtp:///", "mail.example.com:25", "http://postman:hunter2@example.com", "smtp://postman:hunter2@example.com:0",
		"smtp://postman:hunter2@example.com:99999", "smtp://postman:hunter2@example.com/path", "smtp://postman:hunter2@example.com?tls=no",
		"smtp://postman:hunter2@exa mple.com", "smtp://postman@example.com", "smtp://:hunter2@example.com", "file://relative/dir", "file:relative",
		"file://", "smtp:postman:hunter2@example.com",
	} {
		if _, err := mail.Open(url, from); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, address := range []string{"", "nobody", "IGNY8 <a@b.c>, X <d@e.f>", "IGNY8 <a@b.c>\r\nBcc: d@e.f", "=?utf-8?q?a=0D=0Ab?= <a@b.c>"} {
		if _, err := mail.Open("smtps://example.com", address); err == nil {
			t.Errorf("from %q: accepted", address)
		}
	}
	if _, err := netmail.ParseAddress(from); err != nil {
		t.Fatal(err)
	}
}
