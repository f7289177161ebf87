// Package mail owns the letters that the service sends to people: it keeps each in the transaction of
// what it tells, and sends it afterwards.
//
// What must always hold: a letter is sent if and only if its transaction was committed; a server that
// stops in between loses none (it may send one twice, under one Message-ID); no transaction, no
// connection to the database and no request waits for a mail server; what a letter says is sealed in
// the database and forgotten once it is sent or given up, because links in letters open doors; nothing
// that a letter says can become a header; no log line and no error holds a recipient or a text.
package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/vault"
)

// Box is where letters are left to be sent.
type Box struct {
	// Vault seals letters until they are sent.
	Vault *vault.Vault
	// App is the address of the web application that links in letters lead to, e.g. https://app.igny8.com.
	App string
}

// Letter is one letter to one person.
type Letter struct {
	// Tenant is the account that it is about.
	Tenant gid.Account `json:"-"`
	// Kind names the letter for operators, e.g. invitation.
	Kind string `json:"-"`
	// To is the address.
	To string `json:"to"`
	// Subject is one line.
	Subject string `json:"subject"`
	// Text is plain text with lines of any length.
	Text string `json:"text"`
}

// letter is a letter's row.
type letter struct {
	bun.BaseModel `bun:"table:igny8_mails,alias:letter"`

	TenantID  gid.Account `bun:"tenant_id,pk"`
	ID        int64       `bun:"id,pk"`
	Kind      string      `bun:"kind"`
	Sealed    []byte      `bun:"sealed"`
	KeyID     string      `bun:"key_id"`
	CreatedAt time.Time   `bun:"created_at"`
	DueAt     time.Time   `bun:"due_at"`
	Attempts  int         `bun:"attempts"`
	SentAt    *time.Time  `bun:"sent_at"`
	GivenUpAt *time.Time  `bun:"given_up_at"`
}

// Link is an address of the web application that carries a token. The token stands behind the #, which
// browsers send to no server.
func (b *Box) Link(path, token string) string {
	return strings.TrimSuffix(b.App, "/") + path + "#token=" + url.QueryEscape(token)
}

// errNoLetter is a letter that nobody could send.
var errNoLetter = errors.New("post a letter: it needs a kind, a subject, a text and the bare address of one person")

// Post leaves a letter within the transaction of what it tells; it is sent once that is committed, also one that an
// account's test clock has written in the future.
func (b *Box) Post(ctx context.Context, tx bun.Tx, l Letter, now time.Time) error {
	l.Subject = line(l.Subject)
	if _, err := recipient(l.To); err != nil || l.Kind == "" || l.Subject == "" || strings.TrimSpace(l.Text) == "" {
		return errNoLetter
	}
	row := &letter{TenantID: l.Tenant, Kind: l.Kind, CreatedAt: now}
	// The number comes first because the seal is bound to the row.
	if err := tx.NewSelect().ColumnExpr("nextval('igny8_mails_id_seq')").Scan(ctx, &row.ID); err != nil {
		return fmt.Errorf("number a letter: %w", err)
	}
	plain, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	row.Sealed, row.KeyID = b.Vault.Seal(plain, row.identity())
	if _, err := tx.NewInsert().Model(row).Value("due_at", "least(?, now())", now).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("post a letter: %w", err)
	}
	return nil
}

// identity is what a letter's seal is bound to.
func (l *letter) identity() string { return fmt.Sprintf("mail/%d/%d", l.TenantID, l.ID) }
