package auth_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// claim is the claim imp of a token, as text.
func claim(acct gid.Account, id gid.Impersonation) string {
	return fmt.Sprintf(`"imp":{"acct":%q,"id":%q}`, gid.Format(acct), gid.Format(id))
}

func TestImpersonation_TakesEveryHostileTokenForNobodys(t *testing.T) {
	t.Parallel()
	s := newSupport(t)
	f := newForge(t, s.jane, s.actor.SessionID, s.clock.Now())
	good := claim(s.ann.account, s.imp.ID)
	with := func(imp string) string { return f.withClaims(`"jti"`, imp+`,"jti"`) }
	if actor := s.fixture.actor(t, request(t, with(good))); actor.Impersonation == nil {
		t.Fatal("the token that the others are made from is not good itself")
	}
	acct, id := gid.Format(s.ann.account), gid.Format(s.imp.ID)
	numbers := strings.NewReplacer(`"acct_`, ``, `"imp_`, ``, `"}`, `}`, `",`, `,`)
	stranger := f
	stranger.key = newForge(t, s.jane, 1, s.clock.Now()).key
	stranger.header = strings.Replace(f.header, "k1", "k2", 1)
	nobody := answer(t, s.fixture, request(t, ""))
	for name, token := range map[string]string{
		"null":                      with(`"imp":null`),
		"empty":                     with(`"imp":{}`),
		"text":                      with(`"imp":"` + id + `"`),
		"a number":                  with(`"imp":1`),
		"a list":                    with(`"imp":["` + acct + `","` + id + `"]`),
		"a list of it":              with(`"imp":[{"acct":"` + acct + `","id":"` + id + `"}]`),
		"true":                      with(`"imp":true`),
		"without acct":              with(`"imp":{"id":"` + id + `"}`),
		"without id":                with(`"imp":{"acct":"` + acct + `"}`),
		"acct null":                 with(`"imp":{"acct":null,"id":"` + id + `"}`),
		"id null":                   with(`"imp":{"acct":"` + acct + `","id":null}`),
		"id empty":                  with(`"imp":{"acct":"` + acct + `","id":""}`),
		"numbers":                   with(numbers.Replace(good)),
		"numbers as text":           with(strings.NewReplacer("acct_", "", "imp_", "").Replace(good)),
		"ids the other way round":   with(`"imp":{"acct":"` + id + `","id":"` + acct + `"}`),
		"members the other way":     with(`"imp":{"id":"` + id + `","acct":"` + acct + `"}`),
		"an id with a zero":         with(strings.Replace(good, "imp_", "imp_0", 1)),
		"an id of zero":             with(claim(s.ann.account, 0)),
		"an id below zero":          with(claim(s.ann.account, -1)),
		"a member more":             with(`"imp":{"acct":"` + acct + `","id":"` + id + `","role":"owner"}`),
		"a member twice":            with(`"imp":{"acct":"` + acct + `","acct":"` + acct + `","id":"` + id + `"}`),
		"a member in capitals":      with(`"imp":{"ACCT":"` + acct + `","id":"` + id + `"}`),
		"twice":                     with(good + "," + good),
		"twice, first another's":    with(claim(s.jane.account, 1) + "," + good),
		"twice, once escaped":       with(`"\u0069mp":{"acct":"acct_1","id":"imp_1"},` + good),
		"in capitals":               with(strings.Replace(good, "imp", "IMP", 1)),
		"with spaces":               with(strings.Replace(good, ":{", ": {", 1)),
		"in another place":          f.withClaims(`"iss"`, good+`,"iss"`),
		"behind all":                f.withClaims(`}`, `,`+good+`}`),
		"as act":                    with(strings.Replace(good, "imp", "act", 1)),
		"in the header":             f.withHeader(`"typ"`, good+`,"typ"`),
		"signed by a stranger":      func() string { g := stranger; return g.withClaims(`"jti"`, good+`,"jti"`) }(),
		"one's own account":         with(claim(s.jane.account, s.imp.ID)),
		"another tenant's SQL":      with(`"imp":{"acct":"acct_1 OR 1=1","id":"` + id + `"}`),
		"put into a token unsigned": strings.Replace(f.sign(), ".", "."+encode("{"+good+"}"), 1),
		"a life of 15 min and a bit": func() string {
			g := f
			g.claims = strings.Replace(g.claims, `"jti"`, good+`,"jti"`, 1)
			return g.withClaim("exp", strconv.FormatInt(s.clock.Now().Add(15*time.Minute+time.Second).Unix(), 10))
		}(),
	} {
		ctx, statements := pgtest.CountQueries(t.Context())
		if got := answer(t, s.fixture, request(t, token).WithContext(ctx)); got != nobody {
			t.Errorf("%s: answered %s, nobody gets %s", name, got, nobody)
		}
		if statements.N() != 0 {
			t.Errorf("%s: the database was asked %q", name, statements.Statements())
		}
	}
}

