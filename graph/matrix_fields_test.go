package graph

import "strings"

// accountFields are fields of Account: through the caller's account, and for staff through staffAccount.
func accountFields() []*operation {
	const page = "(first: 100) { nodes { id } }"
	var ops []*operation
	for _, f := range []struct{ field, selection, targets, shows string }{
		{"owner", "owner { id }", "-", ""},
		{"subscription", "subscription { id }", "-", ""},
		{"credits", "credits { balance grants { id } }", "-", ""},
		{"billingEmail", "billingEmail", "-", ""},
		{"balance", "balance { amount }", "-", ""},
		{"taxRate", "taxRate", "-", ""},
		{"taxId", "taxId", "-", ""},
		{"limits", "limits { sites { used } }", "-", ""},
		{"deletionRetentionDays", "deletionRetentionDays", "-", ""},
		{"sites", "sites" + page, "own sibling foreign", "site"},
		{"deletedSites", "deletedSites" + page, "own foreign", "deletedSite"},
		{"members", "members" + page, "own foreign", "user"},
		{"removedMembers", "removedMembers" + page, "own foreign", "removed"},
		{"invitations", "invitations" + page, "own foreign", "invitation"},
		{"ledger", "ledger" + page, "own sibling foreign", "line"},
		{"payments", "payments" + page, "own foreign", "payment"},
		{"auditEvents", "auditEvents(last: 100) { nodes { id } }", "own foreign", "evt"},
	} {
		name := "Account." + f.field
		op := lookUp(name, "{ account { "+f.selection+" } }", "account."+f.field, f.targets)
		op.shows = f.shows
		of := lookUp(name+":staffAccount", "query($id: ID!) { staffAccount(id: $id) { "+f.selection+" } }", "staffAccount."+f.field, "own").byID("account")
		of.shows, of.only, of.byStaff = f.shows, "developer", true
		ops = append(ops, op, of)
	}
	return ops
}

// siteFields are fields of Site, through site.
func siteFields() []*operation {
	var ops []*operation
	for _, f := range [][2]string{
		{"removedSectors", "removedSectors { id }"},
		{"budget", "budget { left }"},
		{"grantedUsers", "grantedUsers { id }"},
		{"apiKeys", "apiKeys { id }"},
		{"wordPress", "wordPress { url }"},
		{"syncEvents", "syncEvents { nodes { id } }"},
	} {
		ops = append(ops, lookUp("Site."+f[0], "query($id: ID!) { site(id: $id) { "+f[1]+" } }", "site."+f[0], "own sibling foreign").byID("site"))
	}
	return ops
}

func otherFields() []*operation {
	viewer := func(field, selection string) *operation {
		return lookUp("Viewer."+field, "{ viewer { "+selection+" } }", "viewer."+field, "-")
	}
	line := func(name, selection, kind, targets string) *operation {
		path, _, _ := strings.Cut(selection, " {")
		op := lookUp(name, "query($id: ID!) { node(id: $id) { ... on CreditTransaction { "+selection+" } } }", "node."+path, targets).byID(kind)
		return op
	}
	actor := line("Actor.apiKey", "actor { kind apiKey { id } }", "keysLine", "own sibling foreign")
	actor.path = "node.actor.apiKey"
	person := line("Actor.user", "actor { kind user { id } }", "line", "own sibling foreign")
	person.path = "node.actor.user"
	return []*operation{
		viewer("user", "user { id }"),
		viewer("apiKey", "apiKey { id }"),
		viewer("site", "site { id }"),
		viewer("impersonator", "impersonator { id }"),
		viewer("sessions", "sessions { nodes { id } }"),
		lookUp("User.lastLoginAt", `{ viewer { user { lastLoginAt } } }`, "viewer.user.lastLoginAt", "self"),
		lookUp("User.lastLoginAt:owner", `{ account { owner { lastLoginAt } } }`, "account.owner.lastLoginAt", "-"),
		lookUp("Subscription.externalPaymentId", `{ account { subscription { externalPaymentId } } }`, "account.subscription.externalPaymentId", "-"),
		lookUp("Subscription.stripeSubscriptionId", `{ account { subscription { stripeSubscriptionId } } }`,
			"account.subscription.stripeSubscriptionId", "-"),
		lookUp("Credits.verification", `{ account { credits { verification { ok } } } }`, "account.credits.verification", "-"),
		lookUp("Credits.runOut", `{ account { credits { runOut { at dailyRate } } } }`, "account.credits.runOut", "-"),
		line("CreditTransaction.grants", "grants { amount grant { id } }", "line", "own sibling siteless foreign"),
		line("CreditTransaction.site", "site { id }", "line", "own sibling foreign"),
		actor, person,
	}
}
