package staff_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/staff"
)

// states are an account's impersonations: by whom, and whether they were ended.
func (h *house) states(tenant gid.Account) string {
	h.t.Helper()
	return h.text(`SELECT coalesce(string_agg(concat_ws(' ', staff_id, CASE WHEN ended_at IS NULL THEN 'open' ELSE 'ended' END), ', ' ORDER BY id), '')
		FROM igny8_impersonations WHERE tenant_id = ?`, tenant)
}

func TestImpersonate_WritesWhoWhyAndUntilWhenIntoTheAccountsLog(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	imp, err := staff.Impersonate(h.as(h.jane), h.App, h.jane, now,
		staff.Impersonating{AccountID: shop, Reason: "  " + reason + "\n", Minutes: 5})
	if err != nil {
		t.Fatal(err)
	}
	wanted := &account.Impersonation{
		TenantID: shop, ID: imp.ID, StaffTenant: h.system, StaffID: h.jane.User.ID, SessionID: h.jane.SessionID,
		Reason: reason, CreatedAt: now, ExpiresAt: now.Add(5 * time.Minute),
	}
	if diff := cmp.Diff(wanted, imp); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	event := fmt.Sprintf(`impersonation.started impersonation {"staff": "jane", "reason": %q, "minutes": 5, "expiresAt": "2026-11-22T09:35:00.123456Z"} staff %d %d 203.0.113.7`,
		reason, h.jane.User.ID, imp.ID)
	if diff := cmp.Diff(event, h.log(shop)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := h.log(h.system); got != "" {
		t.Errorf("staff's own log has %s", got)
	}
	under := h.under(h.jane, imp)
	if under.Role() != account.Admin || under.Staff() || under.Member() != nil {
		t.Errorf("who acts under it is %s, staff: %v, a member: %v", under.Role(), under.Staff(), under.Member())
	}
}

func TestImpersonate_TellsEverythingThatIsWrongAndWritesNothing(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	gone := h.account("Gone", "active", "starter")
	h.exec(`UPDATE igny8_tenants SET deleted_at = ?, restore_until = ? WHERE id = ?`, now, now.Add(time.Hour), gone)
	other := h.account("Other system", "active", "starter")
	h.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, other)
	acting := h.begin(h.jane, h.account("Bakery", "active", "starter"))
	long := strings.Repeat("é", 500)
	before := h.everything(shop) + h.everything(gone) + h.everything(h.system) + h.everything(other)
	for name, c := range map[string]struct {
		by   account.Actor
		in   staff.Impersonating
		want []string
	}{
		"no reason":            {h.jane, staff.Impersonating{AccountID: shop, Minutes: 5}, []string{"REQUIRED reason"}},
		"a blank reason":       {h.jane, staff.Impersonating{AccountID: shop, Reason: "           ", Minutes: 5}, []string{"REQUIRED reason"}},
		"nine characters":      {h.jane, staff.Impersonating{AccountID: shop, Reason: " ééééééééé ", Minutes: 5}, []string{"INVALID reason"}},
		"501 characters":       {h.jane, staff.Impersonating{AccountID: shop, Reason: long + "é", Minutes: 5}, []string{"TOO_LONG reason"}},
		"no text":              {h.jane, staff.Impersonating{AccountID: shop, Reason: reason + "\x00", Minutes: 5}, []string{"INVALID reason"}},
		"no minutes":           {h.jane, staff.Impersonating{AccountID: shop, Reason: reason}, []string{"INVALID minutes"}},
		"minutes below zero":   {h.jane, staff.Impersonating{AccountID: shop, Reason: reason, Minutes: -1}, []string{"INVALID minutes"}},
		"16 minutes":           {h.jane, staff.Impersonating{AccountID: shop, Reason: reason, Minutes: 16}, []string{"INVALID minutes"}},
		"an account that went": {h.jane, staff.Impersonating{AccountID: gone, Reason: reason, Minutes: 5}, []string{"NOT_FOUND accountId"}},
		"no account":           {h.jane, staff.Impersonating{AccountID: 987_654, Reason: reason, Minutes: 5}, []string{"NOT_FOUND accountId"}},
		"one's own":            {h.jane, staff.Impersonating{AccountID: h.system, Reason: reason, Minutes: 5}, []string{"INVALID_STATE accountId"}},
		"a system account":     {h.jane, staff.Impersonating{AccountID: other, Reason: reason, Minutes: 5}, []string{"INVALID_STATE accountId"}},
		"all of it":            {h.jane, staff.Impersonating{AccountID: gone}, []string{"REQUIRED reason", "INVALID minutes", "NOT_FOUND accountId"}},
		"by an owner": {
			h.person(shop, "owner@shop.example", account.Owner),
			staff.Impersonating{AccountID: other, Reason: reason, Minutes: 5},
			[]string{"FORBIDDEN "},
		},
		"by staff who act already": {acting, staff.Impersonating{AccountID: shop, Reason: reason, Minutes: 5}, []string{"FORBIDDEN "}},
		"by nobody":                {account.Actor{}, staff.Impersonating{AccountID: shop, Reason: reason, Minutes: 5}, []string{"UNAUTHENTICATED "}},
	} {
		_, err := staff.Impersonate(h.as(c.by), h.App, c.by, now, c.in)
		if diff := cmp.Diff(c.want, told(err)); diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if after := h.everything(shop) + h.everything(gone) + h.everything(h.system) + h.everything(other); after != before {
		t.Error("what was refused wrote something")
	}
	for _, in := range []staff.Impersonating{
		{AccountID: shop, Reason: long, Minutes: 15}, {AccountID: shop, Reason: "0123456789", Minutes: 1},
	} {
		if _, err := staff.Impersonate(h.as(h.jane), h.App, h.jane, now, in); err != nil {
			t.Errorf("%d minutes: %v", in.Minutes, err)
		}
	}
}

func TestImpersonate_EndsWhatTheSamePersonActedUnderBeforeForTheAccount(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop, bakery := h.account("Shop", "active", "starter"), h.account("Bakery", "active", "starter")
	joe := h.person(h.system, "joe@igny8.example", account.Developer)
	first := h.begin(h.jane, shop).Impersonation
	h.begin(joe, shop)
	h.begin(h.jane, bakery)
	second := h.begin(h.jane, shop).Impersonation
	if got, want := h.states(shop), fmt.Sprintf("%d ended, %d open, %d open", h.jane.User.ID, joe.User.ID, h.jane.User.ID); got != want {
		t.Errorf("for the shop: %s, want %s", got, want)
	}
	if got, want := h.states(bakery), fmt.Sprintf("%d open", h.jane.User.ID); got != want {
		t.Errorf("for the bakery: %s, want %s", got, want)
	}
	if got, want := h.log(shop), fmt.Sprintf(`impersonation.ended impersonation {"reason": "replaced"} staff %d %d `, h.jane.User.ID, first.ID); !strings.Contains(got, want) {
		t.Errorf("%s\nis not in\n%s", want, got)
	}
	// One whose time was over ended then, and nobody ended it.
	later := second.ExpiresAt
	imp, err := staff.Impersonate(h.as(h.jane), h.App, h.jane, later, staff.Impersonating{AccountID: shop, Reason: reason, Minutes: 1})
	if err != nil {
		t.Fatal(err)
	}
	var ended time.Time
	h.scan(&ended, `SELECT ended_at FROM igny8_impersonations WHERE tenant_id = ? AND id = ?`, shop, second.ID)
	if n := strings.Count(h.log(shop), "impersonation.ended"); !ended.Equal(second.ExpiresAt) || n != 1 || imp.EndedAt != nil {
		t.Errorf("ended at %s, want %s; %d events; the new one ended %v", ended, second.ExpiresAt, n, imp.EndedAt)
	}
}

func TestImpersonate_LeavesOneLiveOfFiftyAtOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	const tries = 50
	results := make(chan error)
	for range tries {
		go func() {
			_, err := staff.Impersonate(h.as(h.jane), h.App, h.jane, now, staff.Impersonating{AccountID: shop, Reason: reason, Minutes: 5})
			results <- err
		}()
	}
	for range tries {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	states, log := h.states(shop), h.log(shop)
	if open, ended := strings.Count(states, "open"), strings.Count(states, "ended"); open != 1 || ended != tries-1 {
		t.Errorf("%d open, %d ended", open, ended)
	}
	if begun, ended := strings.Count(log, "impersonation.started"), strings.Count(log, "impersonation.ended"); begun != tries || ended != tries-1 {
		t.Errorf("%d begun and %d ended in the log", begun, ended)
	}
}

func TestImpersonations_AreOneAPersonAndAccountByTheDatabaseToo(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	h.begin(h.jane, shop)
	again := *h.begin(h.jane, shop).Impersonation
	again.ID = 0
	_, err := h.Admin.NewInsert().Model(&again).Exec(t.Context())
	if err == nil || !strings.Contains(err.Error(), "igny8_impersonations_live_key") {
		t.Errorf("a second one: %v", err)
	}
}

func TestEnd_ByEitherTokenEndsOnesOwnAndSaysSo(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop := h.account("Shop", "active", "starter")
	joe := h.begin(h.person(h.system, "joe@igny8.example", account.Developer), shop)
	for name, end := range map[string]func(acting account.Actor, at time.Time) (*account.Impersonation, error){
		"under it": func(acting account.Actor, at time.Time) (*account.Impersonation, error) {
			return staff.End(h.as(acting), h.App, acting, at, nil)
		},
		"under it, naming the account": func(acting account.Actor, at time.Time) (*account.Impersonation, error) {
			return staff.End(h.as(acting), h.App, acting, at, &shop)
		},
		"as oneself": func(_ account.Actor, at time.Time) (*account.Impersonation, error) {
			return staff.End(h.as(h.jane), h.App, h.jane, at, &shop)
		},
	} {
		acting := h.begin(h.jane, shop)
		at := now.Add(time.Minute)
		before := strings.Count(h.log(shop), "\n")
		ended, err := end(acting, at)
		if err != nil || ended.ID != acting.Impersonation.ID || !ended.EndedAt.Equal(at) {
			t.Fatalf("%s: %+v, %v", name, ended, err)
		}
		log := strings.Split(h.log(shop), "\n")
		want := fmt.Sprintf(`impersonation.ended impersonation {"reason": "ended"} staff %d %d 203.0.113.7`, h.jane.User.ID, ended.ID)
		if len(log) != before+2 || log[len(log)-1] != want {
			t.Errorf("%s: %d events more, the last %q, want %q", name, len(log)-before-1, log[len(log)-1], want)
		}
	}
	if got := h.states(shop); strings.Count(got, "open") != 1 || !strings.HasPrefix(got, fmt.Sprintf("%d open", joe.User.ID)) {
		t.Errorf("a colleague's is %s", got)
	}
}

func TestEnd_AgainChangesNothingUnderItAndIsRefusedAsOneself(t *testing.T) {
	t.Parallel()
	h := build(t)
	shop, bakery := h.account("Shop", "active", "starter"), h.account("Bakery", "active", "starter")
	acting := h.begin(h.jane, shop)
	first, err := staff.End(h.as(acting), h.App, acting, now.Add(time.Minute), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := h.everything(shop)
	again, err := staff.End(h.as(acting), h.App, acting, now.Add(2*time.Minute), nil)
	if err != nil || !again.EndedAt.Equal(*first.EndedAt) {
		t.Errorf("again, under it: %+v, %v", again, err)
	}
	_, err = staff.End(h.as(h.jane), h.App, h.jane, now.Add(2*time.Minute), &shop)
	want(t, err, "INVALID_STATE accountId")
	none := gid.Account(987_654)
	for _, c := range []struct {
		by   account.Actor
		id   *gid.Account
		want string
	}{
		{h.jane, nil, "REQUIRED accountId"},
		{h.jane, &bakery, "INVALID_STATE accountId"},
		{h.jane, &none, "NOT_FOUND accountId"},
		{acting, &bakery, "NOT_FOUND accountId"},
		{h.person(shop, "owner@shop.example", account.Owner), &shop, "FORBIDDEN "},
		{account.Actor{}, &shop, "UNAUTHENTICATED "},
	} {
		_, err := staff.End(h.as(c.by), h.App, c.by, now.Add(2*time.Minute), c.id)
		want(t, err, c.want)
	}
	if after := h.everything(shop); after != before {
		t.Errorf("what was refused wrote something:\n%s", after)
	}
	// What is over by itself is not there to be ended.
	old := h.begin(h.jane, bakery).Impersonation
	_, err = staff.End(h.as(h.jane), h.App, h.jane, old.ExpiresAt, &bakery)
	want(t, err, "INVALID_STATE accountId")
}
