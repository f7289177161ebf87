package retention

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

const (
	exportVersion = 1
	// exportBatch is how many rows of an export are in memory at once.
	exportBatch = 500
)

// Export writes all that an account has as one JSON object: format, version, exportedAt, a member for each of
// the sections below, and complete, which is true and comes last. What was cut off on its way is no JSON
// and lacks it. It holds what the account's owner may see and no secret: no password, no hash, no token.
//
// All of it is read in one snapshot, in batches, so that memory does not grow with the account; w is
// written to as it is read, and whoever reads slowly holds the snapshot open that long. That it was asked
// for is recorded before the first byte. Errors: NOT_FOUND before the first byte; afterwards those of w and
// of the database, and then what was written is not whole.
func Export(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, w io.Writer) error {
	tenant := actor.AccountID()
	ctx = postgres.WithTenant(ctx, int64(tenant))
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, tenant); err != nil {
			return err
		}
		return audit.Record(ctx, tx, tenant, actor.By(tenant), now, audit.On("account.exported", accountSubject, tenant))
	})
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("export: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	// Postgres writes times in the session's zone.
	if _, err := tx.ExecContext(ctx, "SET LOCAL timezone = 'UTC'"); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	e := &export{tx: tx, tenant: tenant, w: bufio.NewWriter(w)}
	return e.write(ctx, now)
}

// export is one export on its way.
type export struct {
	tx     bun.Tx
	tenant gid.Account
	w      *bufio.Writer
}

func (e *export) write(ctx context.Context, now time.Time) error {
	at, err := json.Marshal(now.UTC())
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	// A bufio.Writer remembers its first error; Flush tells it.
	_, _ = fmt.Fprintf(e.w, "{\n\"format\": \"igny8-account\",\n\"version\": %d,\n\"exportedAt\": %s", exportVersion, at)
	for _, s := range sections {
		_, _ = fmt.Fprintf(e.w, ",\n%q: ", s.name)
		if s.one {
			err = e.object(ctx, s)
		} else {
			err = e.list(ctx, s)
		}
		if err != nil {
			return fmt.Errorf("export %s: %w", s.name, err)
		}
	}
	_, _ = e.w.WriteString(",\n\"complete\": true\n}\n")
	return flush(e.w)
}

// row is one row of a section: its key, and itself as JSON.
type row struct {
	Key  int64           `bun:"key"`
	Data json.RawMessage `bun:"data"`
}

// object writes a section of exactly one row.
func (e *export) object(ctx context.Context, s section) error {
	rows, err := e.batch(ctx, s, 0, 1)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		_, _ = e.w.WriteString("null")
		return nil
	}
	_, _ = e.w.Write(rows[0].Data)
	return nil
}

// list writes a section batch by batch, and each before the next is read.
func (e *export) list(ctx context.Context, s section) error {
	_ = e.w.WriteByte('[')
	separator := "\n"
	var last int64
	for {
		rows, err := e.batch(ctx, s, last, exportBatch)
		if err != nil {
			return err
		}
		for _, r := range rows {
			_, _ = e.w.WriteString(separator)
			_, _ = e.w.Write(r.Data)
			separator, last = ",\n", r.Key
		}
		if err := flush(e.w); err != nil {
			return err
		}
		if len(rows) < exportBatch {
			_ = e.w.WriteByte(']')
			return nil
		}
	}
}

func (e *export) batch(ctx context.Context, s section, last int64, most int) ([]row, error) {
	rows := make([]row, 0, most)
	err := e.tx.NewRaw(s.query(), e.tenant, last, most).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return rows, nil
}

func flush(w *bufio.Writer) error {
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
