package page

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Key is one column of a list's order. The columns of a list together are unique in it.
type Key struct {
	// Column is a column's name in SQL; never text from a client.
	Column string
	// Value is where the cursor's value is read to: a pointer to the column's type.
	Value any
	// Descending lists the largest on top.
	Descending bool
}

// Apply adds a window's order, bound and limit to a query over columns that all run the same way.
// Errors: BAD_USER_INPUT for a cursor that is not one of this list.
func Apply(q *bun.SelectQuery, w Window, keys ...Key) (*bun.SelectQuery, error) {
	columns, values := make([]string, len(keys)), make([]any, len(keys))
	for i, k := range keys {
		columns[i], values[i] = k.Column, k.Value
	}
	descending := keys[0].Descending != w.Backward
	if w.Key != nil {
		if err := w.Scan(values...); err != nil {
			return nil, err
		}
		for _, value := range values {
			if !storable(value) {
				return nil, malformed()
			}
		}
		sign := ">"
		if descending {
			sign = "<"
		}
		marks := strings.TrimSuffix(strings.Repeat("?, ", len(keys)), ", ")
		q = q.Where("("+strings.Join(columns, ", ")+") "+sign+" ("+marks+")", values...)
	}
	for _, column := range columns {
		if descending {
			column += " DESC"
		}
		q = q.OrderExpr(column)
	}
	return q.Limit(int64(w.Limit)), nil
}

// Counter counts what a query selects, once it is called: a list's Count.
func Counter(query func() *bun.SelectQuery) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		n, err := query().Count(ctx)
		if err != nil {
			return 0, fmt.Errorf("count a list: %w", err)
		}
		return int(n), nil
	}
}

// storable says whether Postgres takes the value. A made-up cursor can hold what JSON allows and
// Postgres does not: NUL in text, years beyond its calendar's four digits.
func storable(value any) bool {
	switch v := value.(type) {
	case *string:
		return !strings.ContainsRune(*v, 0)
	case *time.Time:
		return v.Year() >= 1 && v.Year() <= 9999
	default:
		return true
	}
}
