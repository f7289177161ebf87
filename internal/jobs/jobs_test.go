package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/jobs"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/signup"
	"igny8.com/accounts/internal/vault"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// stage is a database and the office that works on it.
type stage struct {
	*pgtest.DB
	t      *testing.T
	office billing.Office
}

func newStage(t *testing.T) *stage {
	t.Helper()
	sealing, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	return &stage{DB: pgtest.New(t, pgtest.WithMaxConns(8)), t: t, office: billing.Office{
		Bank: billing.BankDetails{Instructions: "Account 12345678", Deadline: 14 * 24 * time.Hour},
		Mail: &mail.Box{Vault: sealing, App: "https://app.test"},
	}}
}

// open signs an account up at an instant, and puts it on the free plan.
func (s *stage) open(name string, at time.Time) account.Actor {
	s.t.Helper()
	var owner *account.User
	in := signup.Request{Email: name + "@example.com", Name: name, PasswordHash: "kept"}
	opened, err := signup.Run(s.t.Context(), s.App, in, account.Origin{}, at,
		func(_ context.Context, _ bun.Tx, u *account.User) error { owner = u; return nil })
	if err != nil {
		s.t.Fatal(err)
	}
	actor := account.Actor{User: owner, Account: opened}
	_, _, err = s.office.Change(postgres.WithTenant(s.t.Context(), int64(opened.ID)), s.App, actor, at,
		billing.ChangePlan{PlanSlug: "free", Months: 1, IdempotencyKey: name})
	if err != nil {
		s.t.Fatal(err)
	}
	return actor
}

// crews run until the test ends, or stop is called.
func (s *stage) crews(n int, now time.Time) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var all sync.WaitGroup
	for range n {
		crew := jobs.New(jobs.Config{
			DB: s.App, Office: s.office, Log: slog.New(slog.NewTextHandler(s.t.Output(), nil)),
			Clock: func() time.Time { return now },
		})
		all.Go(func() {
			if err := crew.Run(ctx); err != nil {
				s.t.Error(err)
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); all.Wait() })
	s.t.Cleanup(stop)
	return stop
}

func (s *stage) text(query string, args ...any) string {
	s.t.Helper()
	var text string
	if err := s.Admin.NewRaw(query, args...).Scan(s.t.Context(), &text); err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s *stage) exec(statements string) {
	s.t.Helper()
	if _, err := s.Admin.Pool.Exec(s.t.Context(), statements); err != nil {
		s.t.Fatal(err)
	}
}

// eventually waits for a query to answer what is wanted.
func (s *stage) eventually(want, query string, args ...any) {
	s.t.Helper()
	looks, end := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer looks.Stop()
	for {
		got := s.text(query, args...)
		if got == want {
			return
		}
		select {
		case <-looks.C:
		case <-end:
			s.t.Fatalf("%s\nis %q and not %q", query, got, want)
		}
	}
}

// history is all that falls due in an account, in order.
const history = `SELECT concat_ws(E'\n', status,
	(SELECT string_agg(concat_ws(' ', kind, start_at, end_at), E'\n' ORDER BY start_at) FROM igny8_subscription_periods WHERE tenant_id = a.id),
	(SELECT string_agg(concat_ws(' ', kind, amount, period_id IS NOT NULL, expires_at), E'\n' ORDER BY id) FROM igny8_credit_grants WHERE tenant_id = a.id))
	FROM igny8_tenants AS a WHERE slug = ?`

const undue = `SELECT count(*)::text FROM igny8_subscriptions WHERE due_at <= ?`

