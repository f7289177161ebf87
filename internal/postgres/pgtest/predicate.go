//go:build unix

package pgtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"igny8.com/accounts/internal/postgres"
)

// WithoutTenantPredicate is db with the first wall between tenants switched off: conditions that
// compare a column tenant_id with values are taken out of every statement that goes through bun.
// On App it shows what row-level security alone lets through; on Admin, which no policy binds, what
// the walls behind the database let through.
//
// These go: tenant_id = 30 (quoted, with a table before it, with a cast or as $1), tenant_id IN
// (30, 31), tenant_id = ANY (…), and from (tenant_id, id) IN ((30, 5), (30, 6)) the account's part,
// wherever WHERE, ON, AND, OR, NOT or a parenthesis stands before the condition. What compares
// two columns stays, because it joins an account with itself. An account's own row is found by
// its id, which is no column tenant_id, so that condition stays as well. Pool is db's: statements
// that go past bun are sent as they are.
func WithoutTenantPredicate(tb testing.TB, db *postgres.DB) *postgres.DB {
	tb.Helper()
	open := sql.OpenDB(rewriter{stdlib.GetPoolConnector(db.Pool)})
	open.SetMaxIdleConns(0) // as in postgres.Open
	tb.Cleanup(func() {
		if err := open.Close(); err != nil {
			tb.Errorf("close the database without tenant predicates: %v", err)
		}
	})
	return &postgres.DB{DB: bun.NewDB(open, pgdialect.New()), Pool: db.Pool}
}

type rewriter struct{ driver.Connector }

// Connect takes a connection from the pool.
func (r rewriter) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	pgx, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, fmt.Errorf("a connection of pgx was expected, not %T", conn)
	}
	return rewritingConn{pgx}, nil
}

type rewritingConn struct{ *stdlib.Conn }

// ExecContext runs the rewritten statement.
func (c rewritingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.ExecContext(ctx, dropTenantPredicates(query), args)
}

// QueryContext runs the rewritten query.
func (c rewritingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.QueryContext(ctx, dropTenantPredicates(query), args)
}

// PrepareContext prepares the rewritten statement.
func (c rewritingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.PrepareContext(ctx, dropTenantPredicates(query))
}

const (
	conditionStart = `(?i)(\b(?:WHERE|ON|AND|OR|NOT)\s+|\(\s*)`
	tenantColumn   = `(?:"?\w+"?\.)?"?tenant_id"?`
	value          = `(?:'?\d+'?(?:::\w+)?)`
)

var (
	equalsValue     = regexp.MustCompile(conditionStart + tenantColumn + `\s*=\s*` + value)
	equalsParameter = regexp.MustCompile(conditionStart + tenantColumn + `\s*=\s*(\$\d+)(?:::\w+)?`)
	equalsAny       = regexp.MustCompile(conditionStart + tenantColumn + `\s*=\s*ANY\s*\(\s*('[^']*')(?:::[\w\[\]]+)?\s*\)`)
	inValues        = regexp.MustCompile(conditionStart + tenantColumn + `\s+IN\s+\(\s*` + value + `(?:\s*,\s*` + value + `)*\s*\)`)
	inTuples        = regexp.MustCompile(`(?i)\(([^()]*\btenant_id\b[^()]*)\)\s+IN\s+\(\s*(\([^()]*\)(?:\s*,\s*\([^()]*\))*)\s*\)`)
	tuple           = regexp.MustCompile(`\(([^()]*)\)`)
	onlyTenant      = regexp.MustCompile(`(?i)^\s*` + tenantColumn + `\s*$`)
)

// dropTenantPredicates takes the conditions out of one statement. A parameter is kept in use,
// because Postgres refuses one that stands nowhere.
func dropTenantPredicates(query string) string {
	query = inTuples.ReplaceAllStringFunc(query, dropTenantFromTuples)
	query = equalsAny.ReplaceAllString(query, "${1}TRUE")
	query = inValues.ReplaceAllString(query, "${1}TRUE")
	query = equalsParameter.ReplaceAllString(query, "${1}${2}::bigint IS NOT NULL")
	return equalsValue.ReplaceAllString(query, "${1}TRUE")
}

func dropTenantFromTuples(condition string) string {
	parts := inTuples.FindStringSubmatch(condition)
	columns := strings.Split(parts[1], ",")
	at := -1
	for i, column := range columns {
		if onlyTenant.MatchString(column) {
			at = i
		}
	}
	if at < 0 || len(columns) < 2 {
		return condition
	}
	without := func(list string) string {
		items := strings.Split(list, ",")
		if len(items) != len(columns) {
			return list
		}
		items = append(items[:at:at], items[at+1:]...)
		return strings.TrimSpace(strings.Join(items, ","))
	}
	tuples := tuple.ReplaceAllStringFunc(parts[2], func(t string) string {
		return "(" + without(t[1:len(t)-1]) + ")"
	})
	return "(" + without(parts[1]) + ") IN (" + tuples + ")"
}
