package mail_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/mail"
)

// certified gives a server a certificate for 127.0.0.1, and who vouches for it.
func certified(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: private}}, MinVersion: tls.VersionTLS12}, roots
}

func TestSMTP_SpeaksTLSOrNotAtAllToServersElsewhere(t *testing.T) {
	t.Parallel()
	config, roots := certified(t)
	able := newServer(t, func(s *server) {
		s.TLSConfig, s.AllowInsecureAuth = config, false
		s.user, s.password = "postman", "p:ss w@rd"
	})
	unable := newServer(t)
	url := "smtp://postman:p%3Ass%20w%40rd@" + able.address
	for name, c := range map[string]struct {
		sender mail.Sender
		ok     bool
	}{
		"certified":          {mail.Strict(open(t, url), roots), true},
		"by an unknown":      {mail.Strict(open(t, url), x509.NewCertPool()), false},
		"without TLS":        {mail.Strict(unable.sender(t), roots), false},
		"with no password":   {mail.Strict(able.sender(t), roots), false},
		"with a wrong one":   {mail.Strict(open(t, "smtp://postman:wrong@"+able.address), roots), false},
		"TLS where none was": {mail.Strict(open(t, "smtps://postman:wrong@"+able.address), roots), false},
	} {
		err := c.sender.Send(t.Context(), message())
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "ann@") || strings.Contains(err.Error(), mail.ErrRefused.Error())) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(able.messages()) != 1 || len(unable.messages()) != 0 {
		t.Errorf("%d and %d letters arrived", len(able.messages()), len(unable.messages()))
	}
}

func TestSMTPS_SpeaksTLSFromTheFirstByte(t *testing.T) {
	t.Parallel()
	config, roots := certified(t)
	s := newServer(t, func(s *server) { s.user, s.password = "postman", "password" })
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	url := "smtps://postman:password@" + listener.Addr().String()
	if err := mail.Strict(open(t, url), roots).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if err := open(t, url).Send(t.Context(), message()); err == nil {
		t.Error("a certificate that nobody vouches for was taken")
	}
	if n := len(s.messages()); n != 1 {
		t.Errorf("%d arrived", n)
	}
}

func TestSMTP_GivesUpOnAServerThatSaysNothingWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() {
		conn, err := silent.Accept()
		if err != nil {
			closed <- err
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, "220 here\r\n")
		_, err = conn.Read(make([]byte, 100)) // it is past dialling
		if err == nil {
			cancel()
			_, err = conn.Read(make([]byte, 100))
		}
		closed <- err
	}()
	if err := open(t, "smtp://"+silent.Addr().String()).Send(ctx, message()); err == nil {
		t.Error("sent")
	}
	if err := <-closed; !errors.Is(err, io.EOF) {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestSMTP_LeavesNoConnectionOpenWhereItGetsNoSession(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	closed := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			closed <- err
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, "220 here\r\n")
		_, _ = conn.Read(make([]byte, 100))
		_, _ = io.WriteString(conn, "250 hello, without STARTTLS\r\n")
		_, err = conn.Read(make([]byte, 100))
		closed <- err
	}()
	if err := mail.Strict(open(t, "smtp://"+listener.Addr().String()), nil).Send(t.Context(), message()); err == nil {
		t.Error("sent")
	}
	if err := <-closed; !errors.Is(err, io.EOF) {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestSMTP_CountsAsSentWhatTheServerTookBeforeItHungUp(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		buffer := make([]byte, 1<<16)
		say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
		say("220 here")
		for _, answer := range []string{"250 hello", "250 ok", "250 ok", "354 go on"} {
			_, _ = conn.Read(buffer)
			say(answer)
		}
		text := ""
		for !strings.HasSuffix(text, "\r\n.\r\n") {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			text += string(buffer[:n])
		}
		say("250 taken")
	}()
	if err := open(t, "smtp://"+listener.Addr().String()).Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
	<-done
}
