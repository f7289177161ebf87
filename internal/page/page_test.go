package page_test

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/page"
)

func TestWindow_RefusesSizesAndCursorsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]page.Args{
		"none":              {First: new(0)},
		"fewer than none":   {First: new(-1)},
		"too many":          {First: new(page.MaxSize + 1)},
		"too many from end": {Last: new(page.MaxSize + 1)},
		"both ways":         {First: new(1), Last: new(1)},
		"mixed":             {First: new(1), Before: new("WzFd")},
		"no base64":         {After: new("!")},
		"no JSON":           {After: new("eA")},
		"a longer key":      {After: new("WzEsMl0")}, // [1,2]
	} {
		if _, err := args.Window(1); !fault.Is(err, fault.BadUserInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w, err := page.Args{}.Window(1)
	if err != nil || w.Limit != page.DefaultSize+1 || w.Backward || w.Key != nil {
		t.Errorf("no arguments: %+v, %v", w, err)
	}
}

// read answers a window over a sorted list as a query would.
func read(t *rapid.T, list []int, args page.Args) *page.Connection[int] {
	w, err := args.Window(1)
	if err != nil {
		t.Fatal(err)
	}
	bound, rows := 0, slices.Clone(list)
	if w.Key != nil {
		if err := w.Scan(&bound); err != nil {
			t.Fatal(err)
		}
		rows = slices.DeleteFunc(rows, func(n int) bool {
			if w.Backward {
				return n >= bound
			}
			return n <= bound
		})
	}
	if w.Backward {
		slices.Reverse(rows)
	}
	rows = rows[:min(len(rows), w.Limit)]
	return page.New(w, rows, func(n int) []any { return []any{n} },
		func(context.Context) (int, error) { return len(list), nil })
}

func TestPages_VisitEachRowOnceInBothDirections(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.IntRange(-1000, 1000), 0, 60, func(n int) int { return n }).Draw(t, "list")
		slices.Sort(list)
		size := rapid.IntRange(1, 20).Draw(t, "size")
		var forward, backward []int
		args := page.Args{First: &size}
		for {
			c := read(t, list, args)
			forward = append(forward, c.Nodes()...)
			if !c.PageInfo.HasNextPage {
				break
			}
			args.After = c.PageInfo.EndCursor
		}
		args = page.Args{Last: &size}
		for {
			c := read(t, list, args)
			backward = append(c.Nodes(), backward...)
			if !c.PageInfo.HasPreviousPage {
				break
			}
			args.Before = c.PageInfo.StartCursor
		}
		if !slices.Equal(forward, list) || !slices.Equal(backward, list) {
			t.Fatalf("%v: forwards %v, backwards %v", list, forward, backward)
		}
	})
}

func TestTotalCount_IsCountedOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	counted := 0
	c := page.New(page.Window{Limit: 2}, []int{1}, func(n int) []any { return []any{n} },
		func(context.Context) (int, error) { counted++; return 7, nil })
	if counted != 0 {
		t.Error("counted unasked")
	}
	if n, err := c.TotalCount(t.Context()); n != 7 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
