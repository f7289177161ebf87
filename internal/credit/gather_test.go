package credit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// held takes an account's lock in a transaction of another's, so that movements gather behind the one that
// waits for it. release lets them go.
func (a *tenant) held() (release func()) {
	a.t.Helper()
	tx, err := a.db.Admin.BeginTx(context.Background(), &sql.TxOptions{})
	if err != nil {
		a.t.Fatal(err)
	}
	if _, err := tx.NewRaw("SELECT FROM igny8_credit_accounts WHERE tenant_id = ? FOR UPDATE", a.id).Exec(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	var once sync.Once
	release = func() { once.Do(func() { _ = tx.Rollback() }) }
	a.t.Cleanup(release)
	return release
}

// gathered waits until so many movements of the account wait for their turn.
func (a *tenant) gathered(n int) {
	a.t.Helper()
	a.until(func() bool { return credit.Waiting(a.db.App, a.id) == n }, fmt.Sprintf("%d movements wait", n))
}

// blocked waits until a session waits for a lock.
func (a *tenant) blocked() {
	a.t.Helper()
	a.until(func() bool {
		var n int
		a.scan(&n, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		return n > 0
	}, "a movement waits for the lock")
}

func (a *tenant) until(is func() bool, what string) {
	a.t.Helper()
	tick, patience := time.NewTicker(time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-patience:
			a.t.Fatalf("it never came to it that %s", what)
		}
	}
}

// outcome is what one of several calls came to.
type outcome struct {
	result *credit.Result
	err    error
}

// start runs a movement and answers where its outcome will be.
func start(call func() (*credit.Result, error)) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		r, err := call()
		c <- outcome{r, err}
	}()
	return c
}

// behind has calls gather behind a first movement that waits for the account's lock, in order.
func (a *tenant) behind(calls ...func() (*credit.Result, error)) (first <-chan outcome, rest []<-chan outcome, release func()) {
	a.t.Helper()
	release = a.held()
	first = start(func() (*credit.Result, error) { return a.spend(now, credit.ContentGeneration, 1, "first") })
	a.blocked()
	for i, call := range calls {
		rest = append(rest, start(call))
		a.gathered(i + 1)
	}
	return first, rest, release
}

func TestGroup_TakesSixStatementsHoweverManyItIs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Trial, 5, now, nil)
	a.give(credit.Purchase, 500, now, nil)
	for _, n := range []int{1, 2, 60} {
		group := make([]*credit.Movement, n)
		words := int64(100)
		for i := range group {
			m, err := credit.ToSpend(a.ctx(), a.owner, now, anySite, credit.Spending{
				Operation: credit.ContentGeneration, Quantity: &words, Metadata: []byte(`{"n":  ` + strconv.Itoa(i) + `}`), IdempotencyKey: fmt.Sprint(n, "-", i),
			})
			if err != nil {
				t.Fatal(err)
			}
			group[i] = m
		}
		ctx, counter := pgtest.CountQueries(a.ctx())
		if err := credit.Perform(ctx, db.App, a.id, group); err != nil {
			t.Fatal(err)
		}
		if counter.N() != 6 {
			t.Errorf("%d movements took %d statements: %q", n, counter.N(), counter.Statements())
		}
		for i, m := range group {
			r, err := m.Outcome()
			if err != nil || string(r.Transaction.Metadata) != fmt.Sprintf(`{"n": %d}`, i) {
				t.Errorf("%+v, %v", r, err)
			}
		}
	}
	a.sound()
}

