package account_test

import (
	"slices"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/plan"
)

func TestReserved_RefusesSystemNamesAndWhatReadsLikeThem(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"aws-admin", "AWS Admin", "aws_admin", "AWS  ADMIN!", "awsadmin", "aws-admin-2", "Aws Admin 17", "4ws-adm1n", "aws-admln",
		"аws-аdmin", "ＡＷＳ－ａｄｍｉｎ", "äws-ädmin", "avvs-admin", "aws-adrnin", "default", "Default", "DEFAULT 1", "d3fault", "defau1t",
		"default-account", "Default Account", "default account 3", "deefault",
	} {
		if !account.Reserved(name) {
			t.Errorf("%q can be taken", name)
		}
	}
}

func TestReserved_LeavesOtherNamesAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Home G8", "TacBit", "Admin", "Paws Admin", "Defaulters", "Account", "AWS", "Aws Administration", "9", ""} {
		if account.Reserved(name) {
			t.Errorf("%q cannot be taken", name)
		}
	}
}

func TestEmail_IsStoredInLowerCase(t *testing.T) {
	t.Parallel()
	got, f := account.Email("  Auto+Remote0003@Example.COM ")
	if f != nil || got != "auto+remote0003@example.com" {
		t.Fatalf("got %q, %v", got, f)
	}
}

func TestEmail_RefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]fault.Code{
		"": fault.Required, "  ": fault.Required, "a": fault.Invalid, "a@b": fault.Invalid, "a@@b.c": fault.Invalid,
		"A <a@b.cd>": fault.Invalid, "a b@c.de": fault.Invalid, "\"a b\"@c.de": fault.Invalid, "a@[127.0.0.1]": fault.Invalid,
		"ä@b.cd": fault.Invalid, "a@b.cd\x00": fault.Invalid, "a@b.cd, e@f.gh": fault.Invalid, "a@.": fault.Invalid,
	} {
		if _, f := account.Email(text); f == nil || f.Code != code {
			t.Errorf("%q: %v, want %s", text, f, code)
		}
	}
	long := string(slices.Repeat([]byte("a"), 250)) + "@b.cd"
	if _, f := account.Email(long); f == nil || f.Code != fault.TooLong {
		t.Errorf("255 characters: %v", f)
	}
}

// The legal moves, as the domain's table lists them, written out once more.
func TestMove_FollowsTheTableAndNothingElse(t *testing.T) {
	t.Parallel()
	type move struct {
		from  account.Status
		cause account.Cause
	}
	legal := map[move]account.Status{
		{account.Trial, account.PaymentConfirmed}:           account.Active,
		{account.PendingPayment, account.PaymentConfirmed}:  account.Active,
		{account.Suspended, account.PaymentConfirmed}:       account.Active,
		{account.Active, account.PaymentConfirmed}:          account.Active,
		{account.Trial, account.StaffDecision}:              account.Active,
		{account.PendingPayment, account.StaffDecision}:     account.Active,
		{account.Suspended, account.StaffDecision}:          account.Active,
		{account.Active, account.StaffDecision}:             account.Suspended,
		{account.Trial, account.MovedToFree}:                account.Active,
		{account.PendingPayment, account.MovedToFree}:       account.Active,
		{account.Suspended, account.MovedToFree}:            account.Active,
		{account.Trial, account.TrialEndedPaying}:           account.PendingPayment,
		{account.Trial, account.TrialEnded}:                 account.Suspended,
		{account.PendingPayment, account.PaymentFailed}:     account.Suspended,
		{account.Active, account.GraceEnded}:                account.Suspended,
		{account.Trial, account.CancellationTakes}:          account.Cancelled,
		{account.PendingPayment, account.CancellationTakes}: account.Cancelled,
		{account.Active, account.CancellationTakes}:         account.Cancelled,
		{account.Suspended, account.CancellationTakes}:      account.Cancelled,
		{account.Cancelled, account.ConfirmedForReturn}:     account.Active,
	}
	statuses := []account.Status{account.Trial, account.PendingPayment, account.Active, account.Suspended, account.Cancelled}
	causes := []account.Cause{
		account.PaymentConfirmed, account.StaffDecision, account.MovedToFree, account.TrialEndedPaying, account.TrialEnded,
		account.PaymentFailed, account.GraceEnded, account.CancellationTakes, account.ConfirmedForReturn,
	}
	for _, from := range statuses {
		for _, cause := range causes {
			to, err := from.Move(cause)
			want, ok := legal[move{from, cause}]
			if ok && (err != nil || to != want) {
				t.Errorf("%s, %s: %s, %v, want %s", from, cause, to, err, want)
			}
			if !ok && (!fault.Is(err, fault.InvalidState) || to != from) {
				t.Errorf("%s, %s: %s, %v, want a refusal", from, cause, to, err)
			}
		}
	}
}

