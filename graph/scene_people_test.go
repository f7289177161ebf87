package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
)

// invited invites an address, and accepts by the letter that comes there.
func (s *scene) invited(by *caller, email, role string) *caller {
	s.t.Helper()
	by.run("inviteMember", map[string]any{"email": email, "role": role}, "invitation { id }").done()
	joined, _ := s.accepting(s.token(email, "accept-invitation")).signedIn(s.api)
	return joined
}

func (a *api) accepting(token string) *reply {
	a.t.Helper()
	return a.nobody().run("acceptInvitation", map[string]any{"token": token, "name": "Somebody", "password": password}, sessionFields)
}

// id is the caller's own as a person.
func (c *caller) id() string {
	c.t.Helper()
	return c.do(whoAmI, nil).ok().str("viewer.user.id")
}

// makeSite is the id of a new site.
func (c *caller) makeSite(name string) string {
	c.t.Helper()
	return c.run("createSite", map[string]any{"name": name, "domain": strings.ToLower(name) + ".example.com"}, "site { id }").done().str("site.id")
}

func TestInvitation_MakesAMemberWhoSeesTheSitesTheyAreGrantedAndNoOther(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.signUp("owner@example.com", "Owner")
	s.setPlan(o, "growth")
	owner := s.as(o.token)
	first, second := owner.makeSite("First"), owner.makeSite("Second")
	owner.run("inviteMember", map[string]any{"email": "ed@example.com", "role": "EDITOR"}, "invitation { id status }").done().
		want("invitation.status", "PENDING")
	token := s.token("ed@example.com", "accept-invitation")
	const preview = `query($token: String!) { invitationByToken(token: $token) { accountName email role } }`
	s.nobody().do(preview, map[string]any{"token": token}).ok().want("invitationByToken.accountName", "Owner").
		want("invitationByToken.email", "ed@example.com").want("invitationByToken.role", "EDITOR")
	s.nobody().do(preview, map[string]any{"token": token + "0"}).ok().want("invitationByToken", "<nil>")
	editor, _ := s.accepting(token).signedIn(s.api)
	s.nobody().do(preview, map[string]any{"token": token}).ok().want("invitationByToken", "<nil>")
	s.accepting(token).faults("INVALID_CREDENTIALS input token")
	editor.do(`{ viewer { role emailVerifiedAt account { name limits { users { used } } } } }`, nil).ok().
		want("viewer.role", "EDITOR").want("viewer.account.name", "Owner").want("viewer.account.limits.users.used", 2)

	const everywhere = `query($id: ID!) { site(id: $id) { name } node(id: $id) { id } nodes(ids: [$id]) { id }
		sites { totalCount nodes { name } } account { sites { totalCount } } }`
	look := func(id string) *answer { return editor.do(everywhere, map[string]any{"id": id}).ok() }
	blank := look("site_987654321").want("sites.totalCount", 0).want("account.sites.totalCount", 0)
	for _, id := range []string{first, second} {
		if got := look(id); got.text != blank.text {
			t.Errorf("before a grant %s is %s", id, got.text)
		}
	}
	access := func(name, id string) *reply {
		return owner.run(name, map[string]any{"siteId": id, "userId": editor.id()}, "site { id grantedUsers { email } }")
	}
	access("grantSiteAccess", first).done().want("site.grantedUsers.0.email", "ed@example.com")
	look(first).want("site.name", "First").want("node.id", first).want("nodes.0.id", first).
		want("sites.totalCount", 1).want("sites.nodes.0.name", "First").want("account.sites.totalCount", 1)
	if got, never := look(second), look("site_987654321"); got.text != never.text {
		t.Errorf("the site that was not granted: %s", got.text)
	}
	// Of the account's sites a member's limits tell the number, which is the plan's business.
	editor.do(`{ account { limits { sites { used } } } }`, nil).ok().want("account.limits.sites.used", 2)
	access("revokeSiteAccess", first).done().want("site.grantedUsers", "[]")
	if got := look(first); got.text != blank.text {
		t.Errorf("after the grant was taken: %s", got.text)
	}
	editor.run("updateSite", map[string]any{"siteId": first, "name": "Mine"}, "site { id }").faults("NOT_FOUND input siteId")
}

