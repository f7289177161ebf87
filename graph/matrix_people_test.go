package graph

func signingIn() []*operation {
	const session = "session.expiresAt"
	credentials := func(c cell) fields {
		if c.target == "none" {
			return fields{"email": "nobody@own.test", "password": password}
		}
		return fields{"email": "owner@own.test", "password": password}
	}
	return []*operation{
		mutation("signUp", session, "-", always(fields{"email": "new@own.test", "password": password, "name": "New"})),
		mutation("logIn", session, "own", credentials),
		mutation("refreshSession", session, "own none", onlyID("refreshToken", "refresh")),
		mutation("logOut", "", "-", always(fields{})),
		mutation("logOut:refreshToken", "", "self own foreign", onlyID("refreshToken", "refresh")),
		mutation("logOutEverywhere", "", "-", always(fields{})),
		mutation("revokeSession", "", "self own foreign", onlyID("sessionId", "session")),
		mutation("changePassword", "", "-", always(fields{"currentPassword": password, "newPassword": "amber-glacier-77-compass"})),
		mutation("updateProfile", "user.id", "-", always(fields{"name": "Renamed"})),
		mutation("requestPasswordReset", "", "own none", func(c cell) fields { return fields{"email": credentials(c)["email"]} }),
		mutation("resetPassword", session, "own none", func(c cell) fields {
			return fields{"token": c.id("reset"), "newPassword": "amber-glacier-77-compass"}
		}),
		mutation("requestEmailVerification", "", "-", always(fields{})),
		mutation("verifyEmail", "", "own none", onlyID("token", "verify")),
	}
}

func accountAndPeople() []*operation {
	to := func(role string) func(c cell) fields {
		return func(c cell) fields { return fields{"userId": c.id("user"), "role": role} }
	}
	return []*operation{
		mutation("updateAccount", "account.id", "-", always(fields{"name": "Renamed"})),
		mutation("deleteAccount", "restoreUntil", "-", func(c cell) fields {
			return fields{"confirm": scan[string](c.w.api, `SELECT slug FROM igny8_tenants WHERE id = ?`, number(c.w.of("account", "own")))}
		}),
		mutation("restoreAccount", "session.expiresAt", "own none", onlyID("token", "restore")),
		mutation("transferOwnership", "account.id", "own self foreign", onlyID("userId", "user")),
		mutation("inviteMember", "invitation.id", "-", always(fields{"email": "new@own.test", "role": "ADMIN"})),
		mutation("inviteMember:OWNER", "invitation.id", "-", always(fields{"email": "new@own.test", "role": "OWNER"})),
		mutation("inviteMember:siteIds", "invitation.id", "own sibling foreign", func(c cell) fields {
			return fields{"email": "new@own.test", "role": "EDITOR", "siteIds": []string{c.id("site")}}
		}),
		mutation("revokeInvitation", "invitation.id", "own foreign", onlyID("invitationId", "invitation")),
		mutation("acceptInvitation", "session.expiresAt", "own none", func(c cell) fields {
			return fields{"token": c.id("invite"), "name": "New", "password": password}
		}),
		mutation("changeMemberRole", "user.id", "own owner self foreign", to("EDITOR")),
		mutation("changeMemberRole:OWNER", "user.id", "own foreign", to("OWNER")),
		mutation("removeMember", "user.id", "own owner self foreign", onlyID("userId", "user")),
		mutation("restoreMember", "user.id", "own foreign", onlyID("userId", "removed")),
		mutation("grantSiteAccess", "site.id", "own sibling foreign stranger", access),
		mutation("revokeSiteAccess", "site.id", "own sibling foreign stranger", access),
	}
}

// access is about the target's site and a colleague or, for a stranger, about the own site and somebody of
// another account.
func access(c cell) fields {
	if c.target == "stranger" {
		return fields{"siteId": c.w.of("site", "own"), "userId": c.w.of("user", "foreign")}
	}
	return fields{"siteId": c.id("site"), "userId": c.w.of("user", "own")}
}

func sitesAndSectors() []*operation {
	site, sector := onlyID("siteId", "site"), onlyID("sectorId", "sector")
	return []*operation{
		mutation("createSite", "site.id", "-", always(fields{"name": "New", "domain": "new.own.test", "industryId": "ind_1"})),
		mutation("updateSite", "site.id", "own sibling foreign", func(c cell) fields { return fields{"siteId": c.id("site"), "name": "Renamed"} }),
		mutation("deleteSite", "site.id", "own sibling foreign", site),
		mutation("restoreSite", "site.id", "own foreign", onlyID("siteId", "deletedSite")),
		mutation("addSector", "sector.id", "own sibling foreign", func(c cell) fields {
			return fields{"siteId": c.id("site"), "industrySectorId": "isec_3"}
		}),
		mutation("updateSector", "sector.id", "own sibling foreign", func(c cell) fields {
			return fields{"sectorId": c.id("sector"), "name": "Renamed"}
		}),
		mutation("restoreSector", "sector.id", "own sibling foreign", onlyID("sectorId", "removedSector")),
		mutation("removeSector", "site.id", "own sibling foreign", sector),
	}
}

func partnersOperations() []*operation {
	const all = "own sibling foreign"
	return []*operation{
		mutation("connectWordPress", "wordPress.url", all, func(c cell) fields { return c.w.wordPress(c.id("site")) }),
		mutation("checkWordPress", "wordPress.checkedAt", all, onlyID("siteId", "site")),
		mutation("disconnectWordPress", "site.id", all, onlyID("siteId", "site")),
		mutation("createSiteApiKey", "secret apiKey.id", all, func(c cell) fields {
			return fields{"siteId": c.id("site"), "name": "New", "scopes": []string{"SITES_READ"}}
		}),
		mutation("rotateSiteApiKey", "secret apiKey.id", all, onlyID("apiKeyId", "apiKey")),
		mutation("revokeSiteApiKey", "apiKey.id", all, onlyID("apiKeyId", "apiKey")),
		mutation("recordSyncEvent", "event.id", "-", always(syncEvent("second"))),
	}
}