func TestRun_CatchesUpAsIfItHadNeverBeenAway(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	now := begin.AddDate(0, 5, 3)
	names := []string{"ada", "bob", "cleo", "dan", "eve"}
	late, daily := newStage(t), newStage(t)
	for i, name := range names {
		at := begin.Add(time.Duration(i) * time.Hour)
		late.open(name, at)
		daily.open(name, at)
	}
	for day := begin; !day.After(now); day = day.Add(24 * time.Hour) {
		if _, err := daily.office.SettleDue(t.Context(), daily.App, day); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := daily.office.SettleDue(t.Context(), daily.App, now); err != nil {
		t.Fatal(err)
	}

	stop := late.crews(4, now)
	late.eventually("0", undue, now)
	late.eventually("0", `SELECT count(*)::text FROM river_job WHERE state IN ('available', 'running', 'retryable')
		OR state = 'scheduled' AND scheduled_at <= now() AND scheduled_at <= ?`, now)
	listening := late.text(`SELECT count(*)::text FROM pg_stat_activity WHERE datname = ? AND application_name LIKE '% jobs'`, late.Name)
	stop()
	for _, name := range names {
		got, want := late.text(history, name), daily.text(history, name)
		if got != want {
			t.Errorf("%s, settled by jobs at the end\n%s\n\nsettled daily\n%s", name, got, want)
		}
		if n := strings.Count(got, "free "); n != 6 {
			t.Errorf("%s has %d free months, want 6:\n%s", name, n, got)
		}
	}
	if listening > "12" || len(listening) > 2 {
		t.Errorf("River held %s connections for 4 servers, want at most 3 each", listening)
	}
	if held := late.App.Pool.Stat().AcquiredConns(); held != 0 {
		t.Errorf("%d connections were not given back", held)
	}
	if n := late.text(`SELECT count(*)::text FROM river_job WHERE state = 'discarded' OR cardinality(errors) > 0`); n != "0" {
		t.Errorf("%s jobs failed", n)
	}
}

func TestRun_RetriesAnAccountThatFailsAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	begin := time.Date(2026, 1, 10, 10, 0, 0, 0, time.UTC)
	now := begin.AddDate(0, 1, 1)
	s.open("ada", begin)
	broken := s.open("bob", begin).AccountID()
	s.exec(fmt.Sprintf(`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no way for bob@example.com'; END $$;
		CREATE TRIGGER broken BEFORE UPDATE ON igny8_subscriptions FOR EACH ROW WHEN (NEW.tenant_id = %d) EXECUTE FUNCTION broken();`, broken))
	stop := s.crews(2, now)
	s.eventually("0", undue+` AND tenant_id <> ?`, now, broken)
	s.eventually("true", `SELECT bool_or(cardinality(errors) > 0)::text FROM river_job WHERE args->>'account' = ?`, strconv.FormatInt(int64(broken), 10))
	stop()

	report, err := jobs.Look(t.Context(), s.App, now.Add(2*jobs.Late))
	if err != nil {
		t.Fatal(err)
	}
	text := report.Text()
	if len(report.Failed) == 0 || !strings.Contains(text, "no way for …@…") || strings.Contains(text, "example.com") {
		t.Errorf("the report does not tell what failed, or tells of whom:\n%s", text)
	}
	if stored := s.text(`SELECT coalesce(string_agg(river_job::text, ''), '') FROM river_job`); strings.Contains(stored, "bob@") {
		t.Error("an address is stored with a job")
	}
	if report.OK() || !strings.Contains(text, "overdue for 1 accounts") {
		t.Errorf("an account whose renewal fails is not told as wrong:\n%s", text)
	}

	s.exec(`DROP TRIGGER broken ON igny8_subscriptions`)
	s.exec(`UPDATE river_job SET scheduled_at = now() WHERE state = 'retryable'`)
	s.crews(1, now)
	s.eventually("0", undue, now)
}

func TestRun_DoesAgainWhatAServerTookAlongWhenItDied(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	begin := time.Date(2026, 1, 10, 10, 0, 0, 0, time.UTC)
	now := begin.AddDate(0, 1, 1)
	s.open("ada", begin)
	lost := func(minutes int) {
		s.exec(fmt.Sprintf(`UPDATE river_job SET state = 'running', attempt = 1, attempted_by = array['a server that is gone'],
			attempted_at = now() - interval '%d minutes'`, minutes))
	}
	lost(7)
	s.crews(1, now)
	s.eventually("0", undue, now)
	s.eventually("0", `SELECT count(*)::text FROM river_job WHERE 'a server that is gone' = attempted_by[cardinality(attempted_by)]`)
}

func TestRun_FindsAccountsThatHaveNoJobAndDoesEachKind(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	begin := time.Date(2026, 1, 10, 10, 0, 0, 0, time.UTC)
	now := begin.AddDate(0, 3, 1)
	s.open("ada", begin)
	s.exec(`DELETE FROM river_job`)
	s.crews(2, now)
	s.eventually("0", undue, now)
	s.eventually("8", `SELECT count(DISTINCT kind)::text FROM river_job WHERE state = 'completed' AND kind <> 'settle_account'`)
	report, err := jobs.Look(t.Context(), s.App, now)
	if err != nil || !report.OK() {
		t.Errorf("%v\n%s", err, report.Text())
	}
	// These are done when somebody leaves one.
	left := map[string]bool{"settle_account": true, "stripe_event": true, "stripe_push": true}
	for _, kind := range report.Kinds {
		if !left[kind.Kind] && (kind.LastDone == nil || kind.Next == nil || kind.Done != 1) {
			t.Errorf("%s stands at %+v: two servers did it other than once", kind.Kind, kind)
		}
	}
}

func TestLook_TellsOfWhatWasGivenUpUntilItIsDone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	given := func() bool {
		t.Helper()
		report, err := jobs.Look(t.Context(), s.App, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(strings.Join(report.Problems, "\n"), "was given up after 10 attempts")
	}
	if given() {
		t.Error("something was given up in an empty database")
	}
	job := func(state string, ago int) {
		s.exec(fmt.Sprintf(`INSERT INTO river_job (kind, queue, args, state, attempt, max_attempts, finalized_at)
			VALUES ('settle_account', 'settle_account', '{"account": 7}', '%s', 10, 10, now() - interval '%d minutes')`, state, ago))
	}
	job("completed", 30)
	job("discarded", 20)
	if !given() {
		t.Error("it does not tell of a job that was given up")
	}
	job("completed", 10)
	if given() {
		t.Error("it tells of a job that was done later")
	}
}

