package graph

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/retention"
)

// export asks for the account's data with an Authorization header; "X-API-Key: …" stands for that one.
func (s *scene) export(authorization string) *reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/export.json", http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	if key, found := strings.CutPrefix(authorization, "X-API-Key: "); found {
		req.Header.Set("X-API-Key", key)
	} else if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	r := &reply{answer: &answer{t: s.t, text: string(text)}, status: resp.StatusCode, header: resp.Header}
	if err := json.Unmarshal(text, r.answer); err != nil {
		s.t.Fatalf("%v in %s", err, text)
	}
	if err := json.Unmarshal(text, &r.Data); err != nil {
		s.t.Fatalf("%v in %s", err, text)
	}
	return r
}

func (c *caller) authorization() string { return c.header["Authorization"] }

func TestExport_GivesOwnersAllAndEverybodyElseNothing(t *testing.T) {
	t.Parallel()
	s, o, owner, first, second := partnered(t)
	staff := s.as(s.staff().token)
	people := map[string]*caller{}
	for _, role := range []account.Role{account.Viewer, account.Editor, account.Admin} {
		people[string(role)] = s.as(o.member(string(role)+"@example.com", role).token)
	}
	secret, id := owner.makeKey(first, "SITES_READ", "CREDITS", "SYNC")
	s.withKey(secret).synced("post-1", nil).done()
	owner.run("spendCredits", map[string]any{"operation": "CLUSTERING", "siteId": second, "idempotencyKey": "k"}, "").done()
	owner.run("requestBankTransfer", map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": "k"}, "").done()
	acting := s.as(staff.run("impersonate", map[string]any{"accountId": o.accountID(), "reason": "a support ticket", "minutes": 5}, "accessToken").done().str("accessToken"))
	neighbour := s.as(s.signUp("neighbour@example.com", "Neighbour").token)

	for who, authorization := range map[string]string{
		"nobody": "", "a viewer": people["viewer"].authorization(), "an editor": people["editor"].authorization(),
		"an admin": people["admin"].authorization(), "a key": "X-API-Key: " + secret, "staff who act for it": acting.authorization(),
	} {
		r, want, status := s.export(authorization), "FORBIDDEN", http.StatusForbidden
		if who == "nobody" {
			want, status = "UNAUTHENTICATED", http.StatusUnauthorized
		}
		if r.code() != want || r.status != status || strings.Contains(r.text, "account\"") {
			t.Errorf("%s: %d %s", who, r.status, r.text)
		}
	}
	whole := func(r *reply) *reply {
		t.Helper()
		if r.status != http.StatusOK || r.header.Get("Content-Disposition") != `attachment; filename="igny8-owner.json"` {
			t.Fatalf("%d %v %s", r.status, r.header, r.text)
		}
		r.want("complete", true).want("account.slug", "owner").want("people.0.email", "owner@example.com")
		for list, n := range map[string]int{
			"people": 4, "sites": 2, "apiKeys": 1, "syncEvents": 1, "ledger": 2, "payments": 1, "periods": 1,
		} {
			if got, _ := r.Data[list].([]any); len(got) != n {
				t.Errorf("%d %s are exported, want %d", len(got), list, n)
			}
		}
		for _, secret := range []string{secret[24:], "neighbour@example.com", "argon2id", "staff@example.com"} {
			if strings.Contains(r.text, secret) {
				t.Errorf("the export holds %s", secret)
			}
		}
		return r
	}
	whole(s.export(owner.authorization())).want("apiKeys.0.id", id)
	owner.do(`{ account { auditEvents(filter: { action: "account.exported" }) { totalCount } } }`, nil).ok().want("account.auditEvents.totalCount", 1)
	if r := s.export(neighbour.authorization()); strings.Contains(r.text, "owner@example.com") || r.status != http.StatusOK {
		t.Errorf("the neighbour's export: %s", r.text)
	}
	for _, status := range []account.Status{account.Suspended, account.Cancelled, account.PendingPayment} {
		s.exec(`UPDATE igny8_tenants SET status = ? WHERE id = ?`, status, o.accountNumber())
		whole(s.export(owner.authorization())).want("account.status", status)
	}
}

func TestDeletedAccount_IsAbsentEverywhereUntilItIsRestored(t *testing.T) {
	t.Parallel()
	s, o, owner, first, _ := partnered(t)
	number, accountID := o.accountNumber(), o.accountID()
	staff := s.as(s.staff().token)
	admin := s.as(o.member("admin@example.com", account.Admin).token)
	secret, _ := owner.makeKey(first, "SITES_READ")
	owner.run("inviteMember", map[string]any{"email": "guest@example.com", "role": "VIEWER"}, "").done()
	invitation := s.token("guest@example.com", "accept-invitation")
	s.nobody().run("requestPasswordReset", map[string]any{"email": "owner@example.com"}, "").done()
	reset := s.token("owner@example.com", "reset-password")
	acting := s.as(staff.run("impersonate", map[string]any{"accountId": accountID, "reason": "a support ticket", "minutes": 5}, "accessToken").done().str("accessToken"))
	before := owner.do(everythingOwned, nil).ok().text

	remove := func(by *caller, confirm string) *reply {
		return by.run("deleteAccount", map[string]any{"confirm": confirm, "reason": "we close the shop"}, "restoreUntil")
	}
	remove(admin, "owner").refused("FORBIDDEN")
	remove(acting, "owner").refused("FORBIDDEN")
	remove(owner, "another").faults("INVALID input confirm")
	owner.do(whoAmI, nil).ok()
	until := instantOf(t, remove(owner, " owner ").done().get("restoreUntil"))
	if d := until.Sub(s.clock.now()); d < 14*24*time.Hour-time.Minute || d > 14*24*time.Hour {
		t.Errorf("it can be restored until %s", until)
	}
	for who, c := range map[string]*caller{"the owner": owner, "an admin": admin, "a key": s.withKey(secret), "staff who acted": acting} {
		if r := c.do(whoAmI, nil); r.code() != "UNAUTHENTICATED" {
			t.Errorf("%s: %s", who, r.text)
		}
	}
	s.refresh(o.refresh).faults("INVALID_CREDENTIALS input refreshToken")
	gone, never := s.entering("owner@example.com", password), s.entering("nobody@example.com", password)
	gone.faults("INVALID_CREDENTIALS")
	if gone.text != never.text {
		t.Errorf("deleted: %s\nnever there: %s", gone.text, never.text)
	}
	s.accepting(invitation).faults("INVALID_CREDENTIALS input token")
	s.nobody().run("resetPassword", map[string]any{"token": reset, "newPassword": otherPassword}, sessionFields).faults("INVALID_CREDENTIALS input token")
	staff.do(`query($id: ID!) { staffAccount(id: $id) { id } accounts(filter: { search: "owner" }) { totalCount } }`, map[string]any{"id": accountID}).ok().
		want("staffAccount", "<nil>").want("accounts.totalCount", 0)
	s.signUp("admin@example.com", "Somebody Else") // the address is free

	ticket := s.token("owner@example.com", "restore-account")
	s.nobody().run("restoreAccount", map[string]any{"token": ticket[:len(ticket)-1] + flip(ticket)}, sessionFields).faults("INVALID_CREDENTIALS input token")
	back, _ := s.nobody().run("restoreAccount", map[string]any{"token": ticket}, sessionFields).signedIn(s.api)
	s.nobody().run("restoreAccount", map[string]any{"token": ticket}, sessionFields).faults("INVALID_CREDENTIALS input token")
	if after := back.do(everythingOwned, nil).ok().text; after != before {
		t.Errorf("it was\n%s\nand is\n%s", before, after)
	}
	s.withKey(secret).do(whoAmI, nil).ok()
	owner.do(whoAmI, nil).refused("UNAUTHENTICATED") // sessions stay ended
	// Whose address signs in somebody else by now has left.
	back.do(`{ members { totalCount } account { removedMembers { nodes { email } } } }`, nil).ok().
		want("members.totalCount", 1).want("account.removedMembers.nodes.0.email", "admin@example.com")
	if n := scan[int](s.api, `SELECT count(*) FROM igny8_audit_events WHERE tenant_id = ? AND action IN ('account.deleted', 'account.restored')`, number); n != 2 {
		t.Errorf("%d events", n)
	}
}

// everythingOwned is what an owner finds again.
const everythingOwned = `{ account { id name slug status plan { slug } owner { email } credits { balance grants { remaining } } subscription { status currentPeriodEnd } }
	sites { nodes { id name domain apiKeys { id status } } } creditTransactions { nodes { seq amount } } }`

func TestDeletedAccount_IsGoneForGoodWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	s, o, owner, first, _ := partnered(t)
	number := o.accountNumber()
	secret, _ := owner.makeKey(first, "SITES_READ")
	owner.run("deleteAccount", map[string]any{"confirm": "owner"}, "restoreUntil").done()
	ticket := s.token("owner@example.com", "restore-account")
	purge := func() int {
		n, err := retention.Purge(t.Context(), s.r.DB, s.clock.now())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := purge(); n != 0 {
		t.Fatalf("%d were purged before their time", n)
	}
	s.exec(`UPDATE igny8_tenants SET deleted_at = now() - interval '15 days', restore_until = now() - interval '1 second' WHERE id = ?`, number)
	if n := purge(); n != 1 {
		t.Errorf("%d were purged", n)
	}
	s.nobody().run("restoreAccount", map[string]any{"token": ticket}, sessionFields).faults("INVALID_CREDENTIALS input token")
	s.withKey(secret).do(whoAmI, nil).refused("UNAUTHENTICATED")
	for _, text := range []string{"owner@example.com", "first.example.com", "Plugin"} {
		if found := s.holding(text); len(found) > 0 {
			t.Errorf("%s is still in %v", text, found)
		}
	}
	s.signUp("owner@example.com", "Owner").do(`{ account { slug } sites { totalCount } }`, nil).ok().want("sites.totalCount", 0)
}

// holding are the tables of which a row holds the text.
func (a *api) holding(text string) []string {
	a.t.Helper()
	found := []string{}
	for table := range strings.FieldsSeq(scan[string](a, `SELECT string_agg(format('%I', tablename), ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'`)) {
		if scan[bool](a, `SELECT EXISTS (SELECT FROM `+table+` AS t WHERE strpos(t::text, ?) > 0)`, text) {
			found = append(found, table)
		}
	}
	return found
}
