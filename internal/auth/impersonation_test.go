package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/staff"
)

// support is a system account's developer who acts for a customer's account.
type support struct {
	*fixture
	jane, ann person
	// own is jane's session, and actor who she is in it.
	own   string
	actor account.Actor
	imp   *account.Impersonation
	token string
	until time.Time
}

func newSupport(t *testing.T) *support {
	t.Helper()
	s := &support{fixture: newFixture(t)}
	s.jane, s.ann = s.person(t, "jane@igny8.example"), s.person(t, "ann@example.com")
	s.exec(t, `UPDATE igny8_tenants SET is_system = true, status = 'active' WHERE id = $1`, s.jane.account)
	s.exec(t, `UPDATE igny8_users SET role = 'developer' WHERE id = $1`, s.jane.id)
	s.own = s.logIn(t, s.jane).AccessToken
	s.actor = s.signedIn(t, s.own)
	s.begin(t, 15)
	return s
}

func (s *support) begin(t *testing.T, minutes int) {
	t.Helper()
	var err error
	s.imp, err = staff.Impersonate(s.inside(t, s.jane), s.db.App, s.actor, s.clock.Now(),
		staff.Impersonating{AccountID: s.ann.account, Reason: "Ticket 4711: the plugin fails", Minutes: minutes})
	if err != nil {
		t.Fatal(err)
	}
	if s.token, s.until, err = s.auth.IssueImpersonation(s.actor, s.imp); err != nil {
		t.Fatal(err)
	}
}

func (s *support) inside(t *testing.T, p person) context.Context {
	t.Helper()
	return postgres.WithTenant(t.Context(), int64(p.account))
}

func (s *support) nobody(t *testing.T, why string) {
	t.Helper()
	if got, want := answer(t, s.fixture, request(t, s.token)), answer(t, s.fixture, request(t, "")); got != want {
		t.Errorf("%s: answered %s, nobody gets %s", why, got, want)
	}
}

func TestImpersonation_ActsForTheAccountAsOneOfItsAdminsAndNoneOfItsPeople(t *testing.T) {
	t.Parallel()
	s := newSupport(t)
	ctx, statements := pgtest.CountQueries(t.Context())
	actor := s.fixture.actor(t, request(t, s.token).WithContext(ctx))
	if statements.N() != 2 {
		t.Errorf("%d statements, want 2: %q", statements.N(), statements.Statements())
	}
	if actor.AccountID() != s.ann.account || actor.User.ID != s.jane.id || actor.User.TenantID != s.jane.account ||
		actor.SessionID != s.actor.SessionID || actor.Plan == nil || actor.Plan.ID != actor.Account.PlanID {
		t.Errorf("acts for %d, as %d of %d, in session %d", actor.AccountID(), actor.User.ID, actor.User.TenantID, actor.SessionID)
	}
	if diff := cmp.Diff(s.imp, actor.Impersonation); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if actor.Role() != account.Admin || actor.Staff() || actor.Member() != nil || actor.User.PasswordHash != nil {
		t.Errorf("role %s, staff: %v, member %v", actor.Role(), actor.Staff(), actor.Member())
	}
	by := actor.By(s.ann.account)
	if by.Kind != "staff" || *by.ID != int64(s.jane.id) || by.Impersonation == nil || *by.Impersonation != s.imp.ID {
		t.Errorf("recorded as %+v", by)
	}
	// The scope of the request's statements is the account's, and never staff's.
	s.auth.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if tenant, _ := postgres.Tenant(r.Context()); tenant != int64(s.ann.account) || postgres.Staff(r.Context()) {
			t.Errorf("the scope is of %d, of staff: %v", tenant, postgres.Staff(r.Context()))
		}
	})).ServeHTTP(httptest.NewRecorder(), request(t, s.token))
	// The own token is what it was.
	if own := s.signedIn(t, s.own); own.AccountID() != s.jane.account || own.Impersonation != nil || !own.Staff() {
		t.Errorf("the own token acts for %d", own.AccountID())
	}
}

