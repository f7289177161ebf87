// Package page owns pagination: Relay connections over keyset cursors.
//
// A page is asked for by Args, read with one row more than it shows, and never by offset, so that a
// page deep in a long list costs what the first costs. A cursor holds the sort key of its row and is
// opaque to clients; it selects nothing by itself, so one from another account finds nothing there.
package page

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"igny8.com/accounts/internal/enum"
	"igny8.com/accounts/internal/fault"
)

// Sizes of a page, in rows.
const (
	DefaultSize = 20
	MaxSize     = 100
)

// Direction is which way a list is ordered.
type Direction string

// The directions.
const (
	Ascending  Direction = "asc"
	Descending Direction = "desc"
)

// MarshalGQL writes the enum value.
func (d Direction) MarshalGQL(w io.Writer) { enum.Marshal(w, d) }

// UnmarshalGQL reads the enum value.
func (d *Direction) UnmarshalGQL(v any) error { return enum.Unmarshal(d, v) }

// Args are a connection's arguments as GraphQL gives them.
type Args struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// Info is Relay's PageInfo.
type Info struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Edge is one row of a page with its cursor.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// Connection is one page of a list. Total counts the whole list, and only when it is called.
type Connection[T any] struct {
	Edges    []*Edge[T]
	PageInfo *Info
	Count    func(ctx context.Context) (int, error)
}

// Each shows every row to saw, for what belongs to reading a list.
func (c *Connection[T]) Each(saw func([]T) []T) *Connection[T] {
	if c != nil {
		saw(c.Nodes())
	}
	return c
}

// Nodes are the rows without their cursors.
func (c *Connection[T]) Nodes() []T {
	nodes := make([]T, len(c.Edges))
	for i, e := range c.Edges {
		nodes[i] = e.Node
	}
	return nodes
}

// TotalCount counts the whole list.
func (c *Connection[T]) TotalCount(ctx context.Context) (int, error) { return c.Count(ctx) }

// Window is what a query has to read: Limit rows (one more than the page shows) beyond the Key, in
// the list's order or, when Backward, in the reverse of it.
type Window struct {
	Limit    int
	Backward bool
	// Key is the cursor's sort key, absent on the first page; scan it with Scan.
	Key []json.RawMessage
}

// Window checks the arguments. Errors: BAD_USER_INPUT for a size under 1 or over MaxSize (refused,
// not clamped), for mixed directions, and for a cursor that is not one of this list: keys is how many
// values its sort key has.
func (a Args) Window(keys int) (Window, error) {
	w := Window{Limit: DefaultSize + 1}
	size, cursor := a.First, a.After
	if a.Last != nil || a.Before != nil {
		if a.First != nil || a.After != nil {
			return Window{}, fault.New(fault.BadUserInput, "page forwards with first and after, or backwards with last and before, not both")
		}
		w.Backward, size, cursor = true, a.Last, a.Before
	}
	if size != nil {
		if *size < 1 || *size > MaxSize {
			return Window{}, fault.New(fault.BadUserInput, "a page has from 1 to %d rows", MaxSize).
				With("limit", MaxSize).With("actual", *size)
		}
		w.Limit = *size + 1
	}
	if cursor != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*cursor)
		if err != nil || json.Unmarshal(raw, &w.Key) != nil || len(w.Key) != keys {
			return Window{}, malformed()
		}
	}
	return w, nil
}

// Scan reads the cursor's sort key into the targets. Errors: BAD_USER_INPUT.
func (w Window) Scan(targets ...any) error {
	for i, target := range targets {
		if i >= len(w.Key) || json.Unmarshal(w.Key[i], target) != nil {
			return malformed()
		}
	}
	return nil
}

// New makes the page of the rows that a query for w returned. key gives a row's sort key, of
// values that JSON keeps exactly.
func New[T any](w Window, rows []T, key func(T) []any, count func(context.Context) (int, error)) *Connection[T] {
	more := len(rows) == w.Limit
	if more {
		rows = rows[:w.Limit-1]
	}
	info := &Info{HasNextPage: more, HasPreviousPage: w.Key != nil}
	if w.Backward {
		for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
			rows[i], rows[j] = rows[j], rows[i]
		}
		info.HasNextPage, info.HasPreviousPage = w.Key != nil, more
	}
	c := &Connection[T]{Edges: make([]*Edge[T], len(rows)), PageInfo: info, Count: count}
	for i, row := range rows {
		c.Edges[i] = &Edge[T]{Cursor: encode(key(row)), Node: row}
	}
	if len(c.Edges) > 0 {
		info.StartCursor, info.EndCursor = &c.Edges[0].Cursor, &c.Edges[len(c.Edges)-1].Cursor
	}
	return c
}

func encode(key []any) string {
	raw, err := json.Marshal(key)
	if err != nil {
		// Keys are strings, numbers and times: what does not marshal is a mistake in this program.
		panic(fmt.Sprintf("page: a sort key that is no JSON: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func malformed() error {
	return fault.New(fault.BadUserInput, "this cursor is not one of this list")
}
