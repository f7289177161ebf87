package mail_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

func TestSendDue_SendsEachLetterOnceBesideOthersOfItsKind(t *testing.T) {
	t.Parallel()
	tracer, counter := pgtest.CountPool()
	f := newFixture(t, pgtest.WithTracer(tracer))
	const people, workers = 40, 4
	for _, slug := range []string{"one", "two"} {
		tenant := f.account(t, slug)
		letters := []mail.Letter{}
		for n := range people / 2 {
			letters = append(letters, letterTo(tenant, slug+numbered(n)))
		}
		f.post(t, nil, letters...)
	}
	// Nobody's letter goes out until every worker has found all of them.
	ready := make(chan struct{})
	s := newServer(t, func(s *server) {
		s.onData = func() error {
			<-ready
			return nil
		}
	})
	counter.Reset()
	var sent atomic.Int64
	var group sync.WaitGroup
	sender := s.sender(t)
	for range workers {
		group.Go(func() { sent.Add(int64(f.sendDue(t, sender, 0))) })
	}
	for found := 0; found < workers; runtime.Gosched() {
		found = 0
		for _, statement := range counter.Statements() {
			if strings.Contains(statement, "ORDER BY") {
				found++
			}
		}
	}
	close(ready)
	group.Wait()
	got := map[string]int{}
	for _, m := range s.messages() {
		got[m.to]++
	}
	for to, n := range got {
		if n != 1 {
			t.Errorf("%s got %d letters", to, n)
		}
	}
	if len(got) != people || sent.Load() != people {
		t.Errorf("%d people got letters, %d were counted; want %d", len(got), sent.Load(), people)
	}
	var left int
	f.scan(t, &left, `SELECT count(*) FROM igny8_mails WHERE sealed IS NOT NULL OR sent_at IS NULL`)
	if left != 0 {
		t.Errorf("%d letters are not noted as sent", left)
	}
	if n := f.sendDue(t, sender, 48*time.Hour); n != 0 {
		t.Errorf("%d letters were sent again", n)
	}
}

func TestSendDue_HoldsNoConnectionWhileItSends(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.post(t, nil, letterTo(f.account(t, "one"), "ann@example.com"))
	var held atomic.Int32
	held.Store(-1)
	s := newServer(t, func(s *server) {
		s.onData = func() error {
			held.Store(f.db.App.Pool.Stat().AcquiredConns())
			return nil
		}
	})
	f.sendDue(t, s.sender(t), 0)
	if held.Load() != 0 {
		t.Errorf("%d connections were held", held.Load())
	}
	wantState(t, f, "1 sent forgotten")
}

func TestSendDue_TriesAgainLaterWhatTheServerDoesNotTakeNow(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	for name, refuse := range map[string]func(*server){
		"the recipient":       func(s *server) { s.onRcpt = func(to string) error { return refusal(451, to) } },
		"the text":            func(s *server) { s.onData = func() error { return refusal(452, "ann@example.com") } },
		"us, for good":        func(s *server) { s.onMail = func(from string) error { return refusal(550, from) } },
		"to answer":           func(s *server) { s.address = nobody.Addr().String() },
		"who does not log in": func(s *server) { s.user = "somebody" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.post(t, nil, letterTo(f.account(t, "one"), "ann@example.com"))
			unwilling := newServer(t, refuse)
			refuse(unwilling) // the address is known by now
			if n := f.sendDue(t, unwilling.sender(t), 0); n != 0 {
				t.Errorf("%d sent", n)
			}
			wantState(t, f, "1 waits kept")
			if due := f.dueIn(t); due != time.Minute {
				t.Errorf("due again after %s", due)
			}
			wantQuiet(t, f, "letter not sent, to be tried again")
			willing := newServer(t)
			f.sendDue(t, willing.sender(t), time.Minute-time.Microsecond)
			if n := willing.sessions(); n != 0 {
				t.Error("it was tried again too early")
			}
			if n := f.sendDue(t, willing.sender(t), time.Minute); n != 1 || len(willing.messages()) != 1 {
				t.Errorf("%d sent, %d arrived", n, len(willing.messages()))
			}
			wantState(t, f, "2 sent forgotten")
		})
	}
}

func TestSendDue_GivesUpAtOnceWhatIsRefusedForGood(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(*server){
		"the recipient": func(s *server) { s.onRcpt = func(to string) error { return refusal(550, to) } },
		"the text":      func(s *server) { s.onData = func() error { return refusal(554, "ann@example.com") } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.post(t, nil, letterTo(f.account(t, "one"), "ann@example.com"))
			s := newServer(t, refuse)
			for _, after := range []time.Duration{0, time.Hour, 48 * time.Hour} {
				if n := f.sendDue(t, s.sender(t), after); n != 0 {
					t.Errorf("%d sent", n)
				}
			}
			wantState(t, f, "1 given up forgotten")
			wantQuiet(t, f, "letter given up")
			if n := s.sessions(); n != 1 {
				t.Errorf("the server was asked %d times", n)
			}
		})
	}
}

