package signup_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/signup"
)

var now = time.Date(2026, 1, 31, 12, 30, 0, 123456000, time.UTC)

func nothing(context.Context, bun.Tx, *account.User) error { return nil }

func request(email, name string) signup.Request {
	return signup.Request{Email: email, Name: name, PasswordHash: "$argon2id$kept"}
}

func open(ctx context.Context, t *testing.T, db *pgtest.DB, in signup.Request) (*account.Account, error) {
	t.Helper()
	if faults := in.Check(); len(faults) > 0 {
		return nil, faults
	}
	return signup.Run(ctx, db.App, in, account.Origin{IP: "192.0.2.1", RequestID: "r1"}, now, nothing)
}

// written counts the rows of all that signing up writes.
func written(t *testing.T, db *pgtest.DB) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range []string{
		"igny8_tenants", "igny8_users", "igny8_login_directory", "igny8_slug_directory", "igny8_subscriptions",
		"igny8_subscription_periods", "igny8_credit_accounts", "igny8_credit_grants", "igny8_credit_transactions",
		"igny8_credit_transaction_grants", "igny8_audit_events",
	} {
		var n int
		if err := db.Admin.NewRaw("SELECT count(*) FROM ?", bun.Ident(table)).Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

func wantWritten(t *testing.T, db *pgtest.DB, accounts int) {
	t.Helper()
	for table, n := range written(t, db) {
		if n != accounts {
			t.Errorf("%s has %d rows, want %d", table, n, accounts)
		}
	}
}

func TestRun_OpensAWholeAccountOnTrial(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	opened, err := open(t.Context(), t, db, request("Ada@Example.com", "Ada Example"))
	if err != nil {
		t.Fatal(err)
	}
	wantWritten(t, db, 1)

	var got struct {
		Slug, Name, Status, Plan, Role, Email, Subscription, PeriodKind, Type string
		Start, End, TrialEnd, Expires                                         time.Time
		Amount, BalanceAfter, Balance, Remaining, Seq                         int64
		Owner                                                                 bool
	}
	err = db.Admin.NewRaw(`
		SELECT a.slug, a.name, a.status, p.slug AS plan, u.role, u.email, s.status AS subscription, d.kind AS period_kind,
			t.type, d.start_at AS start, d.end_at AS end, s.trial_end, g.expires_at AS expires, t.amount, t.balance_after,
			c.balance, g.remaining, t.seq, a.owner_id = u.id AS owner
		FROM igny8_tenants a JOIN igny8_plans p ON p.id = a.plan_id JOIN igny8_users u ON u.tenant_id = a.id
		JOIN igny8_subscriptions s ON s.tenant_id = a.id JOIN igny8_subscription_periods d ON d.tenant_id = a.id
		JOIN igny8_credit_transactions t ON t.tenant_id = a.id JOIN igny8_credit_accounts c ON c.tenant_id = a.id
		JOIN igny8_credit_grants g ON g.tenant_id = a.id WHERE a.id = ?`, opened.ID).Scan(t.Context(), &got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Slug != "ada-example" || got.Name != "Ada Example" || got.Status != "trial" || got.Plan != "free-trial" ||
		got.Role != "owner" || !got.Owner || got.Email != "ada@example.com" || got.Subscription != "trialing" || got.PeriodKind != "trial" {
		t.Errorf("account: %+v", got)
	}
	if end := now.Add(14 * 24 * time.Hour); !got.Start.Equal(now) || !got.End.Equal(end) || !got.TrialEnd.Equal(end) || !got.Expires.Equal(end) {
		t.Errorf("trial: %+v", got)
	}
	if got.Type != "trial" || got.Amount != 2000 || got.BalanceAfter != 2000 || got.Balance != 2000 || got.Remaining != 2000 || got.Seq != 1 {
		t.Errorf("credits: %+v", got)
	}
}

func setActive(t *testing.T, db *pgtest.DB, slug string, active bool) {
	t.Helper()
	if _, err := db.Admin.NewRaw("UPDATE igny8_plans SET is_active = ? WHERE slug = ?", active, slug).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRun_FallsBackToTheFreePlanAndToNoOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	setActive(t, db, "free-trial", false)
	opened, err := open(t.Context(), t, db, request("free@example.com", "Free"))
	if err != nil {
		t.Fatal(err)
	}
	var balance int64
	var plan string
	err = db.Admin.NewRaw(`SELECT c.balance, p.slug FROM igny8_tenants a JOIN igny8_plans p ON p.id = a.plan_id
		JOIN igny8_credit_accounts c ON c.tenant_id = a.id WHERE a.id = ?`, opened.ID).Scan(t.Context(), &balance, &plan)
	if err != nil || balance != 100 || plan != "free" {
		t.Fatalf("%d credits on %s, %v; want 100 on free", balance, plan, err)
	}

	setActive(t, db, "free", false)
	if _, err := open(t.Context(), t, db, request("none@example.com", "None")); !fault.Is(err, fault.PlanUnavailable) {
		t.Fatalf("both plans inactive: %v", err)
	}
	wantWritten(t, db, 1)
}

func TestRun_FiftyAtOnceWithOneEmailMakeOneAccount(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var wg sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		wg.Go(func() { _, errs[i] = open(t.Context(), t, db, request("one@example.com", fmt.Sprintf("Name %d", i))) })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		switch {
		case err == nil:
			made++
		case !fault.Is(err, fault.Taken):
			t.Errorf("a refused one: %v", err)
		}
	}
	if made != 1 {
		t.Errorf("%d accounts", made)
	}
	wantWritten(t, db, 1)
}

func TestRun_MakesSlugsUnique(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() { _, errs[i] = open(t.Context(), t, db, request(fmt.Sprintf("s%d@example.com", i), "Same Name")) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	var slugs, distinct int
	err := db.Admin.NewRaw(`SELECT count(*), count(DISTINCT a.slug) FROM igny8_tenants a
		JOIN igny8_slug_directory d ON d.tenant_id = a.id AND d.slug = a.slug`).Scan(t.Context(), &slugs, &distinct)
	if err != nil || slugs != 20 || distinct != 20 {
		t.Fatalf("%d slugs, %d of them different, %v", slugs, distinct, err)
	}
}

func TestCheck_RefusesReservedNames(t *testing.T) {
	t.Parallel()
	in := request("a@example.com", "Somebody")
	in.AccountName = new("AWS Admin")
	faults := in.Check()
	if len(faults) != 1 || faults[0].Code != fault.Taken || faults[0].Field[0] != "accountName" {
		t.Errorf("a system account's name: %v", faults)
	}
}

func TestCheck_NamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	in := signup.Request{Email: "nobody", Name: "  ", AccountName: new(string(make([]byte, 0)))}
	codes := map[string]fault.Code{}
	for _, f := range in.Check() {
		codes[f.Field[0]] = f.Code
	}
	if len(codes) != 3 || codes["email"] != fault.Invalid || codes["name"] != fault.Required || codes["accountName"] != fault.Required {
		t.Errorf("%v", codes)
	}
}

// A crash before any one statement leaves nothing; without one, everything is there.
func TestRun_IsAllOrNothingWhereverItIsKilled(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	killed := 0
	for n := 1; ; n++ {
		ctx, killer := pgtest.KillBefore(t, t.Context(), n)
		_, err := open(ctx, t, db, request(fmt.Sprintf("kill%d@example.com", n), "Kill"))
		statement, fired := killer.Fired()
		if !fired {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		killed++
		if err == nil {
			t.Fatalf("the session ended before %q and signing up succeeded", statement)
		}
		wantWritten(t, db, 0)
	}
	if killed < 14 { // numbering, begin, plan, ten inserts and updates, commit
		t.Fatalf("only %d statements were reached", killed)
	}
	wantWritten(t, db, 1)
}

func TestRun_WritesNothingWhenWhatJoinsItFails(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	in := request("fail@example.com", "Fail")
	_, err := signup.Run(t.Context(), db.App, in, account.Origin{}, now, func(context.Context, bun.Tx, *account.User) error {
		return context.DeadlineExceeded
	})
	if err == nil {
		t.Fatal("signing up succeeded")
	}
	wantWritten(t, db, 0)
}
