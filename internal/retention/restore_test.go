package retention_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/retention"
	"igny8.com/accounts/internal/signup"
	"igny8.com/accounts/internal/ticket"
)

// reopen signs another account up with an address and a name that were used before.
func (w *world) reopen(email, name string) *tenant {
	w.t.Helper()
	var owner *account.User
	opened, err := signup.Run(w.t.Context(), w.App, signup.Request{Email: email, Name: name, PasswordHash: "kept"}, account.Origin{},
		now.Add(time.Hour), func(_ context.Context, _ bun.Tx, u *account.User) error { owner = u; return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return &tenant{world: w, id: opened.ID, slug: opened.Slug, owner: account.Actor{User: owner, Account: opened}}
}

func (a *tenant) logIns() []string {
	a.t.Helper()
	var emails []string
	err := a.Admin.NewRaw(`SELECT email FROM igny8_login_directory WHERE tenant_id = ? ORDER BY email`, a.id).Scan(a.t.Context(), &emails)
	must(a.t, err)
	return emails
}

func TestRestoreAccount_BringsTheAccountBackAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	s := a.live()
	a.person(account.Owner)
	removed := a.person(account.Editor)
	a.person(account.Editor)
	a.remove(removed.User, now.Add(-time.Hour))
	logIns := a.logIns()
	a.delete(now)
	tickets := a.tickets()

	var signedIn *account.User
	origin := account.Origin{IP: "203.0.113.9"}
	back, err := retention.RestoreAccount(t.Context(), a.App, over.Add(-time.Microsecond), a.ticket(), origin,
		func(ctx context.Context, tx bun.Tx, u *account.User) error {
			signedIn = u
			_, err := account.Lock(ctx, tx, a.id) // finish sees the account there again
			return err
		})
	must(t, err)
	if back.ID != a.id || back.DeletedAt != nil || back.RestoreUntil != nil || back.Status != account.Active ||
		signedIn == nil || signedIn.ID != a.owner.User.ID {
		t.Errorf("restored %+v for %+v", back, signedIn)
	}
	if diff := cmp.Diff(logIns, a.logIns()); diff != "" {
		t.Errorf("who signs in (-before +after):\n%s", diff)
	}
	found, err := account.ByIDs(a.ctx(), a.App, []gid.Account{a.id})
	must(t, err)
	if len(found) != 1 || found[0].OwnerID == nil || *found[0].OwnerID != a.owner.User.ID {
		t.Errorf("read again: %v", found)
	}
	if n := w.count(`SELECT count(*) FROM igny8_sessions WHERE tenant_id = ? AND revoked_at IS NULL`, a.id); n != 0 {
		t.Errorf("%d sessions live again", n)
	}
	if n := w.count(`SELECT count(*) FROM igny8_sites AS s JOIN igny8_site_api_keys AS k ON k.tenant_id = s.tenant_id AND k.site_id = s.id
		JOIN igny8_api_key_directory AS d ON d.tenant_id = k.tenant_id AND d.key_id = k.id
		WHERE s.tenant_id = ? AND s.id = ? AND s.deleted_at IS NULL AND k.revoked_at IS NULL`, a.id, s); n != 1 {
		t.Error("the API key is not what it was")
	}
	if v := a.verify(); !v.OK() {
		t.Errorf("the ledger: %v", v.Problems)
	}
	if events := a.events(); events[len(events)-1] != "account.restored" {
		t.Errorf("the log ends with %v", events[len(events)-1])
	}
	if n := w.count(`SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'account.restored' AND actor_id = ? AND ip = ?`,
		a.id, a.owner.User.ID, origin.IP); n != 1 {
		t.Error("the log does not say who and from where")
	}
	// One restoration uses up the tickets of all owners.
	for _, of := range tickets {
		_, err := w.restore(of[0], now.Add(time.Hour))
		wants(t, err, "INVALID_CREDENTIALS at token")
	}
	// It is an account like any other.
	a.delete(now.Add(48 * time.Hour))
}

func TestRestoreAccount_RefusesEveryOtherTicketAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, alive := w.open(), w.open()
	second, third := a.person(account.Owner), a.person(account.Owner)
	a.delete(now.Add(-time.Hour))
	old := a.ticket()
	_, err := w.restore(old, now)
	must(t, err)
	a.delete(now)
	good := a.ticket()
	if good == old {
		t.Fatal("two deletions gave one ticket")
	}
	tickets := a.tickets()
	a.exec(`UPDATE igny8_users SET role = 'admin' WHERE id = ?`, second.User.ID)
	a.exec(`UPDATE igny8_users SET deleted_at = ?, restore_until = ? WHERE id = ?`, now, over, third.User.ID)
	read, _ := ticket.Read(ticket.Restore, good)
	var reset int64
	a.scan(&reset, `INSERT INTO igny8_mail_tokens (tenant_id, purpose, user_id, email, token_hash, created_at, expires_at)
		VALUES (?, 'reset_password', ?, 'x@y.zz', '', ?, ?) RETURNING id`, a.id, a.owner.User.ID, now, over)
	resetText, resetHash := ticket.New(ticket.Restore, a.id, reset)
	a.exec(`UPDATE igny8_mail_tokens SET token_hash = ? WHERE tenant_id = ? AND id = ?`, resetHash, a.id, reset)
	lastDigit := "0"
	if strings.HasSuffix(good, "0") {
		lastDigit = "1"
	}
	before := a.everything()

	var first error
	for name, attempt := range map[string]struct {
		token string
		at    time.Time
	}{
		"nothing":                     {"", now},
		"no ticket":                   {"let me in", now},
		"a megabyte":                  {strings.Repeat("a", 1<<20), now},
		"invalid text":                {"igny8_restore_\xff\x00", now},
		"in capitals":                 {strings.ToUpper(good), now},
		"another kind":                {strings.Replace(good, "igny8_restore_", "igny8_reset_", 1), now},
		"another secret":              {a.other(ticket.Restore, read.ID), now},
		"another last digit":          {good[:len(good)-1] + lastDigit, now},
		"another row":                 {a.other(ticket.Restore, read.ID+1000), now},
		"another purpose":             {resetText, now},
		"another account":             {alive.other(ticket.Restore, read.ID), now},
		"an account that never was":   {(&tenant{id: 1 << 40}).other(ticket.Restore, read.ID), now},
		"too late":                    {good, over},
		"of an earlier deletion":      {old, now},
		"of an owner who is an admin": {tickets[second.User.Email][0], now},
		"of an owner who was removed": {tickets[third.User.Email][0], now},
	} {
		_, err := w.restore(attempt.token, attempt.at)
		wants(t, err, "INVALID_CREDENTIALS at token")
		if first == nil {
			first = err
		}
		if err == nil || err.Error() != first.Error() {
			t.Errorf("%s: %v, others: %v", name, err, first)
		}
	}
	if diff := cmp.Diff(before, a.everything()); diff != "" {
		t.Errorf("a refusal wrote:\n%s", diff)
	}
	_, err = w.restore(good, over.Add(-time.Microsecond))
	must(t, err)
}

