package staff_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/staff"
)

type decide func(context.Context, bun.IDB, account.Actor, time.Time, gid.Account, string) (*account.Account, error)

var statuses = []string{"trial", "pending_payment", "active", "suspended", "cancelled"}

func TestDecisions_FollowTheTableOfMovesAndRefuseTheRest(t *testing.T) {
	t.Parallel()
	h := build(t)
	for name, c := range map[string]struct {
		decide decide
		from   []string
		to     account.Status
		reason string
	}{
		"account.suspended":   {staff.Suspend, []string{"active"}, account.Suspended, "it sells nothing"},
		"account.reactivated": {staff.Reactivate, []string{"trial", "pending_payment", "suspended"}, account.Active, ""},
	} {
		for _, from := range statuses {
			id := h.account("Shop", from, "starter")
			before := h.everything(id)
			got, err := c.decide(h.as(h.jane), h.App, h.jane, now, id, " it sells nothing ")
			legal := false
			for _, f := range c.from {
				legal = legal || f == from
			}
			if !legal {
				want(t, err, "INVALID_STATE accountId")
				if after := h.everything(id); after != before || got != nil {
					t.Errorf("%s from %s was refused and wrote:\n%s", name, from, after)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s from %s: %v", name, from, err)
				continue
			}
			row := h.text(`SELECT concat_ws(' ', status, status_reason, extract(epoch FROM updated_at)::bigint) FROM igny8_tenants WHERE id = ?`, id)
			wantRow := fmt.Sprintf("%s %s %d", c.to, c.reason, now.Unix())
			if row != wantRow || got.Status != c.to || got.StatusReason != c.reason {
				t.Errorf("%s from %s: %s, told %s %s, want %s", name, from, row, got.Status, got.StatusReason, wantRow)
			}
			event := fmt.Sprintf(`%s account {"status": %q, "statusReason": "before"} {"reason": "it sells nothing", "status": %q} staff %d 203.0.113.7`,
				name, from, c.to, h.jane.User.ID)
			if diff := cmp.Diff(event, h.log(id)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
}

func TestDecisions_TellEverythingThatIsWrongAndWriteNothing(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	resting := h.account("Shop", "suspended", "starter")
	gone := h.account("Gone", "active", "starter")
	h.exec(`UPDATE igny8_tenants SET deleted_at = ?, restore_until = ? WHERE id = ?`, now, now.Add(time.Hour), gone)
	other := h.account("Other system", "active", "starter")
	h.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, other)
	restingSystem := h.account("Resting system", "suspended", "starter")
	h.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, restingSystem)
	own := h.person(shop, "dev@shop.example", account.Developer)
	cases := []struct {
		by     account.Actor
		id     gid.Account
		reason string
		want   []string
	}{
		{h.jane, shop, " ", []string{"REQUIRED reason"}},
		{h.jane, shop, strings.Repeat("é", 501), []string{"TOO_LONG reason"}},
		{h.jane, shop, "a\x00b", []string{"INVALID reason"}},
		{h.jane, gone, "", []string{"REQUIRED reason", "NOT_FOUND accountId"}},
		{h.jane, gone, "why", []string{"NOT_FOUND accountId"}},
		{h.jane, 987_654, "why", []string{"NOT_FOUND accountId"}},
		{h.jane, 0, "why", []string{"NOT_FOUND accountId"}},
		{h.jane, -1, "why", []string{"NOT_FOUND accountId"}},
		{h.jane, h.system, "why", []string{"INVALID_STATE accountId"}},
		{h.jane, other, "why", []string{"INVALID_STATE accountId"}},
		{own, shop, "why", []string{"INVALID_STATE accountId"}},
		{h.person(shop, "owner@shop.example", account.Owner), resting, "why", []string{"FORBIDDEN "}},
		{h.begin(h.jane, resting), shop, "why", []string{"FORBIDDEN "}},
		{account.Actor{}, shop, "why", []string{"UNAUTHENTICATED "}},
	}
	before := h.everything(shop) + h.everything(resting) + h.everything(gone) + h.everything(h.system) + h.everything(other)
	for i, c := range cases {
		for name, decide := range map[string]decide{"suspend": staff.Suspend, "reactivate": staff.Reactivate} {
			faults := c.want
			if name == "reactivate" && len(faults) == 1 && strings.HasSuffix(faults[0], "reason") {
				faults = append(faults[:1:1], "INVALID_STATE accountId") // it is active
			}
			_, err := decide(h.as(c.by), h.App, c.by, now, c.id, c.reason)
			if diff := cmp.Diff(faults, told(err)); diff != "" {
				t.Errorf("%s, case %d: %v (-want +got):\n%s", name, i, err, diff)
			}
		}
	}
	_, err := staff.Reactivate(h.as(h.jane), h.App, h.jane, now, restingSystem, "why")
	want(t, err, "INVALID_STATE accountId")
	if after := h.everything(shop) + h.everything(resting) + h.everything(gone) + h.everything(h.system) + h.everything(other); after != before {
		t.Error("what was refused wrote something")
	}
	if _, err := staff.Suspend(h.as(h.jane), h.App, h.jane, now, shop, strings.Repeat("é", 500)); err != nil {
		t.Errorf("500 characters: %v", err)
	}
}

func TestSuspend_HappensOnceAmongMany(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	results := make(chan error)
	const tries = 20
	for range tries {
		go func() {
			_, err := staff.Suspend(h.as(h.jane), h.App, h.jane, now, shop, "why")
			results <- err
		}()
	}
	done := 0
	for range tries {
		if err := <-results; err == nil {
			done++
		} else {
			want(t, err, "INVALID_STATE accountId")
		}
	}
	if events := strings.Count(h.log(shop), "account.suspended"); done != 1 || events != 1 {
		t.Errorf("suspended %d times, %d events", done, events)
	}
}

func TestSuspend_WaitsForWhatTheAccountIsDoing(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	suspended := make(chan error, 1)
	err := postgres.InTx(postgres.WithTenant(t.Context(), int64(shop)), h.App, func(ctx context.Context, tx bun.Tx) error {
		if _, err := account.Lock(ctx, tx, shop); err != nil {
			return err
		}
		go func() {
			_, err := staff.Suspend(h.as(h.jane), h.App, h.jane, now, shop, "why")
			suspended <- err
		}()
		tick, patience := time.NewTicker(time.Millisecond), time.After(10*time.Second)
		defer tick.Stop()
		for {
			var waiting bool
			h.scan(&waiting, `SELECT EXISTS (SELECT FROM pg_stat_activity
				WHERE datname = current_database() AND usename = 'igny8_app' AND wait_event_type = 'Lock')`)
			if waiting {
				return nil
			}
			select {
			case <-tick.C:
			case err := <-suspended:
				return fmt.Errorf("it did not wait: %w", err)
			case <-patience:
				return errors.New("nothing waits for a lock")
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-suspended; err != nil {
		t.Fatal(err)
	}
}
