package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
)

// begun are the transactions of InTx that run, and the connection that each has: database/sql leads from a
// connection to its transaction, but not back.
var begun sync.Map // of *sql.Tx to *sql.Conn

// Pgx runs fn on the connection of pgx that a transaction of InTx runs on, for what speaks pgx and has to join
// the transaction. What fn does is part of it. fn must neither begin nor end a transaction, nor keep the
// connection, nor use tx. The error is fn's, or says that tx was not begun by InTx.
func Pgx(tx bun.Tx, fn func(conn *pgx.Conn) error) error {
	found, _ := begun.Load(tx.Tx)
	conn, ok := found.(*sql.Conn)
	if !ok {
		return errors.New("take the connection of a transaction: it was not begun by InTx")
	}
	return conn.Raw(func(driverConn any) error { //nolint:wrapcheck // fn's own error
		switch held := driverConn.(type) {
		case *fairConn:
			return fn(held.Conn.Conn())
		case *stdlib.Conn:
			return fn(held.Conn())
		default:
			return fmt.Errorf("take the connection of a transaction: %T is not of pgx", driverConn)
		}
	})
}

// begin begins a transaction, or a savepoint of one. release is to be called when it has ended.
func begin(ctx context.Context, db bun.IDB) (tx bun.Tx, release func(), err error) {
	opts := &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	var conn bun.Conn
	switch db := db.(type) {
	case *DB:
		conn, err = db.Conn(ctx)
	case *bun.DB:
		conn, err = db.Conn(ctx)
	default:
		tx, err = db.BeginTx(ctx, opts)
		return tx, func() {}, err //nolint:wrapcheck // the caller does
	}
	if err != nil {
		return bun.Tx{}, nil, err //nolint:wrapcheck // the caller does
	}
	giveBack := func() { _ = conn.Close() } // to the pool, which cannot fail
	if tx, err = conn.BeginTx(ctx, opts); err != nil {
		giveBack()
		return bun.Tx{}, nil, err //nolint:wrapcheck // the caller does
	}
	begun.Store(tx.Tx, conn.Conn)
	return tx, func() {
		begun.Delete(tx.Tx)
		giveBack()
	}, nil
}
