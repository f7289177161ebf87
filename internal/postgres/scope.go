package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// scope is what row-level security judges by: whose rows may be seen, and whether the caller acts
// as staff.
type scope struct {
	tenant int64
	staff  bool
}

type scopeKey struct{}

// scopeData is where a connection remembers the scope that its session has now.
const scopeData = "igny8.scope"

// setScope sets both settings for the session, not the transaction: the hook runs between
// transactions, so no rollback can undo it.
const setScope = `SELECT set_config('app.tenant_id', $1, false), set_config('app.staff', $2, false)`

// setLocalScope sets both for the transaction that it is in, and nothing beyond it.
const setLocalScope = `SELECT set_config('app.tenant_id', $1, true), set_config('app.staff', $2, true)`

// ownScopeKey marks a context whose caller sets the scope by a statement of its own, in the first trip of its
// transaction: its connection comes in whatever scope it has.
type ownScopeKey struct{}

// local is the statement that gives a transaction the scope. It is the first one after its begin.
func (s scope) local() Statement {
	tenant, staff := s.settings()
	return Statement{SQL: setLocalScope, Args: []any{tenant, staff}}
}

// WithTenant returns a context whose statements see the rows of one account. The scope is bound
// when a connection leaves the pool: a transaction keeps the scope of the context that began it,
// whatever contexts its statements are given later. An id that is not positive means no account.
func WithTenant(ctx context.Context, tenantID int64) context.Context {
	s := scopeOf(ctx)
	s.tenant = max(tenantID, 0)
	return context.WithValue(ctx, scopeKey{}, s)
}

// WithStaff returns a context whose statements also see what policies open to staff. It is kept
// beside the account: WithTenant neither sets nor clears it.
func WithStaff(ctx context.Context) context.Context {
	s := scopeOf(ctx)
	s.staff = true
	return context.WithValue(ctx, scopeKey{}, s)
}

// Tenant is the account that statements under ctx see the rows of; false when there is none, and
// then they see no tenant's rows at all.
func Tenant(ctx context.Context) (int64, bool) {
	s := scopeOf(ctx)
	return s.tenant, s.tenant != 0
}

// Staff says whether statements under ctx run in the scope of staff.
func Staff(ctx context.Context) bool { return scopeOf(ctx).staff }

func scopeOf(ctx context.Context) scope {
	s, _ := ctx.Value(scopeKey{}).(scope)
	return s
}

func (s scope) settings() (tenant, staff string) {
	if s.tenant != 0 {
		tenant = strconv.FormatInt(s.tenant, 10)
	}
	if s.staff {
		staff = "on"
	}
	return tenant, staff
}

// prepareScope is the pool's PrepareConn hook: it gives the connection the scope of ctx before
// anybody else can use it, unless its caller does so itself (trip.go). A connection whose scope could not be set is destroyed.
//
// The statement goes through PgConn, below pgx's tracers: it belongs to the connection, not to a
// query, and a count of statements must not depend on which connection the pool picked.
func prepareScope(ctx context.Context, conn *pgx.Conn) (bool, error) {
	if ctx.Value(ownScopeKey{}) != nil {
		return true, nil
	}
	want := scopeOf(ctx)
	data := conn.PgConn().CustomData()
	if have, known := data[scopeData].(scope); known && have == want {
		return true, nil
	}

	tenant, staff := want.settings()
	result := conn.PgConn().ExecParams(ctx, setScope, [][]byte{[]byte(tenant), []byte(staff)}, nil, nil, nil).Read()
	if result.Err == nil {
		data[scopeData] = want
		return true, nil
	}
	if ctx.Err() == nil && conn.IsClosed() {
		// The server dropped an idle connection (a restart, a failover): the pool tries another.
		return false, nil
	}
	return false, fmt.Errorf("set the scope of a connection: %w", result.Err)
}
