package credit_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

// outbox is a sender that keeps what it gets.
type outbox struct {
	mu      sync.Mutex
	letters []mail.Message
}

func (o *outbox) Send(_ context.Context, m mail.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = append(o.letters, m)
	return nil
}

func newBox(t *testing.T) *mail.Box {
	t.Helper()
	keys, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	return &mail.Box{Vault: keys, App: "https://app.igny8.test"}
}

// alerted makes letters of the alerts and gives who got them, in order.
func (a *tenant) alerted(box *mail.Box, at time.Time) (int, []mail.Message) {
	a.t.Helper()
	n, err := credit.AlertLow(a.t.Context(), a.db.App, box, at)
	if err != nil {
		a.t.Fatal(err)
	}
	out := &outbox{}
	if _, err := box.SendDue(a.t.Context(), a.db.App, out, slog.New(slog.DiscardHandler), at); err != nil {
		a.t.Fatal(err)
	}
	slices.SortFunc(out.letters, func(a, b mail.Message) int { return strings.Compare(a.To, b.To) })
	return n, out.letters
}

func (a *tenant) alerts() string {
	a.t.Helper()
	var s string
	a.scan(&s, `SELECT concat((SELECT count(*) FROM igny8_credit_alerts WHERE tenant_id = ?0), ' ', low_below, ' ', low_since IS NOT NULL)
		FROM igny8_credit_accounts WHERE tenant_id = ?0`, a.id)
	return s
}

func TestLowBalance_AHundredAtOnceAreToldOfOnce(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	a.give(credit.Trial, 1000, now, nil)
	got := together(100, func(i int) error {
		_, err := a.spend(now, credit.Clustering, 1, strconv.Itoa(i))
		return err
	})
	wantTally(t, got, map[string]int{"ok": 100})
	if s := a.alerts(); s != "1 100 t" {
		t.Errorf("%s", s)
	}
	box := newBox(t)
	var told atomic.Int64
	got = together(8, func(int) error {
		n, err := credit.AlertLow(t.Context(), a.db.App, box, now)
		told.Add(int64(n))
		return err
	})
	wantTally(t, got, map[string]int{"ok": 8})
	var letters int
	a.scan(&letters, `SELECT count(*) FROM igny8_mails WHERE kind = 'credits_low'`)
	if letters != 1 || told.Load() != 1 {
		t.Errorf("%d letters, %d told", letters, told.Load())
	}
}

func TestLowBalance_IsToldOncePerCrossing(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	step := func(want string) {
		t.Helper()
		if got := a.alerts(); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	a.give(credit.Purchase, 5, now, nil) // without a plan's grant nothing is low
	step("0 0 f")
	a.give(credit.Subscription, 100, now, new(now.AddDate(0, 1, 0)))
	step("0 10 f")
	did2(t)(a.spend(now, credit.ContentGeneration, 9500, "a"))
	step("0 10 f") // 10 are not below 10
	did2(t)(a.spend(now, credit.ContentGeneration, 1, "b"))
	step("1 10 t")
	did2(t)(a.spend(now, credit.ContentGeneration, 1, "c"))
	step("1 10 t")
	a.give(credit.Purchase, 12, now, nil) // 20
	step("1 10 f")
	held := did2(t)(a.reserve(now, credit.ContentGeneration, 1100, "d"))
	step("2 10 t") // what is held is not available
	did2(t)(a.release(now, held.Hold.ID, "e"))
	step("2 10 f")
	did2(t)(a.reserve(now, credit.ContentGeneration, 1100, "f"))
	step("3 10 t")
	// A plan's next grant says anew what is low.
	a.give(credit.Subscription, 2005, now, new(now.AddDate(0, 1, 0)))
	step("3 201 f")
	if _, err := credit.ExpireGrants(t.Context(), a.db.App, now.AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	step("4 201 t")
	a.sound()
}

func TestAlertLow_TellsTheOwnersAndWhoGetsTheBills(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a, gone := newTenant(t, db), newTenant(t, db)
	box := newBox(t)
	exec := func(query string) { t.Helper(); a.exec(query, a.id) }
	exec(`INSERT INTO igny8_users (tenant_id, email, role) VALUES (?0, 'second@example.com', 'owner'), (?0, 'admin@example.com', 'admin')`)
	exec(`INSERT INTO igny8_users (tenant_id, email, role, deleted_at, restore_until) VALUES (?0, 'past@example.com', 'owner', now(), now() + interval '1 day')`)
	exec(`UPDATE igny8_tenants SET billing_email = 'bills@example.com' WHERE id = ?0`)
	for _, x := range []*tenant{a, gone} {
		x.give(credit.Trial, 20, now, nil)
		did2(t)(x.spend(now, credit.IdeaGeneration, 10, "a"))
	}
	gone.exec(`UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() + interval '1 day' WHERE id = ?`, gone.id)
	n, letters := a.alerted(box, now.Add(time.Minute))
	if n != 1 || len(letters) != 3 {
		t.Fatalf("%d, %v", n, letters)
	}
	var owner string
	a.scan(&owner, `SELECT email FROM igny8_users WHERE id = ?`, a.owner.User.ID)
	for i, to := range []string{"bills@example.com", owner, "second@example.com"} {
		m := letters[i]
		if m.To != to || !strings.Contains(m.Text, "31 March 2026, 09:30 UTC\n0 are available") || !strings.Contains(m.Text, "Tenant (tenant-") {
			t.Errorf("%+v", m)
		}
	}
	if n, letters := a.alerted(box, now.Add(time.Hour)); n != 0 || len(letters) != 0 {
		t.Errorf("told again: %d, %v", n, letters)
	}
	// Restored, the account is not told of what was: its owners see it.
	gone.exec(`UPDATE igny8_tenants SET deleted_at = NULL, restore_until = NULL WHERE id = ?`, gone.id)
	if n, letters := a.alerted(box, now.Add(time.Hour)); n != 0 || len(letters) != 0 {
		t.Errorf("told later: %d, %v", n, letters)
	}
}

func TestAlertLow_TellsAnAddressOnce(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	a.exec(`UPDATE igny8_tenants SET billing_email = (SELECT email FROM igny8_users WHERE tenant_id = ?0) WHERE id = ?0`, a.id)
	a.give(credit.Trial, 20, now, nil)
	did2(t)(a.spend(now, credit.IdeaGeneration, 10, "a"))
	if n, letters := a.alerted(newBox(t), now); n != 1 || len(letters) != 1 {
		t.Errorf("%d, %s", n, fmt.Sprint(letters))
	}
}