func TestGroup_OneThatIsRefusedFailsNobodyElse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 31, now, nil)
	_, rest, release := a.behind(
		func() (*credit.Result, error) { return a.spend(now, credit.Clustering, 1, "a") },
		func() (*credit.Result, error) { return a.spend(now, credit.ContentGeneration, 10_000, "b") },
		func() (*credit.Result, error) { return a.capture(now, 4711, nil, "c") },
		func() (*credit.Result, error) { return a.reserve(now, credit.Clustering, 1, "d") },
		func() (*credit.Result, error) { return a.spend(now, credit.IdeaGeneration, 2, "a") },
		func() (*credit.Result, error) { return a.spend(now, credit.Clustering, 1, "a") },
	)
	release()
	got := make([]outcome, len(rest))
	for i, c := range rest {
		got[i] = <-c
	}
	refused(t, got[1].err, fault.InsufficientCredits, "")
	refused(t, got[2].err, fault.NotFound, "holdId")
	refused(t, got[4].err, fault.IdempotencyConflict, "idempotencyKey")
	if diff := cmp.Diff(did2(t)(got[0].result, got[0].err), did2(t)(got[5].result, got[5].err), cmpopts.IgnoreTypes(bun.BaseModel{})); diff != "" {
		t.Errorf("the same key twice in a group is answered twice:\n%s", diff)
	}
	if got[0].result == got[5].result || got[0].result.Transaction == got[5].result.Transaction {
		t.Error("two callers share one result")
	}
	if c := did2(t)(got[3].result, got[3].err).Credits; c.Balance != 20 || c.Held != 10 || c.LastSeq != 3 {
		t.Errorf("%+v", c)
	}
	a.sound()
}

// A member that the database refuses, which nothing in memory foresaw, takes the group's transaction with it:
// the others are done without it.
func TestGroup_OneThatTheDatabaseRefusesFailsAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	a.exec(`ALTER TABLE igny8_credit_transactions ADD CONSTRAINT no_thirteen CHECK (quantity <> 1313)`)
	_, rest, release := a.behind(
		func() (*credit.Result, error) { return a.spend(now, credit.ContentGeneration, 100, "a") },
		func() (*credit.Result, error) { return a.spend(now, credit.ContentGeneration, 1313, "b") },
		func() (*credit.Result, error) { return a.spend(now, credit.ContentGeneration, 200, "c") },
	)
	release()
	for i, c := range rest {
		got := <-c
		if bad := i == 1; bad != (got.err != nil) || len(fault.Of(got.err)) > 0 {
			t.Errorf("member %d: %v", i, got.err)
		}
	}
	if s := a.state(); s.Balance != 96 || s.LastSeq != 4 {
		t.Errorf("%+v", s)
	}
	a.sound()
}

// What fails at the commit, after all was written, is done again one by one too.
func TestGroup_WhoseCommitFailsIsDoneOneByOne(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	a.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF new.quantity = 1313 THEN RAISE EXCEPTION 'not at the commit either'; END IF; RETURN NULL; END $$`)
	a.exec(`CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON igny8_credit_transactions
		DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	_, rest, release := a.behind(
		func() (*credit.Result, error) { return a.spend(now, credit.ContentGeneration, 100, "a") },
		func() (*credit.Result, error) { return a.spend(now, credit.ContentGeneration, 1313, "b") },
		func() (*credit.Result, error) { return a.reserve(now, credit.ContentGeneration, 200, "c") },
	)
	release()
	for i, c := range rest {
		got := <-c
		if bad := i == 1; bad != (got.err != nil) {
			t.Errorf("member %d: %v", i, got.err)
		}
	}
	if s := a.state(); s.Balance != 98 || s.Held != 2 || s.LastSeq != 3 {
		t.Errorf("%+v", s)
	}
	a.sound()
}

func TestGroup_ASuspensionRefusesThoseWhoStillWait(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	hold := did2(t)(a.reserve(now, credit.Clustering, 1, "h")).Hold
	line := did2(t)(a.spend(now, credit.Clustering, 1, "s")).Transaction
	before := a.rows()
	first, rest, release := a.behind(
		func() (*credit.Result, error) { return a.spend(now, credit.Clustering, 1, "a") },
		func() (*credit.Result, error) { return a.reserve(now, credit.Clustering, 1, "b") },
		func() (*credit.Result, error) { return a.capture(now, hold.ID, nil, "c") },
		func() (*credit.Result, error) { return a.release(now, hold.ID, "d") },
		func() (*credit.Result, error) { return a.refund(now, line.ID, nil, "e") },
	)
	a.exec(`UPDATE igny8_tenants SET status = 'suspended' WHERE id = ?`, a.id)
	release()
	for _, c := range append(rest, first) {
		got := <-c
		if !fault.Is(got.err, fault.AccountSuspended) {
			t.Errorf("%+v, %v", got.result, got.err)
		}
	}
	if after := a.rows(); after != before {
		t.Errorf("%s, before %s", after, before)
	}
}

