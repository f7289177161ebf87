package retention_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/retention"
)

func TestDeleteAccount_IsAbsentEverywhereFromTheCommitOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.open(), w.open()
	a.live()
	b.live()
	a.person(account.Editor)
	neighbour := b.everything()
	kept := `SELECT coalesce(sum(balance) + sum(held) + sum(last_seq), 0) FROM igny8_credit_accounts WHERE tenant_id = ?`
	credits := w.count(kept, a.id)

	gone, err := retention.DeleteAccount(a.ctx(), a.App, a.box, a.owner, now, retention.Deletion{Confirm: " " + a.slug + " ", Reason: "moved on"})
	must(t, err)
	if gone.RestoreUntil == nil || !gone.RestoreUntil.Equal(over) || gone.DeletedBy == nil || *gone.DeletedBy != a.owner.User.ID {
		t.Errorf("deleted as %+v", gone)
	}
	found, err := account.ByIDs(a.ctx(), a.App, []gid.Account{a.id})
	must(t, err)
	if len(found) != 0 {
		t.Error("the account can be read")
	}
	tx, err := a.App.BeginTx(a.ctx(), nil)
	must(t, err)
	_, err = account.Lock(a.ctx(), tx, a.id)
	wants(t, err, "NOT_FOUND")
	must(t, tx.Rollback())

	for what, query := range map[string]string{
		"log-ins":        `SELECT count(*) FROM igny8_login_directory WHERE tenant_id = ?`,
		"sessions":       `SELECT count(*) FROM igny8_sessions WHERE tenant_id = ? AND revoked_at IS NULL`,
		"invitations":    `SELECT count(*) FROM igny8_invitations WHERE tenant_id = ? AND accepted_at IS NULL AND revoked_at IS NULL`,
		"impersonations": `SELECT count(*) FROM igny8_impersonations WHERE tenant_id = ? AND ended_at IS NULL`,
	} {
		if n := w.count(query, a.id); n != 0 {
			t.Errorf("%d %s are left", n, what)
		}
	}
	for what, query := range map[string]string{
		"slug":        `SELECT count(*) FROM igny8_slug_directory WHERE tenant_id = ?`,
		"pending":     `SELECT count(*) FROM igny8_payments WHERE tenant_id = ? AND status = 'pending'`,
		"open hold":   `SELECT count(*) FROM igny8_credit_holds WHERE tenant_id = ? AND status = 'open'`,
		"acceptances": `SELECT count(*) FROM igny8_invitations WHERE tenant_id = ? AND accepted_at IS NOT NULL AND revoked_at IS NULL`,
	} {
		if n := w.count(query, a.id); n != 1 {
			t.Errorf("%d of %s are left, want 1", n, what)
		}
	}
	if n := w.count(kept, a.id); n != credits {
		t.Error("the credits were touched")
	}
	if diff := cmp.Diff(neighbour, b.everything()); diff != "" {
		t.Errorf("the neighbour changed:\n%s", diff)
	}
	var told string
	w.scan(&told, `SELECT action || ' ' || actor_kind || ' ' || (before->>'status') || ' ' || (after->>'reason') || ' ' || (after->>'restoreUntil')
		FROM igny8_audit_events WHERE tenant_id = ? ORDER BY id DESC LIMIT 1`, a.id)
	if told != "account.deleted user active moved on "+over.Format(time.RFC3339Nano) {
		t.Errorf("the log says %q", told)
	}
}

func TestDeleteAccount_FreesItsAddressesAndKeepsItsSlug(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.delete(now)
	again := w.reopen(a.owner.User.Email, a.owner.Account.Name)
	if again.slug == a.slug || !strings.HasPrefix(again.slug, a.slug) {
		t.Errorf("the new account is %s, the deleted one %s", again.slug, a.slug)
	}
}

func TestDeleteAccount_TellsAllThatIsWrongAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.live()
	before := a.everything()
	wants(t, a.tryDelete(a.owner, now, retention.Deletion{}), "INVALID at confirm")
	wants(t, a.tryDelete(a.owner, now, retention.Deletion{Confirm: a.slug + "x", Reason: strings.Repeat("ä", 501)}),
		"INVALID at confirm", "TOO_LONG at reason")
	wants(t, a.tryDelete(a.owner, now, retention.Deletion{Confirm: a.slug, Reason: "nul \x00"}), "INVALID at reason")
	if diff := cmp.Diff(before, a.everything()); diff != "" {
		t.Errorf("a refusal wrote:\n%s", diff)
	}
}

