package credit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// tally counts outcomes: "ok", the code of a refusal, or the text of any other error.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (o *tally) note(err error) {
	text := "ok"
	if faults := fault.Of(err); len(faults) == 1 {
		text = string(faults[0].Code)
	} else if err != nil {
		text = err.Error()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[text]++
}

// together runs n calls at once.
func together(n int, call func(i int) error) map[string]int {
	o := &tally{counts: map[string]int{}}
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			o.note(call(i))
		})
	}
	close(start)
	wg.Wait()
	return o.counts
}

func wantTally(t *testing.T, got, want map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestSpend_AThousandAtOnceTakeWhatIsThereAndNoMore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Trial, 250, now, nil)
	a.give(credit.Purchase, 350, now, nil)
	got := together(1000, func(i int) error {
		_, err := a.spend(now, credit.ContentGeneration, 100, strconv.Itoa(i))
		return err
	})
	wantTally(t, got, map[string]int{"ok": 600, "INSUFFICIENT_CREDITS": 400})
	if s := a.state(); s.Balance != 0 || s.LastSeq != 602 {
		t.Errorf("%+v", s)
	}
	a.sound()
}

func TestMovements_OfManyAccountsInRandomOrderNeverDeadlock(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.WithMaxConns(8))
	const accounts, each = 40, 30
	all := make([]*tenant, accounts)
	var order []int
	for i := range all {
		all[i] = newTenant(t, db)
		all[i].give(credit.Purchase, 15, now, nil)
		all[i].give(credit.Trial, 5, now, nil)
		for range each {
			order = append(order, i)
		}
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	got := together(len(order)+20, func(i int) error {
		if i >= len(order) { // the jobs, in between
			_, err := credit.ExpireHolds(t.Context(), db.App, now)
			_, err2 := credit.ExpireGrants(t.Context(), db.App, now)
			return errors.Join(err, err2)
		}
		_, err := all[order[i]].spend(now, credit.ContentGeneration, 1, strconv.Itoa(i))
		return err
	})
	wantTally(t, got, map[string]int{"ok": accounts*20 + 20, "INSUFFICIENT_CREDITS": accounts * (each - 20)})
	for _, a := range all {
		if s := a.state(); s.Balance != 0 {
			t.Errorf("account %d: %+v", a.id, s)
		}
		a.sound()
	}
	// A deadlock would have been run again and gone unseen; Postgres counts them.
	var deadlocks int
	all[0].scan(&deadlocks, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
	if deadlocks != 0 {
		t.Errorf("%d deadlocks", deadlocks)
	}
}

func TestSpend_WithOneKeyMovesOnceForAllWhoAsk(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	results := make([]*credit.Result, 500)
	got := together(len(results), func(i int) (err error) {
		results[i], err = a.spend(now.Add(time.Duration(i)*time.Second), credit.Clustering, 1, "one")
		return err
	})
	wantTally(t, got, map[string]int{"ok": 500})
	for i, r := range results {
		if diff := cmp.Diff(results[0], r, cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
			t.Fatalf("answer %d differs:\n%s", i, diff)
		}
	}
	if s := a.state(); s.Balance != 90 || s.LastSeq != 2 {
		t.Errorf("%+v", s)
	}
	a.sound()
}

func TestSpend_WithOneKeyAndTwoInputsLetsOneInputWin(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	got := together(200, func(i int) error {
		_, err := a.spend(now, credit.IdeaGeneration, int64(1+i%2), "one")
		return err
	})
	wantTally(t, got, map[string]int{"ok": 100, "IDEMPOTENCY_CONFLICT": 100})
	if s := a.state(); s.LastSeq != 2 {
		t.Errorf("%+v", s)
	}
	a.sound()
}

func TestReserve_AHundredJobsWithCreditsForTen(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 109, now, nil)
	got := together(100, func(i int) error {
		_, err := a.reserve(now, credit.Clustering, 1, strconv.Itoa(i))
		return err
	})
	wantTally(t, got, map[string]int{"ok": 10, "INSUFFICIENT_CREDITS": 90})
	if s := a.state(); s.Held != 100 || s.Balance != 109 {
		t.Errorf("%+v", s)
	}
	a.sound()
	// All jobs were killed: their holds expire once, whoever comes to it, and the credits are back.
	end := now.Add(credit.DefaultHoldTime)
	var expired [20]int
	got = together(40, func(i int) error {
		if i < len(expired) {
			n, err := credit.ExpireHolds(t.Context(), db.App, end)
			expired[i] = n
			return err
		}
		_, err := a.spend(end, credit.ContentGeneration, 1, fmt.Sprint("s", i))
		return err
	})
	wantTally(t, got, map[string]int{"ok": 40})
	total := 0
	for _, n := range expired {
		total += n
	}
	if s := a.state(); total > 10 || s.Held != 0 || s.Balance != 89 {
		t.Errorf("the jobs expired %d; %+v", total, s)
	}
	var closed int
	a.scan(&closed, `SELECT count(*) FROM igny8_credit_holds WHERE status = 'expired'`)
	if closed != 10 {
		t.Errorf("%d holds expired", closed)
	}
	a.sound()
}

// A movement that dies half way leaves nothing, and its key is still new.
func TestSpend_LeavesNothingWhenItIsCutOff(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	before := a.rows()
	lost := errors.New("the caller is gone")
	err := db.App.RunInTx(a.ctx(), nil, func(_ context.Context, tx bun.Tx) error {
		_, err := credit.Spend(a.ctx(), tx, a.owner, now, anySite, credit.Spending{Operation: credit.Clustering, IdempotencyKey: "k"})
		return errors.Join(err, lost)
	})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	if after := a.rows(); after != before {
		t.Errorf("%s, before %s", after, before)
	}
	did2(t)(a.spend(now, credit.Clustering, 1, "k"))
	a.sound()
}
