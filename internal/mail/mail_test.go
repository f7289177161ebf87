package mail_test

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
)

func TestPost_LeavesNothingWhenItsTransactionIsRolledBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.account(t, "one")
	f.post(t, context.Canceled, letterTo(tenant, "ann@example.com"))
	f.post(t, nil, letterTo(tenant, "bob@example.com"))
	s := newServer(t)
	f.sendDue(t, s.sender(t), 0)
	if got := s.messages(); len(got) != 1 || got[0].to != "bob@example.com" {
		t.Errorf("sent: %v", got)
	}
}

func TestPost_LeavesNothingReadableInTheDatabase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	l := letterTo(f.account(t, "one"), "ann@example.com")
	f.post(t, nil, l)
	var row string
	f.scan(t, &row, `SELECT to_jsonb(m)::text FROM igny8_mails m`)
	if !strings.Contains(row, "invitation") {
		t.Fatalf("no row: %s", row)
	}
	for _, secret := range []string{l.To, "ann", l.Subject, "look", l.Text, "secret"} {
		if strings.Contains(row, secret) || strings.Contains(row, hex.EncodeToString([]byte(secret))) {
			t.Errorf("the row holds %q: %s", secret, row)
		}
	}
}

func TestPost_RefusesWhatNobodyCouldSend(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.account(t, "one")
	for name, spoil := range map[string]func(*mail.Letter){
		"no recipient":           func(l *mail.Letter) { l.To = "" },
		"a name too":             func(l *mail.Letter) { l.To = "Ann <ann@example.com>" },
		"two recipients":         func(l *mail.Letter) { l.To = "ann@example.com,bob@example.com" },
		"a header in an address": func(l *mail.Letter) { l.To = "ann@example.com\r\nBcc: eve@example.com" },
		"no kind":                func(l *mail.Letter) { l.Kind = "" },
		"no subject":             func(l *mail.Letter) { l.Subject = "\r\n" },
		"no text":                func(l *mail.Letter) { l.Text = " " },
	} {
		l := letterTo(tenant, "ann@example.com")
		spoil(&l)
		err := postgres.InTx(postgres.WithTenant(t.Context(), int64(tenant)), f.db.App, func(ctx context.Context, tx bun.Tx) error {
			return f.box.Post(ctx, tx, l, start)
		})
		if err == nil || strings.Contains(err.Error(), "ann") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLink_CarriesTheTokenWhereNoServerSeesIt(t *testing.T) {
	t.Parallel()
	for _, app := range []string{"https://app.igny8.test", "https://app.igny8.test/"} {
		box := &mail.Box{App: app}
		if got, want := box.Link("/reset-password", "a b&c"), "https://app.igny8.test/reset-password#token=a+b%26c"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
