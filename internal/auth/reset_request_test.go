package auth_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// observer notes the kind of each statement of a pool, and whether it ran in the scope of an account.
type observer struct {
	mu     sync.Mutex
	shapes []string
}

func (o *observer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	shape, _, _ := strings.Cut(data.SQL, "WHERE")
	shape, _, _ = strings.Cut(shape, "VALUES")
	scoped := !strings.HasPrefix(fmt.Sprint(conn.PgConn().CustomData()["igny8.scope"]), "{0 ")
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shapes = append(o.shapes, fmt.Sprintf("%s scoped=%t", shape, scoped))
	return ctx
}

func (*observer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (o *observer) taken() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	shapes := o.shapes
	o.shapes = nil
	return shapes
}

// What known and unknown addresses cost is compared by work, which can be counted: the statements of the
// whole pool, the changes of a connection's scope, which are a round trip each, and the passwords hashed.
func TestLogInAndReset_DoTheSameForKnownAndUnknownAddresses(t *testing.T) {
	t.Parallel()
	hasher, err := auth.NewHasher(auth.Cost{MemoryKiB: 1024, Iterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	seen := &observer{}
	f := newFixtureOn(t, pgtest.New(t, pgtest.WithTracer(seen), pgtest.WithMaxConns(1)), func(cfg *auth.Config) { cfg.Hasher = hasher })
	f.person(t, "ann@example.com")
	var hashed atomic.Int32
	hasher.Watch(func(string) { hashed.Add(1) })
	for name, c := range map[string]struct {
		do     func(email string) error
		hashes int32
	}{
		"log-in": {func(email string) error {
			_, err := f.auth.LogIn(t.Context(), email, another, home)
			return err
		}, 1},
		"reset": {func(email string) error { return f.auth.RequestPasswordReset(t.Context(), email, home) }, 0},
	} {
		var answers [2]string
		var work [2][]string
		for i, email := range []string{"ann@example.com", "nobody@example.com"} {
			hashed.Store(0)
			seen.taken()
			answers[i] = fmt.Sprint(c.do(email))
			work[i] = seen.taken()
			if n := hashed.Load(); n != c.hashes {
				t.Errorf("%s of %s: %d passwords were hashed, want %d", name, email, n, c.hashes)
			}
		}
		if diff := cmp.Diff(work[0], work[1]); diff != "" || len(work[0]) == 0 || answers[0] != answers[1] {
			t.Errorf("%s, known (-) and unknown (+), %q and %q:\n%s", name, answers[0], answers[1], diff)
		}
	}
}

func TestRequestPasswordReset_MailsOnlyWhoIsThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann, gone, closed := f.person(t, "ann@example.com"), f.person(t, "gone@example.com"), f.person(t, "closed@example.com")
	moved := f.person(t, "moved@example.com")
	f.exec(t, `UPDATE igny8_users SET email = 'elsewhere@example.com' WHERE tenant_id = $1`, moved.account)
	f.exec(t, `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE tenant_id = $1`, gone.account)
	f.exec(t, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`, closed.account)
	for _, email := range []string{"nobody@example.com", gone.email, closed.email, moved.email, " Ann@Example.com "} {
		f.askForReset(t, email)
	}
	m := f.letter(t, ann.email, resetSubject)
	tokenIn(t, m, "/reset-password")
	var left int
	f.scan(t, &left, `SELECT count(*) FROM igny8_reset_requests`)
	if left != 0 {
		t.Errorf("%d requests are left", left)
	}
	for _, email := range []string{"", "nobody", "ann@example.com\x00"} {
		if err := f.auth.RequestPasswordReset(t.Context(), email, home); len(fault.Of(err)) != 1 || fault.Of(err)[0].Field[0] != "email" {
			t.Errorf("%q: %v", email, err)
		}
	}
}

func TestRequestPasswordReset_IsThrottledByAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.person(t, "ann@example.com")
	for _, email := range []string{"ann@example.com", "nobody@example.com"} {
		for range 5 {
			if err := f.auth.RequestPasswordReset(t.Context(), email, home); err != nil {
				t.Fatal(err)
			}
		}
		err := f.auth.RequestPasswordReset(t.Context(), email, home)
		wantCode(t, err, fault.Throttled)
		if got := fault.Of(err)[0]; got.Details["retryAfterSeconds"] != 720 || !strings.Contains(got.Message, "requests for letters") {
			t.Errorf("%s: %v %v", email, err, got.Details)
		}
	}
	for n := range 10 {
		if err := f.auth.RequestPasswordReset(t.Context(), fmt.Sprintf("somebody%d@example.com", n), home); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, f.auth.RequestPasswordReset(t.Context(), "one.more@example.com", home), fault.Throttled)
	if err := f.auth.RequestPasswordReset(t.Context(), "ann@example.com", account.Origin{IP: "198.51.100.4"}); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// A stranger with any number of addresses fills nobody's mailbox, and whoever owns it has a link that
// works at every moment.
func TestRequestPasswordReset_LetsAStrangerNeitherFloodNorLockOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	letters, newest := 0, ""
	const minutes = 60
	for n := range minutes {
		if n > 0 {
			f.clock.Advance(time.Minute)
		}
		origin := account.Origin{IP: fmt.Sprintf("198.51.100.%d", n)}
		for range 5 {
			if err := f.auth.RequestPasswordReset(t.Context(), ann.email, origin); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.auth.WorkResetRequests(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
		for _, m := range f.letters(t) {
			letters++
			newest = tokenIn(t, m, "/reset-password")
		}
		if _, err := f.auth.ResetPassword(t.Context(), newest, "weak", home); len(fault.Of(err)) != 1 || !fault.Is(err, fault.WeakPassword) {
			t.Fatalf("after %d minutes and %d letters, the newest link: %v", n, letters, err)
		}
	}
	if letters != 6 {
		t.Errorf("%d letters in an hour", letters)
	}
	if _, err := f.auth.ResetPassword(t.Context(), newest, another, home); err != nil {
		t.Error(err)
	}
}

func TestWorkResetRequests_AnswersEachOnceBesideOthersOfItsKind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const people, workers = 40, 4
	for n := range people {
		p := f.person(t, fmt.Sprintf("person%d@example.com", n))
		for _, email := range []string{p.email, "no" + p.email} {
			if err := f.auth.RequestPasswordReset(t.Context(), email, account.Origin{IP: fmt.Sprintf("198.51.100.%d", n)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var group sync.WaitGroup
	start := make(chan struct{})
	for range workers {
		group.Go(func() {
			<-start
			if _, err := f.auth.WorkResetRequests(t.Context(), f.clock.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	group.Wait()
	got := map[string]int{}
	for _, m := range f.letters(t) {
		got[m.To]++
	}
	for to, n := range got {
		if n != 1 {
			t.Errorf("%s got %d letters", to, n)
		}
	}
	if len(got) != people {
		t.Errorf("%d people got letters", len(got))
	}
}

func TestWorkResetRequests_LosesNothingWhereverItIsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	cut, events := 0, 0
	state := func() (state string) {
		f.scan(t, &state, `SELECT concat_ws(' ', (SELECT count(*) FROM igny8_reset_requests), (SELECT count(*) FROM igny8_mails),
			(SELECT count(*) FROM igny8_mail_tokens), (SELECT count(*) - $1 FROM igny8_audit_events))`, events)
		return state
	}
	for n := 1; ; n++ {
		f.exec(t, `TRUNCATE igny8_reset_requests, igny8_mails, igny8_mail_tokens`)
		f.scan(t, &events, `SELECT count(*) FROM igny8_audit_events`) // which stay
		if err := f.auth.RequestPasswordReset(t.Context(), ann.email, account.Origin{IP: fmt.Sprintf("198.51.100.%d", n)}); err != nil {
			t.Fatal(err)
		}
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := f.auth.WorkResetRequests(ctx, f.clock.Now())
		// A statement outside of transactions that never left may have been sent again.
		want := "0 1 1 1"
		if err != nil {
			want = "1 0 0 0"
			cut++
		}
		if got := state(); got != want {
			t.Fatalf("cut before statement %d: %v, left %s, want %s", n, err, got, want)
		}
		if _, fired := killer.Fired(); !fired {
			break
		}
	}
	if cut < 8 {
		t.Errorf("cut %d times", cut)
	}
	f.letter(t, ann.email, resetSubject)
}

func TestWorkResetRequests_DropsWhatIsAnHourOld(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	if err := f.auth.RequestPasswordReset(t.Context(), ann.email, home); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(time.Hour + time.Microsecond)
	if n, err := f.auth.WorkResetRequests(t.Context(), f.clock.Now()); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if letters := f.letters(t); len(letters) != 0 {
		t.Errorf("%d letters", len(letters))
	}
}

func TestWork_ComesToARequestAtOnceAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ann := f.person(t, "ann@example.com")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.auth.Work(ctx)
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	come := func(letters int, patience time.Duration) {
		t.Helper()
		if err := f.auth.RequestPasswordReset(t.Context(), ann.email, home); err != nil {
			t.Fatal(err)
		}
		late := time.After(patience)
		for posted := 0; posted < letters; f.scan(t, &posted, `SELECT count(*) FROM igny8_mails`) {
			select {
			case <-tick.C:
			case <-late:
				t.Fatalf("nobody came to request %d", letters)
			}
		}
	}
	come(1, 10*time.Second)
	come(2, 4*time.Second) // sooner than it looks of its own accord
	cancel()
	<-done
}