func TestImpersonation_TakesGoodTokensThatDoNotFitTheDatabaseForNobodys(t *testing.T) {
	t.Parallel()
	s := newSupport(t)
	bob := s.person(t, "bob@example.com")
	joe := s.colleague(t, s.jane, "joe@igny8.example", account.Developer)
	ofJoe := s.signedIn(t, s.logIn(t, joe).AccessToken).SessionID
	ofAnn := s.signedIn(t, s.logIn(t, s.ann).AccessToken).SessionID
	elsewhere := s.signedIn(t, s.logIn(t, s.jane).AccessToken).SessionID
	// Keys are the account's own: another account may have an impersonation of the same number.
	s.exec(t, `INSERT INTO igny8_impersonations (tenant_id, id, staff_tenant, staff_id, session_id, reason, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, 'for joe', $6, $7)`, bob.account, s.imp.ID, s.jane.account, joe.id, ofJoe, s.clock.Now(), s.imp.ExpiresAt)
	// Rows that no command writes: in jane's session, for others of staff.
	const ofColleague, ofOtherStaff = gid.Impersonation(987_001), gid.Impersonation(987_002)
	s.exec(t, `INSERT INTO igny8_impersonations (tenant_id, id, staff_tenant, staff_id, session_id, reason, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $7, 'why', $8, $9), ($1, $5, $6, $4, $7, 'why', $8, $9)`, bob.account, ofColleague, s.jane.account,
		s.ann.id, ofOtherStaff, s.ann.account, s.actor.SessionID, s.clock.Now(), s.imp.ExpiresAt)
	s.exec(t, `UPDATE igny8_impersonations SET staff_id = $2 WHERE id = $1`, ofOtherStaff, s.jane.id)
	nobody := answer(t, s.fixture, request(t, ""))
	for name, c := range map[string]struct {
		who     person
		session gid.Session
		acct    gid.Account
		imp     gid.Impersonation
	}{
		"another account, same number":    {s.jane, s.actor.SessionID, bob.account, s.imp.ID},
		"a colleague's":                   {joe, ofJoe, s.ann.account, s.imp.ID},
		"in another session":              {s.jane, elsewhere, s.ann.account, s.imp.ID},
		"in a colleague's session":        {s.jane, ofJoe, s.ann.account, s.imp.ID},
		"a colleague's in one's session":  {s.jane, s.actor.SessionID, bob.account, ofColleague},
		"of staff of another account":     {s.jane, s.actor.SessionID, bob.account, ofOtherStaff},
		"one that never was":              {s.jane, s.actor.SessionID, s.ann.account, 987_654},
		"an account that never was":       {s.jane, s.actor.SessionID, 987_654, s.imp.ID},
		"a customer for another":          {s.ann, ofAnn, bob.account, s.imp.ID},
		"a customer as staff":             {person{account: s.jane.account, id: s.ann.id}, ofAnn, bob.account, s.imp.ID},
		"a session of no account of hers": {person{account: s.ann.account, id: s.jane.id}, s.actor.SessionID, bob.account, s.imp.ID},
	} {
		f := newForge(t, c.who, c.session, s.clock.Now())
		token := f.withClaims(`"jti"`, claim(c.acct, c.imp)+`,"jti"`)
		if got := answer(t, s.fixture, request(t, token)); got != nobody {
			t.Errorf("%s: answered %s, nobody gets %s", name, got, nobody)
		}
	}
	// What makes them staff is the database alone.
	f := newForge(t, joe, ofJoe, s.clock.Now())
	token := f.withClaims(`"jti"`, claim(bob.account, s.imp.ID)+`,"jti"`)
	if s.fixture.actor(t, request(t, token)).AccountID() != bob.account {
		t.Fatal("the colleague's own is not good itself")
	}
	s.exec(t, `UPDATE igny8_users SET role = 'admin' WHERE id = $1`, joe.id)
	if got := answer(t, s.fixture, request(t, token)); got != nobody {
		t.Errorf("an admin of the system account: answered %s", got)
	}
}