func TestSendDue_GivesUpAfterAboutADay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.post(t, nil, letterTo(f.account(t, "one"), "ann@example.com"))
	s := newServer(t, func(s *server) { s.onRcpt = func(to string) error { return refusal(451, to) } })
	at := time.Duration(0)
	for range 20 {
		f.sendDue(t, s.sender(t), at)
		if strings.Contains(f.state(t), "given up") {
			break
		}
		next := f.dueIn(t)
		if next <= at {
			t.Fatalf("due after %s, tried after %s", next, at)
		}
		at = next
	}
	wantState(t, f, "8 given up forgotten")
	wantQuiet(t, f, "letter given up")
	if at < 23*time.Hour || at > 25*time.Hour {
		t.Errorf("given up after %s", at)
	}
}

func TestSendDue_SendsNothingWhoseAttemptsWereAllCutOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.post(t, nil, letterTo(f.account(t, "one"), "ann@example.com"))
	if _, err := f.db.Admin.Pool.Exec(t.Context(), `UPDATE igny8_mails SET attempts = 8`); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	f.sendDue(t, s.sender(t), 0)
	wantState(t, f, "9 given up forgotten")
	if n := s.sessions(); n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
}

// A seal that was moved to another row would send one person's link to another.
func TestSendDue_SendsNothingThatWasSealedForAnotherLetter(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.account(t, "one")
	f.post(t, nil, letterTo(tenant, "ann@example.com"), letterTo(tenant, "bob@example.com"))
	if _, err := f.db.Admin.Pool.Exec(t.Context(), `UPDATE igny8_mails m SET sealed = o.sealed FROM igny8_mails o WHERE o.id <> m.id`); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	f.sendDue(t, s.sender(t), 0)
	var given int
	f.scan(t, &given, `SELECT count(*) FROM igny8_mails WHERE given_up_at IS NOT NULL`)
	if given != 2 || len(s.messages()) != 0 {
		t.Errorf("%d given up, %d sent", given, len(s.messages()))
	}
}

func TestSendDue_WaitsForAKeyThatIsMissing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.post(t, nil, letterTo(f.account(t, "one"), "ann@example.com"))
	right := f.box.Vault
	var err error
	if f.box.Vault, err = vault.Parse(vault.Generate()); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	f.sendDue(t, s.sender(t), 0)
	wantState(t, f, "1 waits kept")
	f.box.Vault = right
	f.sendDue(t, s.sender(t), time.Minute)
	wantState(t, f, "2 sent forgotten")
}

// stopping is a sender whose program is being stopped while it sends.
type stopping struct {
	stop context.CancelFunc
	err  error
	ids  []string
}

func (s *stopping) Send(_ context.Context, m mail.Message) error {
	s.stop()
	s.ids = append(s.ids, m.ID)
	return s.err
}

func TestSendDue_LosesNothingWhenItIsStopped(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.post(t, nil, letterTo(f.account(t, "one"), "ann@example.com"))
	send := func(s *stopping, after time.Duration) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.stop = cancel
		if _, err := f.box.SendDue(ctx, f.db.App, s, slog.New(slog.DiscardHandler), start.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	cut := &stopping{err: errors.New("cut off")}
	send(cut, 0)
	wantState(t, f, "1 waits kept")
	again := f.dueIn(t)
	if again <= time.Minute {
		t.Errorf("due again after %s, when it may still be on its way", again)
	}
	// What went out is noted as sent, although nobody waits for it.
	gone := &stopping{}
	send(gone, again)
	wantState(t, f, "2 sent forgotten")
	if len(cut.ids) != 1 || len(gone.ids) != 1 || cut.ids[0] != gone.ids[0] {
		t.Errorf("a letter has the ids %v and %v", cut.ids, gone.ids)
	}
}

func TestSendDue_WorksInTheScopeOfEachLettersAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.account(t, "one"), f.account(t, "two")
	f.post(t, nil, letterTo(one, "ann@example.com"))
	f.post(t, nil, letterTo(two, "bob@example.com"))
	s := newServer(t)
	if n := f.sendDue(t, s.sender(t), 0); n != 2 {
		t.Fatalf("%d sent", n)
	}
	var accounts []gid.Account
	f.scan(t, &accounts, `SELECT array_agg(tenant_id ORDER BY id) FROM igny8_mails WHERE sent_at IS NOT NULL`)
	if len(accounts) != 2 || accounts[0] != one || accounts[1] != two {
		t.Errorf("sent for %v", accounts)
	}
}

// An account's test clock may be far ahead: who waits for its letters does not wait for that day.
func TestPost_LeavesALetterThatIsDueAtOnceWhateverDayItBears(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant := f.account(t, "sandbox")
	ahead := time.Now().UTC().AddDate(1, 0, 0).Truncate(time.Microsecond)
	err := postgres.InTx(postgres.WithTenant(t.Context(), int64(tenant)), f.db.App, func(ctx context.Context, tx bun.Tx) error {
		return f.box.Post(ctx, tx, letterTo(tenant, "ann@example.com"), ahead)
	})
	if err != nil {
		t.Fatal(err)
	}
	var due, created time.Time
	f.scan(t, &due, `SELECT due_at FROM igny8_mails`)
	f.scan(t, &created, `SELECT created_at FROM igny8_mails`)
	if due.After(time.Now()) || !created.Equal(ahead) {
		t.Errorf("a letter of %s is due at %s", created, due)
	}
}