func TestGroup_WhoeverGivesUpBeforeTheirTurnMovesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	ctx, giveUp := context.WithCancel(a.ctx())
	_, rest, release := a.behind(
		func() (*credit.Result, error) { return a.spend(now, credit.Clustering, 1, "a") },
		func() (*credit.Result, error) {
			return credit.Spend(ctx, db.App, a.owner, now, anySite, credit.Spending{Operation: credit.Clustering, IdempotencyKey: "b"})
		},
		func() (*credit.Result, error) { return a.spend(now, credit.Clustering, 1, "c") },
	)
	giveUp()
	if got := <-rest[1]; !errors.Is(got.err, context.Canceled) {
		t.Errorf("%+v, %v", got.result, got.err)
	}
	a.gathered(2)
	release()
	for _, i := range []int{0, 2} {
		got := <-rest[i]
		did(t, got.result, got.err)
	}
	if s := a.state(); s.Balance != 79 || s.LastSeq != 4 {
		t.Errorf("%+v", s)
	}
	a.sound()
}

// One that runs already is not taken back while others are in it; where all have given up, it is, so that
// nothing of theirs waits for a lock.
func TestGroup_GoesOnWithoutThoseWhoGiveUpAndEndsWithTheLast(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	release := a.held()
	ctx, giveUp := context.WithCancel(a.ctx())
	spend := func(ctx context.Context, key string) func() (*credit.Result, error) {
		return func() (*credit.Result, error) {
			return credit.Spend(ctx, db.App, a.owner, now, anySite, credit.Spending{Operation: credit.Clustering, IdempotencyKey: key})
		}
	}
	alone := start(spend(ctx, "alone"))
	a.blocked()
	next := []<-chan outcome{start(spend(ctx, "a"))}
	a.gathered(1)
	next = append(next, start(spend(a.ctx(), "b")))
	a.gathered(2)
	giveUp() // the one that waits for the lock alone, and one of the two behind it
	for _, c := range []<-chan outcome{alone, next[0]} {
		if got := <-c; !errors.Is(got.err, context.Canceled) {
			t.Errorf("%+v, %v", got.result, got.err)
		}
	}
	a.gathered(0) // the second group runs: nobody holds up the queue who is gone
	release()
	got := <-next[1]
	if c := did(t, got.result, got.err).Credits; c.Balance != 90 || c.LastSeq != 2 {
		t.Errorf("%+v", c)
	}
	a.sound()
}