func TestDeleteAccount_RefusesWhoeverIsNoOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.open(), w.open()
	second := a.person(account.Owner)
	in := retention.Deletion{Confirm: a.slug}

	key := account.Actor{Key: &account.Key{ID: 1, TenantID: a.id}, Account: a.owner.Account}
	staff := account.Actor{
		User: &account.User{ID: a.owner.User.ID, TenantID: b.id, Role: account.Developer}, Account: a.owner.Account,
		Impersonation: &account.Impersonation{ID: 1, TenantID: a.id},
	}
	stranger := b.owner
	stranger.Account = a.owner.Account
	for _, actor := range []account.Actor{a.person(account.Admin), a.person(account.Viewer), key, staff, stranger} {
		wants(t, a.tryDelete(actor, now, in), "FORBIDDEN")
	}
	// What the actor was when the request began is not what counts.
	a.exec(`UPDATE igny8_users SET role = 'admin' WHERE tenant_id = ? AND id = ?`, a.id, second.User.ID)
	wants(t, a.tryDelete(second, now, in), "FORBIDDEN")
	a.exec(`UPDATE igny8_users SET role = 'owner' WHERE tenant_id = ? AND id = ?`, a.id, second.User.ID)
	a.remove(second.User, now)
	wants(t, a.tryDelete(second, now, in), "FORBIDDEN")
	if n := w.count(`SELECT count(*) FROM igny8_tenants WHERE deleted_at IS NOT NULL`); n != 0 {
		t.Error("the account was deleted")
	}
}

func TestDeleteAccount_RefusesSystemAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	a.exec(`UPDATE igny8_tenants SET is_system = true WHERE id = ?`, a.id)
	wants(t, a.tryDelete(a.owner, now, retention.Deletion{Confirm: a.slug}), "INVALID_STATE")
}

func TestDeleteAccount_HappensOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	got := tally(t, race(20, func(int) error { return a.tryDelete(a.owner, now, retention.Deletion{Confirm: a.slug}) }))
	if want := map[string]int{"ok": 1, string(fault.NotFound): 19}; !cmp.Equal(got, want) {
		t.Errorf("20 at once: %v, want %v", got, want)
	}
	if n := len(a.letters()); n != 1 {
		t.Errorf("%d letters", n)
	}
}

func TestDeleteAccount_MailsEachOwnerATicketOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.open()
	second := a.person(account.Owner)
	a.person(account.Admin)
	a.remove(a.person(account.Owner).User, now.Add(-time.Hour))
	a.delete(now)

	tickets := a.tickets()
	want := []string{a.owner.User.Email, second.User.Email}
	got := []string{}
	for email, of := range tickets {
		got = append(got, email)
		if len(of) != 1 || !strings.HasPrefix(of[0], "igny8_restore_") {
			t.Errorf("%s got %d tickets", email, len(of))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("mailed to %v, want %v", got, want)
	}
	if tickets[want[0]][0] == tickets[want[1]][0] {
		t.Error("both owners got one ticket")
	}
	for _, l := range a.letters() {
		who := "You deleted"
		if l.To != a.owner.User.Email {
			who = a.owner.User.Email + " deleted"
		}
		if !strings.Contains(l.Text, who) || !strings.Contains(l.Text, "14 April 2024, 09:30 UTC") ||
			strings.ContainsAny(l.Subject, "\r\n") {
			t.Errorf("the letter reads %+v", l)
		}
	}
	if n := w.count(`SELECT count(*) FROM igny8_mails WHERE tenant_id = ? AND kind = 'account_deleted'`, a.id); n != 2 {
		t.Errorf("%d letters are known as what they are", n)
	}
	for _, text := range a.everything() {
		for _, of := range tickets {
			if strings.Contains(text, of[0]) {
				t.Errorf("a ticket is kept in the clear: %s", text)
			}
		}
	}
}