func TestCommands_LeaveAJobForTheInstantInTheirTransaction(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	begin := time.Now().UTC().Truncate(time.Microsecond)
	owner := s.open("ada", begin)
	const left = `SELECT count(*)::text FROM river_job AS job JOIN igny8_subscriptions AS s ON s.tenant_id = (job.args->>'account')::bigint
		WHERE job.kind = 'settle_account' AND job.state = 'scheduled' AND job.scheduled_at = s.due_at AND s.due_at = (job.args->>'at')::timestamptz
		AND s.tenant_id = ?`
	if n := s.text(left, owner.AccountID()); n != "1" {
		t.Errorf("%s jobs for the account's next instant, want 1", n)
	}
	// A refused command leaves nothing, and neither does one that changes no instant.
	before := s.text(`SELECT count(*)::text FROM river_job`)
	_, _, err := s.office.Change(postgres.WithTenant(t.Context(), int64(owner.AccountID())), s.App, owner, begin,
		billing.ChangePlan{PlanSlug: "no-such-plan", Months: 1, IdempotencyKey: "x"})
	if err == nil {
		t.Fatal("a plan that does not exist was accepted")
	}
	if err := s.office.Settle(t.Context(), s.App, owner.AccountID(), begin); err != nil {
		t.Fatal(err)
	}
	if after := s.text(`SELECT count(*)::text FROM river_job`); after != before {
		t.Errorf("%s jobs, then %s", before, after)
	}
	for _, column := range []string{"args", "metadata"} {
		if text := s.text(`SELECT string_agg(` + column + `::text, '') FROM river_job`); strings.Contains(text, "ada") {
			t.Errorf("%s tells of a person: %s", column, text)
		}
	}
}

// shape is what a schema's tables of River are, without the schema's name.
const shape = `SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	SELECT concat_ws(' ', table_name, column_name, data_type, udt_name, is_nullable, character_maximum_length,
		replace(column_default, ?0 || '.', '')) FROM information_schema.columns
	WHERE table_schema = ?0 AND table_name LIKE 'river\_%' AND table_name <> 'river_migration'
	UNION ALL SELECT concat_ws(' ', 'index', replace(indexdef, ?0 || '.', '')) FROM pg_indexes
	WHERE schemaname = ?0 AND tablename LIKE 'river\_%' AND tablename <> 'river_migration'
	UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass::text, conname, replace(pg_get_constraintdef(c.oid), ?0 || '.', ''))
	FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
	WHERE c.connamespace = ?0::regnamespace AND r.relname LIKE 'river\_%' AND r.relname <> 'river_migration'
	UNION ALL SELECT concat_ws(' ', 'table', relname, relpersistence) FROM pg_class
	WHERE relnamespace = ?0::regnamespace AND relkind = 'r' AND relname LIKE 'river\_%' AND relname <> 'river_migration'
	UNION ALL SELECT concat_ws(' ', 'enum', enumlabel, rank() OVER (ORDER BY enumsortorder)) FROM pg_enum AS e JOIN pg_type AS t ON t.oid = e.enumtypid
	WHERE t.typnamespace = ?0::regnamespace
	UNION ALL SELECT concat_ws(' ', 'function', proname, provolatile, lower(regexp_replace(prosrc, '\s+', ' ', 'g'))) FROM pg_proc
	WHERE pronamespace = ?0::regnamespace AND proname LIKE 'river\_%') AS of (line)`

func TestTables_AreWhatRiverMigratesTo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.exec(`CREATE SCHEMA river_own`)
	migrator, err := rivermigrate.New(riverpgxv5.New(s.Admin.Pool), &rivermigrate.Config{
		Schema: "river_own", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	clean := func(schema string) []string {
		text := s.text(shape, schema)
		return strings.Split(strings.ReplaceAll(text, schema+".", ""), "\n")
	}
	ours, theirs := clean("public"), clean("river_own")
	if len(theirs) < 40 {
		t.Fatalf("River made only %d things", len(theirs))
	}
	missing(t, "River makes, and the migration does not", theirs, ours)
	missing(t, "the migration makes, and River does not", ours, theirs)
}

func missing(t *testing.T, what string, from, in []string) {
	t.Helper()
	have := map[string]bool{}
	for _, line := range in {
		have[line] = true
	}
	for _, line := range from {
		if !have[line] && !strings.Contains(line, "river_migration") {
			t.Errorf("%s: %s", what, line)
		}
	}
}
