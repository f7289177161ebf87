//go:build unix

package pgtest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"igny8.com/accounts/internal/postgres"
)

// WithoutTenantPredicate is db with the first wall between tenants switched off: conditions that
// compare a column tenant_id with values are taken out of every statement.
// On App it shows what row-level security alone lets through; on Admin, which no policy binds, what
// the walls behind the database let through.
//
// These go: tenant_id = 30 (quoted, with a table before it, with a cast or as $1), tenant_id IN
// (30, 31), tenant_id = ANY (…), and from (tenant_id, id) IN ((30, 5), (30, 6)) the account's part,
// wherever WHERE, ON, AND, OR, NOT or a parenthesis stands before the condition. What compares
// two columns stays, because it joins an account with itself. An account's own row is found by
// its id, which is no column tenant_id, so that condition stays as well.
func WithoutTenantPredicate(tb testing.TB, db *postgres.DB) *postgres.DB {
	tb.Helper()
	return onTheWire(tb, db, dropAll{})
}

// dropAll takes the conditions out of every statement.
type dropAll struct{}

func (dropAll) rewrite(statement string) string { return dropTenantPredicates(statement) }
func (dropAll) run(string)                      {}
func (dropAll) read(int64)                      {}

// Predicates knows the statements of a database that have conditions on the account, by their shape:
// the text without the values in it. It can switch the first wall off for one of them alone.
type Predicates struct {
	pool *pgxpool.Pool

	mu      sync.Mutex
	dropped string
	seen    map[string]bool
	owners  map[int64]bool
}

// WatchTenantPredicates is db, and what knows which of its statements have conditions on the account.
func WatchTenantPredicates(tb testing.TB, db *postgres.DB) (*postgres.DB, *Predicates) {
	tb.Helper()
	p := &Predicates{seen: map[string]bool{}, owners: map[int64]bool{}}
	watched := onTheWire(tb, db, p)
	p.pool = watched.Pool
	return watched, p
}

// Take gives the shapes of the statements with conditions on the account that ran since it was last
// called, in order.
func (p *Predicates) Take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	shapes := slices.Sorted(maps.Keys(p.seen))
	clear(p.seen)
	return shapes
}

// Owners gives the accounts whose rows Postgres handed over since it was last called, as far as rows say
// whose they are, in order: those of statements that are prepared and used again do not.
func (p *Predicates) Owners() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	owners := slices.Sorted(maps.Keys(p.owners))
	clear(p.owners)
	return owners
}

// Drop takes the conditions on the account out of the statements of one shape from now on, and leaves
// them in all others; out of none where the shape is empty. Nothing may run meanwhile.
func (p *Predicates) Drop(shape string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropped != shape {
		p.dropped = shape
		p.pool.Reset() // what was prepared has its conditions
	}
}

func (p *Predicates) rewrite(statement string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropped == "" || Shape(statement) != p.dropped {
		return statement
	}
	return dropTenantPredicates(statement)
}

func (p *Predicates) run(statement string) {
	if dropTenantPredicates(statement) == statement {
		return
	}
	shape := Shape(statement)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[shape] = true
}

func (p *Predicates) read(tenant int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owners[tenant] = true
}

var (
	spaces  = regexp.MustCompile(`\s+`)
	literal = regexp.MustCompile(`'(?:[^']|'')*'|(^|[^\w$"])-?\d+(?:\.\d+)?\b`)
	list    = regexp.MustCompile(`\?(?:\s*,\s*\?)+`)
	tuples  = regexp.MustCompile(`\(\?\)(?:\s*,\s*\(\?\))+`)
)

// Shape is a statement without the values in it, so that two that differ in values alone have one
// shape; lists of values count as one value.
func Shape(statement string) string {
	s := literal.ReplaceAllString(statement, "${1}?")
	s = list.ReplaceAllString(s, "?")
	s = tuples.ReplaceAllString(s, "(?)")
	return strings.TrimSpace(spaces.ReplaceAllString(s, " "))
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