func TestReaches_OrdersTheFourRolesAndKeepsTheOthersApart(t *testing.T) {
	t.Parallel()
	order := []account.Role{account.Viewer, account.Editor, account.Admin, account.Owner}
	for i, role := range order {
		for j, minimum := range order {
			if role.Reaches(minimum) != (i >= j) {
				t.Errorf("%s through a door for %s: %v", role, minimum, i < j)
			}
		}
		if role.Reaches(account.Developer) || role.Reaches(account.SystemBot) {
			t.Errorf("%s passes a door for staff or automation", role)
		}
		if !account.Developer.Reaches(role) {
			t.Errorf("a developer is no %s of the system account", role)
		}
		if account.SystemBot.Reaches(role) {
			t.Errorf("automation passes a door for %s", role)
		}
	}
	if account.Role("king").Reaches(account.Viewer) || account.Owner.Reaches("king") {
		t.Error("an unknown role opens a door")
	}
}

func actor(role account.Role, status account.Status, active bool) account.Actor {
	return account.Actor{
		User: &account.User{ID: 1, TenantID: 1, Role: role}, Account: &account.Account{ID: 1, Status: status},
		Plan: &plan.Plan{Active: active, Name: "Starter", Slug: "starter"},
	}
}

func TestGate_OpensWhatTheStatusAllows(t *testing.T) {
	t.Parallel()
	all := []account.Role{account.Viewer, account.Editor, account.Admin, account.Owner}
	open := map[account.Status]map[account.Access][]account.Role{
		account.Trial:          {account.Read: all, account.Write: all, account.Billing: all, account.SessionEnd: all},
		account.Active:         {account.Read: all, account.Write: all, account.Billing: all, account.SessionEnd: all},
		account.PendingPayment: {account.Read: all, account.Billing: all, account.SessionEnd: all},
		account.Suspended:      {account.Read: all[2:], account.Billing: all[2:], account.SessionEnd: all},
		account.Cancelled:      {account.Read: all[3:], account.Billing: all[3:], account.SessionEnd: all},
		"unheard of":           {account.SessionEnd: all},
	}
	code := map[account.Status]fault.Code{
		account.PendingPayment: fault.PaymentRequired, account.Suspended: fault.AccountSuspended,
		account.Cancelled: fault.AccountCancelled, "unheard of": fault.Forbidden,
	}
	for status, purposes := range open {
		for _, purpose := range []account.Access{account.Read, account.Write, account.Billing, account.SessionEnd} {
			for _, role := range all {
				err := actor(role, status, true).Gate(purpose)
				if slices.Contains(purposes[purpose], role) {
					if err != nil {
						t.Errorf("%s, %s, %s: %v", status, purpose, role, err)
					}
				} else if !fault.Is(err, code[status]) {
					t.Errorf("%s, %s, %s: %v, want %s", status, purpose, role, err, code[status])
				}
			}
		}
	}
}

func TestGate_ShutsAnInactivePlanExceptForBilling(t *testing.T) {
	t.Parallel()
	a := actor(account.Owner, account.Active, false)
	for _, purpose := range []account.Access{account.Read, account.Write} {
		if err := a.Gate(purpose); !fault.Is(err, fault.PlanInactive) {
			t.Errorf("%s: %v", purpose, err)
		}
	}
	if err := a.Gate(account.Billing); err != nil {
		t.Errorf("billing: %v", err)
	}
}

func TestEnter_AsksWhoFirst(t *testing.T) {
	t.Parallel()
	if err := (account.Actor{}).Enter(account.Door{Minimum: account.Viewer, For: account.Read}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody: %v", err)
	}
	if err := actor(account.Viewer, account.Active, true).Enter(account.Door{Minimum: account.Editor, For: account.Write}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a viewer through a door for editors: %v", err)
	}
	if err := actor(account.Owner, account.Active, true).Enter(account.Door{Minimum: account.Developer, For: account.Read}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an owner through a door for staff: %v", err)
	}
}

func TestBy_NamesStaffAsStaffInOtherAccounts(t *testing.T) {
	t.Parallel()
	a := actor(account.Developer, account.Active, true)
	if got := a.By(1).Kind; got != "user" {
		t.Errorf("in their own account: %s", got)
	}
	if got := a.By(2).Kind; got != "staff" {
		t.Errorf("in another account: %s", got)
	}
	if got := (account.Actor{}).By(2); got.Kind != "system" || got.ID != nil {
		t.Errorf("nobody: %+v", got)
	}
}
