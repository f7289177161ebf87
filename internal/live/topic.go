// Package live owns how what happens to an account reaches whoever watches it, on whichever server: topics,
// the notices of changes that go through Postgres, and the hub that wakes those who watch a topic.
//
// What must always hold:
//
//   - A notice is sent for changes that are committed, and for no others. It names a topic and holds nothing
//     of what changed: whoever is woken reads that afresh, through the same doors and walls as any request.
//   - Nothing is queued for anybody. To be woken is a flag, so that a watcher who is slow holds no memory and
//     then reads how things are, or everything since where they left off.
//   - A notice is a hint. One may be lost, with the server that should have sent it or with the connection
//     that should have brought it; when the connection is back everybody is woken, and watchers look again
//     by themselves from time to time.
package live

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// channel is Postgres' channel of all notices.
const channel = "igny8_live"

// everything is the notice that anything may have changed.
const everything = "*"

// Kind says what about an account changed.
type Kind string

// The kinds.
const (
	// Credits are the account's balance, what is held of it, and whether it is low.
	Credits Kind = "credits"
	// Payment is one payment.
	Payment Kind = "payment"
	// Sync is what was synced with one site.
	Sync Kind = "sync"
)

// Topic is what can be watched.
type Topic struct {
	Account gid.Account
	Kind    Kind
	// Subject is the number of the payment or the site; 0 where the kind has none.
	Subject int64
}

// text is the topic as a notice writes it, e.g. payment:30:8.
func (t Topic) text() string {
	return string(t.Kind) + ":" + strconv.FormatInt(int64(t.Account), 10) + ":" + strconv.FormatInt(t.Subject, 10)
}

// readTopic is the reverse of text. It is false for what no server of ours sends.
func readTopic(text string) (Topic, bool) {
	kind, rest, _ := strings.Cut(text, ":")
	account, subject, ok := strings.Cut(rest, ":")
	if !ok || kind == "" {
		return Topic{}, false
	}
	tenant, err := strconv.ParseInt(account, 10, 64)
	if err != nil {
		return Topic{}, false
	}
	number, err := strconv.ParseInt(subject, 10, 64)
	if err != nil {
		return Topic{}, false
	}
	return Topic{Account: gid.Account(tenant), Kind: Kind(kind), Subject: number}, true
}

// Notify tells all servers that a topic changed, with the commit of tx. It is for what changes seldom:
// commits with a notice wait for each other, on the whole of Postgres.
func Notify(ctx context.Context, tx bun.Tx, t Topic) error {
	if _, err := tx.NewRaw("SELECT pg_notify(?, ?)", channel, t.text()).Exec(ctx); err != nil {
		return fmt.Errorf("tell of a change: %w", err)
	}
	return nil
}

// Announce tells all servers that a topic changed, soon after the transaction that ctx is of is committed:
// see postgres.Announce. It is for what changes often.
func Announce(ctx context.Context, t Topic) { postgres.Announce(ctx, t.text()) }
