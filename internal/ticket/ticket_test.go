package ticket_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/ticket"
)

func TestRead_GivesBackTheRowThatTheTicketWasMadeFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tenant, id := rapid.Int64Range(1, 1<<62).Draw(t, "tenant"), rapid.Int64Range(1, 1<<62).Draw(t, "id")
		text, hash := ticket.New(ticket.Password, gid.Account(tenant), id)
		got, ok := ticket.Read(ticket.Password, text)
		if !ok || int64(got.Tenant) != tenant || got.ID != id || !got.Fits(hash) {
			t.Fatalf("%v, %v", got, ok)
		}
		other, otherHash := ticket.New(ticket.Password, gid.Account(tenant), id)
		if other == text || got.Fits(otherHash) {
			t.Fatal("two tickets of one row are the same")
		}
	})
}

func TestRead_RefusesWhatWasNotWritten(t *testing.T) {
	t.Parallel()
	text, hash := ticket.New(ticket.Invitation, 30, 7)
	for what, bad := range map[string]string{
		"nothing": "", "the kind alone": string(ticket.Invitation), "another kind": strings.Replace(text, "invite", "reset", 1),
		"capitals": string(ticket.Invitation) + strings.ToUpper(strings.TrimPrefix(text, string(ticket.Invitation))),
		"one more": text + "0", "one less": text[:len(text)-1], "no hexadecimal": text[:len(text)-1] + "g",
		"no account": string(ticket.Invitation) + strings.Repeat("0", 96),
	} {
		if _, ok := ticket.Read(ticket.Invitation, bad); ok && bad != text {
			t.Errorf("%s is read", what)
		}
	}
	if _, ok := ticket.Read(ticket.Password, text); ok {
		t.Error("an invitation is read as a reset")
	}
	last := "0"
	if strings.HasSuffix(text, "0") {
		last = "1"
	}
	if forged, ok := ticket.Read(ticket.Invitation, text[:len(text)-1]+last); !ok || forged.Fits(hash) {
		t.Error("a ticket with another secret fits")
	}
}