// The caller of a movement that runs in a group may be gone when it is committed; the key tells.
func TestGroup_WhoeverGivesUpWhileItRunsMayHaveMoved(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	ctx, giveUp := context.WithCancel(a.ctx())
	release := a.held()
	first := start(func() (*credit.Result, error) { return a.spend(now, credit.ContentGeneration, 1, "first") })
	a.blocked()
	one := start(func() (*credit.Result, error) {
		return credit.Spend(ctx, db.App, a.owner, now, anySite, credit.Spending{Operation: credit.Clustering, IdempotencyKey: "k"})
	})
	a.gathered(1)
	two := start(func() (*credit.Result, error) { return a.spend(now, credit.Clustering, 1, "l") })
	a.gathered(2)
	a.exec(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END $$`)
	a.exec(`CREATE TRIGGER wait AFTER INSERT ON igny8_credit_requests FOR EACH ROW WHEN (new.key = 'k') EXECUTE FUNCTION wait()`)
	conn, err := db.Admin.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "SELECT pg_advisory_lock(77)"); err != nil {
		t.Fatal(err)
	}
	release()
	if got := <-first; got.err != nil {
		t.Fatal(got.err)
	}
	a.blocked() // all is written but not committed
	giveUp()
	if got := <-one; !errors.Is(got.err, context.Canceled) {
		t.Errorf("%+v, %v", got.result, got.err)
	}
	if _, err := conn.ExecContext(t.Context(), "SELECT pg_advisory_unlock(77)"); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if got := <-two; got.err != nil || got.result.Credits.Balance != 79 {
		t.Errorf("%+v, %v", got.result, got.err)
	}
	again := did2(t)(a.spend(now, credit.Clustering, 1, "k"))
	if again.Transaction.Seq != 3 || a.state().LastSeq != 4 {
		t.Errorf("%+v", again.Transaction)
	}
	a.sound()
}

func TestGroup_DyingBeforeEachStatementMovesOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 1000, now, nil)
	for n := 1; ; n++ {
		before := a.rows()
		key := fmt.Sprint("k", n)
		ctx, killer := pgtest.KillBefore(t, a.ctx(), n)
		_, err := credit.Spend(ctx, db.App, a.owner, now, anySite, credit.Spending{Operation: credit.Clustering, IdempotencyKey: key})
		statement, fired := killer.Fired()
		if !fired {
			if err != nil || n == 1 {
				t.Fatal(n, err)
			}
			break
		}
		if err == nil {
			t.Errorf("it succeeded although its session ended before %q", statement)
		}
		if after := a.rows(); after != before {
			t.Errorf("killed before %q: %s, before %s", statement, after, before)
		}
		did2(t)(a.spend(now, credit.Clustering, 1, key))
		a.sound()
	}
	// With others in the group, it is done one by one after that, and nobody notices.
	_, rest, release := a.behind(
		func() (*credit.Result, error) {
			ctx, _ := pgtest.KillBefore(t, a.ctx(), 4)
			return credit.Spend(ctx, db.App, a.owner, now, anySite, credit.Spending{Operation: credit.Clustering, IdempotencyKey: "x"})
		},
		func() (*credit.Result, error) { return a.spend(now, credit.Clustering, 1, "y") },
	)
	release()
	for _, c := range rest {
		got := <-c
		did(t, got.result, got.err)
	}
	a.sound()
}

func TestQueue_IsBoundedAndSaysSo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newTenant(t, db)
	a.give(credit.Purchase, 100, now, nil)
	release := a.held()
	ctx, giveUp := context.WithCancel(a.ctx())
	var all sync.WaitGroup
	spend := func(key string) error {
		_, err := credit.Spend(ctx, db.App, a.owner, now, anySite, credit.Spending{Operation: credit.Clustering, IdempotencyKey: key})
		return err
	}
	all.Go(func() { _ = spend("first") })
	a.blocked()
	for i := range credit.MaxWaiting {
		all.Go(func() { _ = spend(strconv.Itoa(i)) })
	}
	a.gathered(credit.MaxWaiting)
	err := spend("one too many")
	faults := fault.Of(err)
	if len(faults) != 1 || faults[0].Code != fault.Throttled || faults[0].Details["retryAfterSeconds"] != 1 {
		t.Errorf("%v", err)
	}
	giveUp()
	all.Wait()
	release()
	if s := a.state(); s.Balance != 100 {
		t.Errorf("%+v", s)
	}
}

// What reads the ledger is dearer to plan than to run, so its plan has to hold for any arguments.
func TestSpend_MakesNoPlanAnew(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t, pgtest.WithMaxConns(1)))
	a.give(credit.Purchase, 1000, now, nil)
	site := a.site("blog")
	const tries, times = 5, 20 // Postgres plans for the arguments five times, and then compares
	for i := range times {
		key := func(what string) string { return what + strconv.Itoa(i) }
		spent := done(t)(a.spendFor(&site, now, credit.ContentGeneration, 100, key("spend")))
		done(t)(a.spend(now, credit.ContentGeneration, 100, key("spend more")))
		done(t)(a.refund(now, spent.Transaction.ID, nil, key("refund")))
		held := done(t)(a.reserve(now, credit.ContentGeneration, 200, key("reserve")))
		done(t)(a.capture(now, held.Hold.ID, nil, key("capture")))
		held = done(t)(a.reserve(now, credit.ContentGeneration, 200, key("reserve more")))
		done(t)(a.release(now, held.Hold.ID, key("release")))
	}
	rows, err := a.db.App.Pool.Query(a.ctx(), `SELECT statement, custom_plans FROM pg_prepared_statements WHERE generic_plans + custom_plans >= $1`, times)
	if err != nil {
		t.Fatal(err)
	}
	statements := 0
	var text string
	var anew int
	if _, err := pgx.ForEachRow(rows, []any{&text, &anew}, func() error {
		statements++
		if anew > tries {
			t.Errorf("planned %d times in %d runs or more: %s", anew, times, text)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if statements == 0 {
		t.Error("no statement was prepared")
	}
}

// done is the result of a movement that has to work.
func done(t *testing.T) func(*credit.Result, error) *credit.Result {
	t.Helper()
	return func(result *credit.Result, err error) *credit.Result {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
}