func TestRestoreAccount_HappensOnceOfFiftyAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	second := a.person(account.Owner)
	a.delete(now)
	tickets := []string{a.ticket(), a.tickets()[second.User.Email][0]}
	got := tally(t, race(50, func(i int) error {
		_, err := w.restore(tickets[i%2], now.Add(time.Hour))
		return err
	}))
	if want := map[string]int{"ok": 1, string(fault.InvalidCredentials): 49}; !cmp.Equal(got, want) {
		t.Errorf("50 at once: %v, want %v", got, want)
	}
	restored := slices.DeleteFunc(a.events(), func(action string) bool { return action != "account.restored" })
	if len(restored) != 1 {
		t.Errorf("restored %d times", len(restored))
	}
}

func TestRestoreAccount_LeavesOutThoseWhoseAddressIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	named, editor, stays := a.person(account.Owner), a.person(account.Editor), a.person(account.Viewer)
	a.exec(`UPDATE igny8_tenants SET owner_id = ? WHERE id = ?`, named.User.ID, a.id)
	a.delete(now)
	for _, u := range []*account.User{named.User, editor.User} {
		w.reopen(u.Email, "Somebody else")
	}
	back, err := w.restore(a.ticket(), now.Add(2*time.Hour))
	must(t, err)

	want := []string{a.owner.User.Email, stays.User.Email}
	slices.Sort(want)
	if diff := cmp.Diff(want, a.logIns()); diff != "" {
		t.Errorf("who signs in (-want +got):\n%s", diff)
	}
	if back.OwnerID == nil || *back.OwnerID != a.owner.User.ID ||
		w.count(`SELECT owner_id FROM igny8_tenants WHERE id = ?`, a.id) != int(a.owner.User.ID) {
		t.Errorf("owned by %v", back.OwnerID)
	}
	members, err := account.Members(a.ctx(), a.App, a.id, page.Args{})
	must(t, err)
	if len(members.Nodes()) != 2 {
		t.Errorf("%d members", len(members.Nodes()))
	}
	if n := w.count(`SELECT count(*) FROM igny8_users WHERE tenant_id = ? AND deleted_by = ? AND deleted_at = ? AND restore_until = ?`,
		a.id, a.owner.User.ID, now.Add(2*time.Hour), over.Add(2*time.Hour)); n != 2 {
		t.Errorf("%d were removed as a removal does it", n)
	}
	if n := w.count(`SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action = 'member.removed'
		AND subject_type = 'user' AND subject_id IN (?, ?)`, a.id, named.User.ID, editor.User.ID); n != 2 {
		t.Errorf("the log tells of %d removals", n)
	}
}

