//go:build unix

package pgtest

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"igny8.com/accounts/internal/postgres"
)

// statements changes and sees the statements of a connection on their way to Postgres, whoever sends
// them and however: through bun, through the pool, alone, in a batch or prepared.
type statements interface {
	// rewrite gives the text that is sent for a statement's.
	rewrite(statement string) string
	// run is told of a statement, by the text that it was given, each time that it runs.
	run(statement string)
	// read is told whose row Postgres handed over, for each row that says it in a column tenant_id.
	read(tenant int64)
}

// onTheWire is db over a pool of its own, whose connections s reads along. It is closed when the test
// ends.
func onTheWire(tb testing.TB, db *postgres.DB, s statements) *postgres.DB {
	tb.Helper()
	cfg := db.Pool.Config() // a copy, with the hook that sets the scope
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &wire{Conn: conn, statements: s, prepared: map[string]string{}}, nil
	}
	pool, err := pgxpool.NewWithConfig(tb.Context(), cfg)
	if err != nil {
		tb.Fatalf("open the test database: %v", err)
	}
	through := sql.OpenDB(stdlib.GetPoolConnector(pool))
	through.SetMaxIdleConns(0) // as in postgres.Open
	tb.Cleanup(func() {
		if err := through.Close(); err != nil {
			tb.Errorf("close the test database: %v", err)
		}
		pool.Close()
	})
	return &postgres.DB{DB: bun.NewDB(through, pgdialect.New()), Pool: pool}
}

// wire is a connection to Postgres whose statements are read and rewritten, and whose answers are read.
type wire struct {
	net.Conn

	statements statements
	answers    answers
	// started says that the first message, which has no type, has passed.
	started bool
	rest    []byte
	// prepared are the statements that Postgres keeps by name; the one without a name is kept too.
	prepared map[string]string
}

// Read reads what Postgres answers.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.answers.see(p[:n], w.statements.read)
	return n, err
}

var errWire = errors.New("pgtest: a message to Postgres that cannot be read")

// Write sends the messages, changed where they hold a statement. Part of a message waits for the rest.
func (w *wire) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	var out []byte
	for {
		message, ok := w.next()
		if !ok {
			break
		}
		changed, err := w.change(message)
		if err != nil {
			return 0, err
		}
		out = append(out, changed...)
	}
	if len(out) > 0 {
		if _, err := w.Conn.Write(out); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// lengthSize is how many bytes the length of a message takes, which counts itself.
const lengthSize = 4

// next takes a whole message, if there is one.
func (w *wire) next() ([]byte, bool) {
	head := 1 // the type
	if !w.started {
		head = 0
	}
	if len(w.rest) < head+lengthSize {
		return nil, false
	}
	size := head + int(binary.BigEndian.Uint32(w.rest[head:]))
	if len(w.rest) < size {
		return nil, false
	}
	message := w.rest[:size:size]
	w.rest = w.rest[size:]
	return message, true
}

// change gives the message to send in place of one: that of a simple query and of a statement to
// prepare have a text, that which binds values names what was prepared.
func (w *wire) change(message []byte) ([]byte, error) {
	if !w.started {
		w.started = true
		return message, nil
	}
	body := message[1+lengthSize:]
	switch message[0] {
	case 'Q':
		query, _, err := text(body)
		if err != nil {
			return nil, err
		}
		w.statements.run(query)
		return frame('Q', append([]byte(w.statements.rewrite(query)), 0)), nil
	case 'P':
		name, rest, err := text(body)
		if err != nil {
			return nil, err
		}
		query, rest, err := text(rest)
		if err != nil {
			return nil, err
		}
		w.prepared[name] = query
		changed := append([]byte(name), 0)
		changed = append(append(changed, w.statements.rewrite(query)...), 0)
		return frame('P', append(changed, rest...)), nil
	case 'B':
		_, rest, err := text(body) // the portal
		if err != nil {
			return nil, err
		}
		name, _, err := text(rest)
		if err != nil {
			return nil, err
		}
		w.statements.run(w.prepared[name])
	}
	return message, nil
}

// text reads a text that ends with a zero byte.
func text(b []byte) (string, []byte, error) {
	for i, c := range b {
		if c == 0 {
			return string(b[:i]), b[i+1:], nil
		}
	}
	return "", nil, errWire
}

// frame makes a message.
func frame(kind byte, body []byte) []byte {
	message := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+lengthSize))
	return append(message, body...)
}
