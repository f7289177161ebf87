package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"

	gomail "github.com/wneessen/go-mail"
)

// smtp sends each letter over a connection of its own.
type smtp struct {
	host           string
	port           int
	user, password string
	from           *netmail.Address
	// wrapped is TLS from the first byte, clear none at all; otherwise STARTTLS must succeed.
	wrapped, clear bool
	// roots are who vouches for the server; the system's where nil.
	roots *x509.CertPool
}

// Send implements Sender.
func (s *smtp) Send(ctx context.Context, m Message) error {
	msg, err := m.compose(s.from)
	if err != nil {
		return err
	}
	// go-mail listens to no context once it is connected, and leaves a connection open where greeting, TLS
	// or signing in fail.
	hangUp := func() {}
	defer func() { hangUp() }() //nolint:gocritic // which one is known when it is called
	client, err := s.client(func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := s.dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		deaf := context.AfterFunc(ctx, func() { _ = conn.Close() })
		hangUp = func() { deaf(); _ = conn.Close() }
		return conn, nil
	})
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return unreached(err)
	}
	err = client.SendWithSMTPClient(session, msg)
	if msg.IsDelivered() {
		// The server has it, whatever became of the connection after that.
		_ = client.CloseWithSMTPClient(session)
		return nil
	}
	return undelivered(err)
}

func (s *smtp) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.TLSMandatory
	if s.clear || s.wrapped {
		policy = gomail.NoTLS
	}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(patience), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(s.tls()),
		gomail.WithDialContextFunc(dial), gomail.WithoutNoop(),
	}
	if s.user != "" {
		mechanisms := []gomail.SMTPAuthType{gomail.SMTPAuthPlain, gomail.SMTPAuthLogin}
		if s.clear {
			mechanisms = []gomail.SMTPAuthType{gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc}
		}
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
			gomail.WithOpportunisticSMTPAuth(mechanisms...))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare to reach the mail server: %w", err)
	}
	return client, nil
}

func (s *smtp) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	dialer := &net.Dialer{}
	if s.wrapped {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: s.tls()}).DialContext(ctx, network, address)
	} else {
		conn, err = dialer.DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

func (s *smtp) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// unreached says why there is no session with the server. What a server says may repeat what it was
// told, so of its answers the code alone is kept.
func unreached(err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("the mail server refuses to talk: code %d", answer.Code)
	}
	return fmt.Errorf("the mail server cannot be reached: %w", err)
}

// undelivered says why a server did not take a message. Codes from 550 on are about this message or
// its recipient and hold for good (RFC 5321, 4.2.3); those below it, and whatever concerns the sender, are
// about how this service is set up, which somebody may mend while the letter waits.
func undelivered(err error) error {
	failure, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return errors.New("the connection to the mail server failed")
	}
	const aboutTheMessage = 550
	code, stage := failure.ErrorCode(), failure.Reason.String()
	switch {
	case code == 0:
		return fmt.Errorf("the connection to the mail server failed: %s", stage)
	case code >= aboutTheMessage && failure.Reason != gomail.ErrSMTPMailFrom:
		return fmt.Errorf("%w: %s: code %d", ErrRefused, stage, code)
	default:
		return fmt.Errorf("the mail server does not take it now: %s: code %d", stage, code)
	}
}