func TestMembers_LoseTheirSessionsWithTheirRoleAndTheirPlace(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.signUp("owner@example.com", "Owner")
	s.setPlan(o, "scale")
	owner := s.as(o.token)
	viewer, admin := s.invited(owner, "vi@example.com", "VIEWER"), s.invited(owner, "ad@example.com", "ADMIN")
	ownerID, viewerID, adminID := owner.id(), viewer.id(), admin.id()
	role := func(by *caller, id, to string) *reply {
		return by.run("changeMemberRole", map[string]any{"userId": id, "role": to}, "user { role }")
	}
	remove := func(by *caller, id string) *reply {
		return by.run("removeMember", map[string]any{"userId": id}, "user { id }")
	}
	// Nobody grants above themselves or changes who is; an owner stays.
	role(admin, viewerID, "OWNER").faults("INVALID input role")
	role(admin, ownerID, "VIEWER").faults("INVALID_STATE input userId")
	remove(admin, ownerID).faults("INVALID_STATE input userId")
	admin.run("inviteMember", map[string]any{"email": "boss@example.com", "role": "OWNER"}, "").faults("INVALID input role")
	role(owner, ownerID, "ADMIN").faults("LAST_OWNER input userId")
	remove(owner, ownerID).faults("LAST_OWNER input userId")
	for _, special := range []string{"DEVELOPER", "SYSTEM_BOT"} {
		role(owner, viewerID, special).faults("INVALID input role")
	}
	role(viewer, viewerID, "ADMIN").refused("FORBIDDEN")

	role(owner, viewerID, "EDITOR").done().want("user.role", "EDITOR")
	viewer.do(whoAmI, nil).refused("UNAUTHENTICATED")
	editor, refresh := s.entering("vi@example.com", password).signedIn(s.api)
	editor.do(whoAmI, nil).ok().want("viewer.role", "EDITOR")

	remove(admin, viewerID).done()
	editor.do(whoAmI, nil).refused("UNAUTHENTICATED")
	s.refresh(refresh).faults("INVALID_CREDENTIALS input refreshToken")
	gone, never := s.entering("vi@example.com", password), s.entering("nobody@example.com", password)
	gone.faults("INVALID_CREDENTIALS")
	if gone.text != never.text {
		t.Errorf("removed: %s\nnever there: %s", gone.text, never.text)
	}
	const people = `query($id: ID!) { node(id: $id) { id } members { nodes { email } } account { removedMembers { nodes { email } } limits { users { used } } } }`
	look := func() *answer { return owner.do(people, map[string]any{"id": viewerID}).ok() }
	look().want("node", "<nil>").want("account.removedMembers.nodes.0.email", "vi@example.com").want("account.limits.users.used", 2)
	admin.run("restoreMember", map[string]any{"userId": viewerID}, "user { role }").done().want("user.role", "EDITOR")
	look().want("node.id", viewerID).want("account.removedMembers.nodes", "[]").want("account.limits.users.used", 3)
	editor.do(whoAmI, nil).refused("UNAUTHENTICATED")
	s.entering("vi@example.com", password).done()

	owner.run("transferOwnership", map[string]any{"userId": adminID}, "account { owner { email } }").done().
		want("account.owner.email", "ad@example.com")
	for _, c := range []*caller{owner, admin} {
		c.do(whoAmI, nil).refused("UNAUTHENTICATED")
	}
	was, _ := s.entering("owner@example.com", password).signedIn(s.api)
	now, _ := s.entering("ad@example.com", password).signedIn(s.api)
	was.do(whoAmI, nil).ok().want("viewer.role", "ADMIN")
	now.do(whoAmI, nil).ok().want("viewer.role", "OWNER")
	was.run("transferOwnership", map[string]any{"userId": ownerID}, "").refused("FORBIDDEN")
	remove(was, adminID).faults("INVALID_STATE input userId")

	// Who is removed for longer than the retention time stays away.
	remove(now, viewerID).done()
	s.clock.forward(15 * 24 * time.Hour)
	again, _ := s.entering("ad@example.com", password).signedIn(s.api)
	again.run("restoreMember", map[string]any{"userId": viewerID}, "").faults("NOT_FOUND input userId")
}

func TestInvitations_FillThePlansSeatsAndNoMoreUnderFiftyAcceptsAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.signUp("owner@example.com", "Owner")
	owner := s.as(o.token)
	invite := func(i int) *reply {
		return owner.run("inviteMember", map[string]any{"email": fmt.Sprintf("p%d@example.com", i), "role": "EDITOR"}, "invitation { id }")
	}
	s.setPlan(o, "starter") // two people
	invite(0).done()
	invite(1).faults("PLAN_LIMIT_REACHED input email") // the first has the last seat already
	s.setPlan(o, "enterprise")
	const crowd = 50
	for i := 1; i < crowd; i++ {
		invite(i).done()
	}
	tokens := make([]string, crowd)
	for i := range tokens {
		tokens[i] = s.token(fmt.Sprintf("p%d@example.com", i), "accept-invitation")
	}
	s.setPlan(o, "scale") // five people
	outcomes := s.race(tokens)
	if outcomes["joined"] != 4 || outcomes["PLAN_LIMIT_REACHED"] != crowd-4 {
		t.Errorf("five seats: %v", outcomes)
	}
	owner.do(`{ members { totalCount } }`, nil).ok().want("members.totalCount", 5)

	// One invitation, accepted fifty times at once, makes one member.
	s.setPlan(o, "enterprise")
	s.clock.forward(2 * time.Minute)
	owner, _ = s.entering("owner@example.com", password).signedIn(s.api)
	owner.run("inviteMember", map[string]any{"email": "one@example.com", "role": "EDITOR"}, "").done()
	same := make([]string, crowd)
	for i := range same {
		same[i] = s.token("one@example.com", "accept-invitation")
	}
	outcomes = s.race(same)
	if outcomes["joined"] != 1 || outcomes["INVALID_CREDENTIALS"] != crowd-1 {
		t.Errorf("one invitation: %v", outcomes)
	}
	if n := scan[int](s.api, `SELECT count(*) FROM igny8_users WHERE tenant_id = ? AND role <> ?`, o.accountNumber(), account.Owner); n != 5 {
		t.Errorf("%d people joined, want 4 and 1", n)
	}
}

// race accepts all invitations at once, and counts what came of them.
func (s *scene) race(tokens []string) map[string]int {
	s.t.Helper()
	codes := atOnce(len(tokens), func(i int) string {
		r, err := s.nobody().ask(s.t.Context(), mutationOf("acceptInvitation", sessionFields),
			input(map[string]any{"token": tokens[i], "name": "Somebody", "password": password}))
		if err != nil {
			return err.Error()
		}
		payload, _ := r.Data["acceptInvitation"].(map[string]any)
		switch {
		case payload == nil:
			return r.text
		case payload["session"] != nil:
			return "joined"
		default:
			return fmt.Sprint(payload["userErrors"].([]any)[0].(map[string]any)["code"])
		}
	})
	outcomes := map[string]int{}
	for _, code := range codes {
		outcomes[code]++
	}
	return outcomes
}