func TestRestoreAccount_RefusesAnOwnerWhoseAddressIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	second := a.person(account.Owner)
	a.delete(now)
	w.reopen(a.owner.User.Email, "Somebody else")
	before := a.everything()
	_, err := w.restore(a.ticket(), now.Add(2*time.Hour))
	wants(t, err, "TAKEN at token")
	if diff := cmp.Diff(before, a.everything()); diff != "" {
		t.Errorf("the refusal wrote:\n%s", diff)
	}
	_, err = w.restore(a.tickets()[second.User.Email][0], now.Add(2*time.Hour))
	must(t, err)
}

// An address that is being taken at this moment is waited for.
func TestRestoreAccount_RacesSignUpForAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 10 {
		a := w.open()
		member := a.person(account.Editor)
		a.delete(now)
		token := a.ticket()
		race(2, func(i int) error {
			if i == 0 {
				_, err := w.restore(token, now.Add(time.Hour))
				return err
			}
			_, err := signup.Run(t.Context(), w.App, signup.Request{Email: member.User.Email, Name: "Somebody else", PasswordHash: "kept"},
				account.Origin{}, now, func(context.Context, bun.Tx, *account.User) error { return nil })
			return err
		})
		if n := w.count(`SELECT count(*) FROM igny8_login_directory AS d JOIN igny8_users AS u
			ON u.tenant_id = d.tenant_id AND u.id = d.user_id AND u.email = d.email AND u.deleted_at IS NULL WHERE d.email = ?`,
			member.User.Email); n != 1 {
			t.Errorf("the address signs %d people in", n)
		}
		if n := w.count(`SELECT count(*) FROM igny8_users AS u WHERE email = ? AND deleted_at IS NULL`, member.User.Email); n != 1 {
			t.Errorf("%d people have the address", n)
		}
	}
}

func TestRestoreAccount_IsNothingWhereWhatBelongsToItFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.delete(now)
	before := a.everything()
	broken := errors.New("no session")
	_, err := retention.RestoreAccount(t.Context(), a.App, now, a.ticket(), account.Origin{},
		func(context.Context, bun.Tx, *account.User) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, a.everything()); diff != "" {
		t.Errorf("half restored:\n%s", diff)
	}
	_, err = w.restore(a.ticket(), now)
	must(t, err)
}
