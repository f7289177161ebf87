package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Whoever operates the service sees its log and its database, and whoever asks sees answers: in none of them
// is a password, a token or a key, wherever somebody put it.
func TestSecrets_AreInNoLogNoAnswerAndNoTable(t *testing.T) {
	t.Parallel()
	p := plant(t)
	owner, site := p.live()
	p.misplace(owner)
	p.misuse()
	p.breakDown(owner, site)
	if found := p.leaks(); len(found) > 0 {
		t.Errorf("%d leaks:\n%s", len(found), strings.Join(found, "\n"))
	}
	// Or nothing was looked at.
	log := p.log.String()
	for _, want := range []string{`"msg":"request"`, `"level":"ERROR"`, `"account":"acct_`, `"key":"key_`, `"path":"/graphql"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	if len(p.secrets) < 60 || len(p.answers) < 100 {
		t.Errorf("%d secrets were planted in %d requests", len(p.secrets), len(p.answers))
	}
	if rows := p.rows(); !strings.Contains(rows["igny8_users"], "owner@example.com") || !strings.Contains(rows["igny8_audit_events"], "api_key.created") {
		t.Error("the tables were not read")
	}
}

// live goes through everything that makes or takes a secret, as it is meant, and wrongly.
func (p *planted) live() (owner, site string) {
	first := p.secret("the password of sign-up")
	owner, refresh := p.enter("signUp", map[string]any{"email": "owner@example.com", "password": first, "name": "Owner"})
	for what, in := range map[string]map[string]any{
		"a password that is too short": {"email": "x@example.com", "password": p.secret("x")[:11], "name": "X"},
		"an address that is taken":     {"email": "owner@example.com", "password": p.secret("a taken address's password"), "name": "X"},
		"an address that is none":      {"email": "x", "password": p.secret("no address's password"), "name": strings.Repeat("x", 200)},
		"a password that is too long":  {"email": "x@example.com", "password": strings.Repeat(p.secret("a long password"), 4), "name": "X"},
	} {
		if payload := p.run("", "signUp", in, session); payload["session"] != nil {
			p.t.Errorf("%s signs up", what)
		}
	}
	for _, email := range []string{"owner@example.com", "nobody@example.com", "no address"} {
		p.run("", "logIn", map[string]any{"email": email, "password": p.secret("a wrong password of " + email)}, session)
	}
	p.run("", "verifyEmail", map[string]any{"token": p.mailed("verify-email", 0)}, "")
	for _, name := range []string{"verifyEmail", "restoreAccount"} {
		p.run("", name, map[string]any{"token": p.secret("a token made up for " + name)}, "")
	}
	p.run("", "refreshSession", map[string]any{"refreshToken": p.secret("a refresh token made up")}, session)
	p.run(owner, "logOut", map[string]any{"refreshToken": p.secret("a refresh token made up to log out")}, "")
	next := p.run("", "refreshSession", map[string]any{"refreshToken": refresh}, session)
	owner = "Bearer " + fmt.Sprint(dig(p.t, next, "session", "accessToken"))

	second := p.secret("the password after a change")
	p.run(owner, "changePassword", map[string]any{"currentPassword": p.secret("a wrong current password"), "newPassword": p.secret("x")[:9]}, "")
	p.run(owner, "changePassword", map[string]any{"currentPassword": first, "newPassword": second}, "")
	p.run("", "requestPasswordReset", map[string]any{"email": "owner@example.com"}, "")
	reset := p.mailed("reset-password", 0)
	p.run("", "resetPassword", map[string]any{"token": p.secret("a reset token made up"), "newPassword": p.secret("a reset's password")}, session)
	p.run("", "resetPassword", map[string]any{"token": reset, "newPassword": p.secret("x")[:8]}, session)
	third := p.secret("the password after a reset")
	owner, _ = p.enter("resetPassword", map[string]any{"token": reset, "newPassword": third})
	p.enter("logIn", map[string]any{"email": "owner@example.com", "password": third})

	if _, err := p.db.Admin.NewRaw(`UPDATE igny8_tenants SET status = 'active', plan_id = (SELECT id FROM igny8_plans WHERE slug = 'growth')`).Exec(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.run(owner, "inviteMember", map[string]any{"email": "guest@example.com", "role": "EDITOR"}, "invitation { id }")
	invitation := p.mailed("accept-invitation", 0)
	p.send(hostile{what: "invitationByToken", body: body(`query($t: String!) { invitationByToken(token: $t) { email } }`, map[string]any{"t": invitation})})
	p.run("", "acceptInvitation", map[string]any{"token": p.secret("an invitation made up"), "name": "G", "password": p.secret("a guest's refused password")}, session)
	p.enter("acceptInvitation", map[string]any{"token": invitation, "name": "G", "password": p.secret("the guest's password")})

	site = fmt.Sprint(dig(p.t, p.run(owner, "createSite", map[string]any{"name": "Shop", "domain": "shop.example.com"}, "site { id }"), "site", "id"))
	made := p.run(owner, "createSiteApiKey", map[string]any{"siteId": site, "name": "Plugin", "scopes": []string{"SITES_READ", "CREDITS", "SYNC"}}, "apiKey { id } secret")
	rotated := p.run(owner, "rotateSiteApiKey", map[string]any{"apiKeyId": dig(p.t, made, "apiKey", "id")}, "apiKey { id } secret")
	for _, key := range []any{made["secret"], rotated["secret"]} {
		p.send(hostile{what: "a key's read", body: body(`{ viewer { apiKey { id name prefix } } sites { nodes { id } } }`, nil), header: map[string]string{"X-API-Key": fmt.Sprint(key)}})
	}
	application := strings.TrimPrefix(p.secret("x"), "Planted")[:24]
	p.secrets[application] = "the application password"
	p.run(owner, "connectWordPress", map[string]any{"siteId": site, "url": "https://127.0.0.1", "username": "editor", "applicationPassword": application}, "wordPress { url }")
	p.run(owner, "connectWordPress", map[string]any{"siteId": site, "url": "https://wordpress.invalid", "username": "editor", "applicationPassword": application}, "wordPress { url }")
	p.run(owner, "connectWordPress", map[string]any{"siteId": site, "url": "https://x:" + p.secret("a password in a URL") + "@www.example.com", "username": "editor", "applicationPassword": p.secret("a bad application password")}, "wordPress { url }")
	p.run(owner, "checkWordPress", map[string]any{"siteId": site}, "wordPress { checkError }")
	p.send(hostile{what: "the export", method: http.MethodGet, target: "/export.json", header: map[string]string{"Authorization": owner}})
	p.impersonated(owner)

	p.run(owner, "deleteAccount", map[string]any{"confirm": "owner"}, "restoreUntil")
	owner, _ = p.enter("restoreAccount", map[string]any{"token": p.mailed("restore-account", 0)})
	return owner, site
}

// impersonated lets staff act for the account.
func (p *planted) impersonated(owner string) {
	staff, _ := p.enter("signUp", map[string]any{"email": "staff@example.com", "password": p.secret("staff's password"), "name": "Staff"})
	if _, err := p.db.Admin.NewRaw(`UPDATE igny8_users SET role = 'developer' WHERE email = 'staff@example.com'`).Exec(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	account := dig(p.t, p.send(hostile{what: "account", body: body(`{ account { id } }`, nil), header: map[string]string{"Authorization": owner}}), "account", "id")
	begun := p.run(staff, "impersonate", map[string]any{"accountId": account, "reason": "a support ticket", "minutes": 5}, "accessToken")
	p.send(hostile{what: "staff's read", body: body(`{ viewer { role } }`, nil), header: map[string]string{"Authorization": "Bearer " + fmt.Sprint(begun["accessToken"])}})
}

// misplace puts secrets where none belong.
func (p *planted) misplace(owner string) {
	who := body(`{ viewer { role } }`, nil)
	token := strings.TrimPrefix(owner, "Bearer ")
	headers := map[string]map[string]string{
		"a garbled token":         {"Authorization": "Bearer " + p.secret("a garbled token")},
		"a token cut short":       {"Authorization": "Bearer " + token[:len(token)-3] + p.secret("what follows a token")},
		"another scheme":          {"Authorization": "Basic " + p.secret("another scheme")},
		"no scheme":               {"Authorization": p.secret("no scheme")},
		"a key of our form":       {"X-API-Key": "igny8_live_" + p.secret("a key of our form")},
		"a key of another's form": {"X-API-Key": p.secret("a key of another's form")},
		"a key as a token":        {"Authorization": "Bearer igny8_live_" + p.secret("a key as a token")},
		"a key beside a token":    {"Authorization": owner, "X-API-Key": p.secret("a key beside a token")},
		"cookies":                 {"Cookie": "sessionid=" + p.secret("a session's cookie") + "; access_token=" + token},
		"a referrer":              {"Referer": "https://app.example.com/?token=" + p.secret("a token in a referrer")},
		"a proxy's claim":         {"X-Forwarded-For": p.secret("a proxy's claim"), "X-Request-Id": p.secret("a request's id"), "Forwarded": "for=" + p.secret("another claim")},
		"a foreign origin":        {"Origin": "https://" + p.secret("an origin") + ".example.com"},
		"other headers":           {"X-Auth-Token": p.secret("another header's token"), "Proxy-Authorization": "Basic " + p.secret("a proxy's password")},
		"a content type":          {"Content-Type": "text/" + p.secret("a content type")},
		"what is accepted":        {"Accept": "text/" + p.secret("what is accepted")},
	}
	for what, header := range headers {
		p.send(hostile{what: what, body: who, header: header})
		p.send(hostile{what: what + " for the export", method: http.MethodGet, target: "/export.json", header: header})
	}
	get := func(what, query string) {
		p.send(hostile{what: what, method: http.MethodGet, target: "/graphql?" + query})
	}
	get("a token in the query string", "query={viewer{role}}&token="+p.secret("a token in the query string"))
	get("a key in the query string", "query={viewer{role}}&api_key="+p.secret("a key in the query string")+"&access_token="+token)
	get("a mutation by GET", "query="+url.QueryEscape(`mutation { logIn(input: {email: "x@example.com", password: "`+p.secret("a password by GET")+`"}) { userErrors { code } } }`))
	get("variables by GET", "query={viewer{role}}&variables="+url.QueryEscape(`{"password":"`+p.secret("a variable by GET")+`"`))
	for _, path := range []string{"/", "/healthz", "/schema.graphql", "/nothing", "/export.json", "/.well-known/jwks.json"} {
		p.send(hostile{what: path, method: http.MethodGet, target: path + "?token=" + p.secret("a token in the query string of "+path)})
	}
}

// misuse writes operations and bodies that are none, with secrets in them.
func (p *planted) misuse() {
	for what, format := range map[string]string{
		"an unfinished operation":    `mutation { logIn(input: {email: "x@example.com", password: "%s"`,
		"an unfinished text":         `mutation { logIn(input: {email: "x@example.com", password: "%s`,
		"an unfinished block":        `mutation { logIn(input: {email: "x@example.com", password: """%s`,
		"a text where a name is":     `mutation { "%s" }`,
		"a text for an operation":    `"%s" { plans { slug } }`,
		"a block for an operation":   `"""%s""" { plans { slug } }`,
		"a text behind an operation": `{ plans { slug } } "%s"`,
		"a bad escape":               `mutation { logIn(input: {email: "x@example.com", password: "%s\q"}) { userErrors { code } } }`,
		"a text twice":               `mutation { logIn(input: {email: "x@example.com", password: "%s" "again"}) { userErrors { code } } }`,
		"an unknown field of input":  `mutation { logIn(input: {email: "x@example.com", password: "x", otp: "%s"}) { userErrors { code } } }`,
		"an unknown argument":        `mutation { logIn(password: "%s") { userErrors { code } } }`,
		"a list for a text":          `mutation { logIn(input: {email: "x@example.com", password: ["%s"]}) { userErrors { code } } }`,
		"an object for a text":       `mutation { logIn(input: {email: "x@example.com", password: {is: "%s"}}) { userErrors { code } } }`,
		"a text for an object":       `mutation { logIn(input: "%s") { userErrors { code } } }`,
		"a text for a number":        `{ sites(first: "%s") { totalCount } }`,
		"a text for an enum":         `{ estimateCredits(operation: "%s") { required } }`,
		"a text for an id":           `{ node(id: "%s") { id } }`,
		"a text for a cursor":        `{ sites(after: "%s") { totalCount } }`,
		"an unused variable":         `query($password: String = "%s") { plans { slug } }`,
		"a comment":                  "{ plans { slug } nonsense } # %s",
		"a directive's argument":     `{ plans { slug @include(if: "%s") } }`,
	} {
		p.send(hostile{what: what, body: body(fmt.Sprintf(format, p.secret(what)), nil)})
	}
	const logIn = `mutation($in: LogInInput!) { logIn(input: $in) { userErrors { code } } }`
	for what, in := range map[string]func(secret string) any{
		"a variable that is a text": func(s string) any { return s },
		"a variable that is a list": func(s string) any { return []any{s} },
		"a password that is an object": func(s string) any {
			return map[string]any{"email": "x@example.com", "password": map[string]any{"is": s}}
		},
		"a password that is a list": func(s string) any { return map[string]any{"email": "x@example.com", "password": []any{s, s}} },
		"an address that is a list": func(s string) any { return map[string]any{"email": []any{s}, "password": s} },
		"no address":                func(s string) any { return map[string]any{"password": s} },
		"one field too many":        func(s string) any { return map[string]any{"email": "x@example.com", "password": "x", "otp": s} },
		"a NUL in a password":       func(s string) any { return map[string]any{"email": "x@example.com", "password": s + "\x00"} },
		"a NUL in an address":       func(s string) any { return map[string]any{"email": "x\x00@example.com", "password": s} },
	} {
		p.send(hostile{what: what, body: body(logIn, map[string]any{"in": in(p.secret(what))})})
	}
	for what, format := range map[string]string{
		"a body cut short":      `{"query":"mutation { x }","variables":{"password":"%s"`,
		"a body with a tail":    `{"query":"{ plans { slug } }"} %s`,
		"a body that is a text": `"%s"`,
		"a body that is a list": `[{"query":"{ plans { slug } }","variables":{"password":"%s"}}]`,
		"a bad escape in JSON":  `{"query":"{ plans { slug } }","variables":{"password":"%s\x"}}`,
		"a query that is none":  `{"query":{"password":"%s"}}`,
		"variables that are no": `{"query":"{ plans { slug } }","variables":"%s"}`,
		"an operation's name":   `{"query":"{ plans { slug } }","operationName":["%s"]}`,
		"extensions":            `{"query":"{ plans { slug } }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"%s"}}}`,
		"an extension":          `{"query":"{ plans { slug } }","extensions":{"authorization":"%s"}}`,
		"a field twice":         `{"query":"{ plans { slug } }","variables":{"password":"%[1]s","password":"%[1]s"}}`,
		"a form":                `query=mutation&password=%s`,
		"a large body":          `{"query":"{ plans { slug } }","variables":{"password":"%s` + strings.Repeat("x", 70<<10) + `"}}`,
	} {
		p.send(hostile{what: what, body: fmt.Sprintf(format, p.secret(what))})
	}
}

// breakDown takes tables away, so that what was meant to work fails within.
func (p *planted) breakDown(owner, site string) {
	for table, use := range map[string]func(){
		"igny8_login_directory": func() {
			p.run("", "logIn", map[string]any{"email": "owner@example.com", "password": p.secret("a password while nothing works")}, session)
			p.run("", "signUp", map[string]any{"email": "late@example.com", "password": p.secret("a sign-up while nothing works"), "name": "L"}, session)
		},
		"igny8_mail_tokens": func() {
			for _, kind := range []string{"reset", "verify", "restore", "invite"} {
				token := "igny8_" + kind + "_" + strings.Repeat("0", 15) + "1" + strings.Repeat("0", 15) + "1" + strings.TrimPrefix(p.secret("x"), "Planted") + strings.Repeat("a", 32)
				p.secrets[token] = "a token while nothing works"
				p.run("", "resetPassword", map[string]any{"token": token, "newPassword": p.secret("a reset while nothing works")}, session)
				p.run("", "verifyEmail", map[string]any{"token": token}, "")
				p.run("", "restoreAccount", map[string]any{"token": token}, session)
			}
		},
		"igny8_site_api_keys": func() {
			p.run(owner, "createSiteApiKey", map[string]any{"siteId": site, "name": "Plugin", "scopes": []string{"SYNC"}}, "secret")
			p.send(hostile{what: "a key while nothing works", body: body(`{ viewer { role } }`, nil), header: map[string]string{"X-API-Key": p.secret("a key while nothing works")}})
		},
		"igny8_wordpress_connections": func() {
			application := strings.TrimPrefix(p.secret("x"), "Planted")[:24]
			p.secrets[application] = "an application password while nothing works"
			p.run(owner, "connectWordPress", map[string]any{"siteId": site, "url": "https://www.example.com", "username": "editor", "applicationPassword": application}, "wordPress { url }")
		},
		"igny8_sessions": func() {
			p.send(hostile{what: "a token while nothing works", body: body(`{ viewer { role } }`, nil), header: map[string]string{"Authorization": owner}})
			p.run("", "refreshSession", map[string]any{"refreshToken": p.someRefreshToken()}, session)
		},
	} {
		for _, statement := range []string{`ALTER TABLE %s RENAME TO away`, `ALTER TABLE away RENAME TO %s`} {
			if _, err := p.db.Admin.NewRaw(fmt.Sprintf(statement, table)).Exec(p.t.Context()); err != nil {
				p.t.Fatal(err)
			}
			if use != nil {
				use()
				use = nil
			}
		}
	}
}

// someRefreshToken is one that the service gave.
func (p *planted) someRefreshToken() string {
	for text, what := range maps.All(p.secrets) {
		if strings.HasPrefix(what, "the refresh token") {
			return text
		}
	}
	p.t.Fatal("no refresh token was given")
	return ""
}

func body(query string, variables map[string]any) string {
	text, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		panic(err)
	}
	return string(text)
}
