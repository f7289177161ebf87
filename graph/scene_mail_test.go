package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
)

const otherPassword = "copper-meadow-77-anchor"

func TestMail_ProvesTheAddressOfWhoSignsUp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ann, bob := s.as(s.signUp("ann@example.com", "Ann").token), s.as(s.signUp("bob@example.com", "Bob").token)
	const verified = `{ viewer { emailVerifiedAt } }`
	ann.do(verified, nil).ok().want("viewer.emailVerifiedAt", "<nil>")
	token := s.token("ann@example.com", "verify-email")

	// What proves an address opens nothing else, and what is not it proves none.
	s.nobody().run("resetPassword", map[string]any{"token": token, "newPassword": otherPassword}, sessionFields).
		faults("INVALID_CREDENTIALS input token")
	s.nobody().run("acceptInvitation", map[string]any{"token": token, "name": "Ann", "password": otherPassword}, sessionFields).
		faults("INVALID_CREDENTIALS input token")
	for _, bad := range []string{"", "x", token + "0", strings.ToUpper(token), token[:len(token)-1] + flip(token)} {
		s.nobody().run("verifyEmail", map[string]any{"token": bad}, "").faults("INVALID_CREDENTIALS input token")
	}
	ann.do(verified, nil).ok().want("viewer.emailVerifiedAt", "<nil>")

	s.nobody().run("verifyEmail", map[string]any{"token": token}, "").done()
	first := ann.do(verified, nil).ok().str("viewer.emailVerifiedAt")
	// Whoever opens the link again is told the same, and nothing changes.
	s.nobody().run("verifyEmail", map[string]any{"token": token}, "").done()
	ann.do(verified, nil).ok().want("viewer.emailVerifiedAt", first)
	bob.do(verified, nil).ok().want("viewer.emailVerifiedAt", "<nil>")

	// A verified address gets no more letters; an unverified one gets three in an hour.
	ann.run("requestEmailVerification", nil, "").done()
	if n := len(s.letters("ann@example.com")); n != 1 {
		t.Errorf("Ann got %d letters", n)
	}
	bob.run("requestEmailVerification", nil, "").done()
	bob.run("requestEmailVerification", nil, "").done()
	bob.run("requestEmailVerification", nil, "").refused("THROTTLED")
	if n := len(s.letters("bob@example.com")); n != 3 {
		t.Errorf("Bob got %d letters", n)
	}
	old := s.token("bob@example.com", "verify-email")
	s.clock.forward(25 * time.Hour)
	s.nobody().run("verifyEmail", map[string]any{"token": old}, "").faults("INVALID_CREDENTIALS input token")
}

// flip is another last character than the text's.
func flip(text string) string {
	if strings.HasSuffix(text, "0") {
		return "1"
	}
	return "0"
}

func TestReset_TellsNobodyWhoIsKnownAndLetsTheirOwnerBackIn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.signUp("ann@example.com", "Ann")
	device := s.as(first.token)
	before := len(s.letters("ann@example.com"))

	known := s.nobody().run("requestPasswordReset", map[string]any{"email": "ann@example.com"}, "")
	unknown := s.nobody().run("requestPasswordReset", map[string]any{"email": "eve@example.com"}, "")
	known.done()
	if known.text != unknown.text || known.status != unknown.status || known.header.Get("Content-Length") != unknown.header.Get("Content-Length") {
		t.Errorf("known: %d %s\nunknown: %d %s", known.status, known.text, unknown.status, unknown.text)
	}
	if mailed := s.letters("ann@example.com"); len(mailed) != before+1 || len(s.letters("eve@example.com")) != 0 {
		t.Fatalf("%d letters", len(mailed)-before)
	}
	token := s.token("ann@example.com", "reset-password")
	s.nobody().run("verifyEmail", map[string]any{"token": token}, "").faults("INVALID_CREDENTIALS input token")

	// A password that is refused does not use the link up.
	reset := func(token, password string) *reply {
		return s.nobody().run("resetPassword", map[string]any{"token": token, "newPassword": password}, sessionFields)
	}
	reset(token, "short").faults("WEAK_PASSWORD input newPassword")
	device.do(whoAmI, nil).ok()
	next, refresh := reset(token, otherPassword).signedIn(s.api)
	next.do(whoAmI, nil).ok().want("viewer.user.email", "ann@example.com")

	device.do(whoAmI, nil).refused("UNAUTHENTICATED")
	s.refresh(first.refresh).faults("INVALID_CREDENTIALS input refreshToken")
	s.refresh(refresh).done()
	wrong := s.entering("ann@example.com", password)
	wrong.faults("INVALID_CREDENTIALS")
	if never := s.entering("eve@example.com", password); never.text != wrong.text {
		t.Errorf("a wrong password: %s\nnobody: %s", wrong.text, never.text)
	}
	s.entering("ann@example.com", otherPassword).done()

	reset(token, "another-"+otherPassword).faults("INVALID_CREDENTIALS input token")
	if mailed := s.letters("ann@example.com"); !strings.Contains(mailed[len(mailed)-1], "was changed by a link") {
		t.Errorf("she is not told: %q", mailed)
	}
	// A link that nobody used in time is none any more.
	s.nobody().run("requestPasswordReset", map[string]any{"email": "ann@example.com"}, "").done()
	late := s.token("ann@example.com", "reset-password")
	s.clock.forward(31 * time.Minute)
	reset(late, password).faults("INVALID_CREDENTIALS input token")
	s.entering("ann@example.com", otherPassword).done()
}

