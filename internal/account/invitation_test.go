package account_test

import (
	"fmt"
	"strings"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/postgres/pgtest"
)

func TestRevokeInvitation_KillsTheToken(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, scale), newFirm(t, db, scale)
	made, token := f.invite("new@example.com", account.Viewer)
	foreign, _ := other.invite("foreign@example.com", account.Viewer)

	var texts []string
	for _, id := range []gid.Invitation{foreign.ID, 999999} {
		_, err := account.RevokeInvitation(f.ctx(), db.App, f.owner, today, id)
		refused(t, err, "NOT_FOUND at invitationId")
		texts = append(texts, err.Error())
	}
	if texts[0] != texts[1] {
		t.Errorf("%q tells more than %q", texts[0], texts[1])
	}
	for range 2 { // again changes nothing
		revoked, err := account.RevokeInvitation(f.ctx(), db.App, f.owner, today, made.ID)
		if err != nil || revoked.Status != account.InvitationRevoked {
			t.Fatalf("%+v, %v", revoked, err)
		}
	}
	if got := f.events(); len(got) != 2 || got[1] != fmt.Sprintf("invitation.revoked invitation %d", made.ID) {
		t.Errorf("%q", got)
	}
	_, err := f.accept(token)
	refused(t, err, "INVALID_CREDENTIALS at token")

	accepted, token := f.invite("second@example.com", account.Viewer)
	if _, err := f.accept(token); err != nil {
		t.Fatal(err)
	}
	_, err = account.RevokeInvitation(f.ctx(), db.App, f.owner, today, accepted.ID)
	refused(t, err, "INVALID_STATE at invitationId")
}

func TestInvitations_ListsThoseOfOneAccountByStatus(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f, other := newFirm(t, db, enterprise), newFirm(t, db, scale)
	other.invite("foreign@example.com", account.Viewer)
	_, token := f.invite("accepted@example.com", account.Viewer)
	if _, err := f.accept(token); err != nil {
		t.Fatal(err)
	}
	revoked, _ := f.invite("revoked@example.com", account.Viewer)
	if _, err := account.RevokeInvitation(f.ctx(), db.App, f.owner, today, revoked.ID); err != nil {
		t.Fatal(err)
	}
	f.invite("expired@example.com", account.Viewer)
	later := today.Add(account.InvitationLifetime)
	_, err := account.Invite(f.ctx(), db.App, f.box, f.owner, later, account.NewInvitation{Email: "pending@example.com", Role: account.Viewer})
	if err != nil {
		t.Fatal(err)
	}

	// Row-level security off: the query alone must keep accounts apart.
	list := func(status *account.InvitationStatus, args page.Args) string {
		c, err := account.Invitations(t.Context(), db.Admin, f.id, later, status, args)
		if err != nil {
			t.Fatal(err)
		}
		words := []string{}
		for _, i := range c.Nodes() {
			name, _, _ := strings.Cut(i.Email, "@")
			if string(i.Status) != name {
				t.Errorf("%s is %s", i.Email, i.Status)
			}
			words = append(words, name)
		}
		n, err := c.TotalCount(t.Context())
		return strings.Join(words, " ") + fmt.Sprintf(" of %d, %v", n, err)
	}
	if got := list(nil, page.Args{}); got != "pending expired revoked accepted of 4, <nil>" {
		t.Error(got)
	}
	for _, status := range []account.InvitationStatus{
		account.InvitationPending, account.InvitationAccepted, account.InvitationRevoked, account.InvitationExpired,
	} {
		if got := list(&status, page.Args{}); got != string(status)+" of 1, <nil>" {
			t.Error(got)
		}
	}
	first, err := account.Invitations(f.ctx(), db.App, f.id, later, nil, page.Args{First: new(2)})
	if err != nil {
		t.Fatal(err)
	}
	if got := list(nil, page.Args{First: new(2), After: first.PageInfo.EndCursor}); got != "revoked accepted of 4, <nil>" {
		t.Error(got)
	}
	read, err := account.InvitationsByIDs(t.Context(), db.Admin, other.id, later, []gid.Invitation{revoked.ID})
	if err != nil || len(read) != 0 {
		t.Errorf("another account reads %v, %v", read, err)
	}
	if _, err := account.Invitations(f.ctx(), db.App, f.id, later, nil, page.Args{After: new("x")}); !fault.Is(err, fault.BadUserInput) {
		t.Errorf("a made-up cursor: %v", err)
	}
}
