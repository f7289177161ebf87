package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// A server meets many accounts: what it has counted for one must not outlive the last connection.
func TestShares_ForgetWhoHoldsNothing(t *testing.T) {
	t.Parallel()
	s := &shares{most: 2, of: map[int64]*share{}}
	var all sync.WaitGroup
	for i := range 400 {
		all.Go(func() {
			own, err := s.take(t.Context(), int64(i%7+1))
			if err != nil {
				t.Error(err)
				return
			}
			own.release()
		})
	}
	all.Wait()
	if len(s.of) != 0 {
		t.Errorf("%d accounts are still counted", len(s.of))
	}
}

func TestShares_ForgetWhoGaveUp(t *testing.T) {
	t.Parallel()
	s := &shares{most: 1, of: map[int64]*share{}}
	own, err := s.take(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.take(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a second share of one: %v", err)
	}
	own.release()
	if len(s.of) != 0 {
		t.Errorf("%d accounts are still counted", len(s.of))
	}
}