func TestImpersonation_IsOverAtOnceForEveryReason(t *testing.T) {
	t.Parallel()
	for name, over := range map[string]func(t *testing.T, s *support){
		"ended under it": func(t *testing.T, s *support) {
			t.Helper()
			acting := s.signedIn(t, s.token)
			if _, err := staff.End(s.inside(t, s.ann), s.db.App, acting, s.clock.Now(), nil); err != nil {
				t.Fatal(err)
			}
		},
		"ended as oneself": func(t *testing.T, s *support) {
			t.Helper()
			if _, err := staff.End(s.inside(t, s.jane), s.db.App, s.actor, s.clock.Now(), &s.ann.account); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, s *support) {
			t.Helper()
			old := s.token
			s.begin(t, 15)
			s.signedIn(t, s.token)
			s.token = old
		},
		"logged out": func(t *testing.T, s *support) {
			t.Helper()
			if err := s.auth.LogOut(t.Context(), s.actor, nil); err != nil {
				t.Fatal(err)
			}
		},
		"logged out under it": func(t *testing.T, s *support) {
			t.Helper()
			if err := s.auth.LogOut(t.Context(), s.signedIn(t, s.token), nil); err != nil {
				t.Fatal(err)
			}
		},
		"demoted": func(t *testing.T, s *support) {
			t.Helper()
			s.exec(t, `UPDATE igny8_users SET role = 'owner' WHERE id = $1`, s.jane.id)
		},
		"removed": func(t *testing.T, s *support) {
			t.Helper()
			s.exec(t, `UPDATE igny8_users SET deleted_at = now(), restore_until = now() WHERE id = $1`, s.jane.id)
		},
		"the session over": func(t *testing.T, s *support) {
			t.Helper()
			s.exec(t, `UPDATE igny8_sessions SET expires_at = $2 WHERE id = $1`, s.actor.SessionID, s.clock.Now())
		},
		"the account deleted": func(t *testing.T, s *support) {
			t.Helper()
			s.exec(t, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`, s.ann.account)
		},
		"the account made a system account": func(t *testing.T, s *support) {
			t.Helper()
			s.exec(t, `UPDATE igny8_tenants SET is_system = true WHERE id = $1`, s.ann.account)
		},
		"staff's own account deleted": func(t *testing.T, s *support) {
			t.Helper()
			s.exec(t, `UPDATE igny8_tenants SET deleted_at = now(), restore_until = now() WHERE id = $1`, s.jane.account)
		},
		"its time over, by the database": func(t *testing.T, s *support) {
			t.Helper()
			s.exec(t, `UPDATE igny8_impersonations SET expires_at = $2 WHERE id = $1`, s.imp.ID, s.clock.Now())
		},
		"its time over": func(_ *testing.T, s *support) { s.clock.Advance(15 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSupport(t)
			s.signedIn(t, s.token)
			if name == "its time over, by the database" {
				s.clock.Advance(time.Minute)
			}
			over(t, s)
			s.nobody(t, name)
		})
	}
}

func TestIssueImpersonation_IsGoodAsLongAsTheImpersonationAndNoLonger(t *testing.T) {
	t.Parallel()
	s := newSupport(t)
	if want := s.clock.Now().Add(15 * time.Minute).Truncate(time.Second); !s.until.Equal(want) || s.until.Location() != time.UTC {
		t.Errorf("15 minutes end at %s, want %s", s.until, want)
	}
	s.begin(t, 2)
	if want := s.clock.Now().Add(2 * time.Minute).Truncate(time.Second); !s.until.Equal(want) {
		t.Errorf("2 minutes end at %s, want %s", s.until, want)
	}
	// A row that says more than it may changes nothing.
	long := *s.imp
	long.ExpiresAt = s.clock.Now().Add(time.Hour)
	_, until, err := s.auth.IssueImpersonation(s.actor, &long)
	if want := s.clock.Now().Add(15 * time.Minute).Truncate(time.Second); err != nil || !until.Equal(want) {
		t.Errorf("an hour ends at %s, %v, want %s", until, err, want)
	}
}

func TestIssueImpersonation_IsForWhoeverOpenedItAlone(t *testing.T) {
	t.Parallel()
	s := newSupport(t)
	joe := s.colleague(t, s.jane, "joe@igny8.example", account.Developer)
	elsewhere := s.signedIn(t, s.logIn(t, s.jane).AccessToken)
	demoted := s.actor
	demoted.User = new(*s.actor.User)
	demoted.User.Role = account.Owner
	own := *s.imp
	own.TenantID = s.jane.account
	for name, c := range map[string]struct {
		by  account.Actor
		imp *account.Impersonation
	}{
		"a colleague":           {s.signedIn(t, s.logIn(t, joe).AccessToken), s.imp},
		"another session":       {elsewhere, s.imp},
		"one of the account's":  {s.signedIn(t, s.logIn(t, s.ann).AccessToken), s.imp},
		"who acts under it":     {s.signedIn(t, s.token), s.imp},
		"who is no staff":       {demoted, s.imp},
		"nobody":                {account.Actor{}, s.imp},
		"one's own account":     {s.actor, &own},
		"another staff account": {s.actor, &account.Impersonation{TenantID: s.ann.account, ID: 1, StaffTenant: 987_654, StaffID: s.jane.id, SessionID: s.actor.SessionID, ExpiresAt: s.imp.ExpiresAt}},
	} {
		if token, _, err := s.auth.IssueImpersonation(c.by, c.imp); err == nil || token != "" {
			t.Errorf("%s gets a token", name)
		}
	}
}

func TestRefresh_GivesStaffTheirOwnTokenBack(t *testing.T) {
	t.Parallel()
	s := newSupport(t)
	session := s.logIn(t, s.jane)
	if actor := s.signedIn(t, s.refresh(t, session.RefreshToken).AccessToken); actor.Impersonation != nil || actor.AccountID() != s.jane.account {
		t.Errorf("acts for %d", actor.AccountID())
	}
}