func (a *api) refresh(token string) *reply {
	a.t.Helper()
	return a.nobody().run("refreshSession", map[string]any{"refreshToken": token}, sessionFields)
}

func TestChangePassword_EndsTheOtherSessionsAndKeepsThisOne(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	here, there := s.signUp("ann@example.com", "Ann"), s.logIn("ann@example.com")
	change := func(current, next string) *reply {
		return s.as(here.token).run("changePassword", map[string]any{"currentPassword": current, "newPassword": next}, "")
	}
	change(otherPassword, "short").faults("INVALID_CREDENTIALS input currentPassword", "WEAK_PASSWORD input newPassword")
	change(password, password).faults("WEAK_PASSWORD input newPassword")
	s.as(there.token).do(whoAmI, nil).ok()

	change(password, otherPassword).done()
	s.as(here.token).do(whoAmI, nil).ok()
	s.refresh(here.refresh).done()
	s.as(there.token).do(whoAmI, nil).refused("UNAUTHENTICATED")
	s.refresh(there.refresh).faults("INVALID_CREDENTIALS input refreshToken")
	s.entering("ann@example.com", password).faults("INVALID_CREDENTIALS")
	s.entering("ann@example.com", otherPassword).done()
	if mailed := s.letters("ann@example.com"); !strings.Contains(mailed[len(mailed)-1], "was changed from your settings") {
		t.Errorf("she is not told: %q", mailed)
	}
}

func TestSessions_AreListedAndEndOneByOneOrAllAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	signed := []*session{s.signUp("ann@example.com", "Ann"), s.logIn("ann@example.com"), s.logIn("ann@example.com"), s.logIn("ann@example.com")}
	eve := s.as(s.signUp("eve@example.com", "Eve").token)
	const list = `{ viewer { sessions { totalCount nodes { id current ip userAgent } } } }`
	here := s.as(signed[3].token)
	ans := here.do(list, nil).ok().want("viewer.sessions.totalCount", 4)
	for i, current := range []bool{true, false, false, false} { // newest first
		ans.want(fmt.Sprintf("viewer.sessions.nodes.%d.current", i), current)
	}
	ans.want("viewer.sessions.nodes.0.ip", "127.0.0.1")
	third := ans.str("viewer.sessions.nodes.1.id")

	end := func(who *caller, id string) *reply {
		return who.run("revokeSession", map[string]any{"sessionId": id}, "")
	}
	for who, other := range map[string]*caller{"a stranger": eve, "a colleague": s.as(signed[0].member("co@example.com", account.Admin).token)} {
		foreign := end(other, third)
		foreign.faults("NOT_FOUND input sessionId")
		if foreign.text != end(other, "sess_987654321").text {
			t.Errorf("%s ends somebody else's session: %s", who, foreign.text)
		}
	}
	s.as(signed[2].token).do(whoAmI, nil).ok()
	end(here, third).done()
	s.as(signed[2].token).do(whoAmI, nil).refused("UNAUTHENTICATED")
	s.refresh(signed[2].refresh).faults("INVALID_CREDENTIALS input refreshToken")
	end(here, third).faults("NOT_FOUND input sessionId")
	here.do(list, nil).ok().want("viewer.sessions.totalCount", 3)

	here.run("logOutEverywhere", map[string]any{"keepCurrent": true}, "").done()
	here.do(list, nil).ok().want("viewer.sessions.totalCount", 1).want("viewer.sessions.nodes.0.current", true)
	for _, gone := range signed[:2] {
		s.as(gone.token).do(whoAmI, nil).refused("UNAUTHENTICATED")
	}
	here.run("logOutEverywhere", nil, "").done()
	here.do(whoAmI, nil).refused("UNAUTHENTICATED")
	s.refresh(signed[3].refresh).faults("INVALID_CREDENTIALS input refreshToken")
	eve.do(whoAmI, nil).ok()
}
