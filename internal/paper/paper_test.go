package paper_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/paper"
	"igny8.com/accounts/internal/vault"
)

var issued = time.Date(2026, 1, 31, 7, 0, 0, 0, time.UTC)

func document(lines int) *billing.Paper {
	p := &billing.Paper{
		Invoice: &billing.Invoice{
			Number: "IG-2026-000042", Kind: billing.Bill, NetMinor: int64(lines) * 8900, TaxableMinor: int64(lines) * 8900,
			TaxRate: new(1900), TaxMinor: int64(lines) * 1691, TotalMinor: int64(lines) * 10591, FromBalanceMinor: 500, Currency: "USD",
			IssuedAt: issued, SellerName: "IGNY8 Ltd", SellerAddress: "1 Long Lane\nLondon EC1A 9PL\nUnited Kingdom", SellerTaxID: "GB123456789",
			BuyerName: "Żółć & Σωκράτης — Общество", BuyerAddress: "Ünter den Linden 1\n10117 Berlin\nDE", BuyerEmail: "bills@example.com",
			BuyerTaxID: "DE123456789",
		},
		Payment: &billing.Payment{Reference: "IGNY8-30-8-K", Method: billing.BankTransfer, ReceivedOn: &issued},
	}
	for i := range lines {
		p.Lines = append(p.Lines, &billing.InvoiceLine{
			Description: fmt.Sprintf("Starter, month %d", i+1), PeriodStart: issued.AddDate(0, i, 0), PeriodEnd: issued.AddDate(0, i+1, 0),
			AmountMinor: 8900, Currency: "USD",
		})
	}
	return p
}

func render(t *testing.T, p *billing.Paper) []byte {
	t.Helper()
	b, err := paper.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRender_MakesTheSameBytesOfTheSameFacts(t *testing.T) {
	t.Parallel()
	first := render(t, document(2))
	if !bytes.HasPrefix(first, []byte("%PDF-1.")) {
		t.Fatalf("no PDF: %q", first[:20])
	}
	for range 5 {
		if !bytes.Equal(first, render(t, document(2))) {
			t.Fatal("the same facts make other bytes")
		}
	}
	other := document(2)
	other.BuyerName += "."
	if bytes.Equal(first, render(t, other)) {
		t.Error("other facts make the same bytes")
	}
}

func TestRender_TurnsPages(t *testing.T) {
	t.Parallel()
	pages := regexp.MustCompile(`/Type /Page\b[^s]`)
	for lines, want := range map[int]int{1: 1, 24: 2, 60: 3} {
		if n := len(pages.FindAll(render(t, document(lines)), -1)); n != want {
			t.Errorf("%d lines have %d pages, want %d", lines, n, want)
		}
	}
}

func TestRender_StandsWhateverTextThereIs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\x01\n\t", "😀 株式会社 \U0010FFFF", strings.Repeat("Ω", 5000), "שלום عالم", strings.Repeat("long words ", 90)} {
		p := document(1)
		p.Kind, p.Refers, p.BuyerName, p.BuyerAddress, p.SellerName, p.Note = billing.CreditNote, "IG-2026-000001", text, text, text, text
		p.Lines[0].Description = text
		render(t, p)
	}
}

func TestLink_OpensOneDocumentForMinutes(t *testing.T) {
	t.Parallel()
	v, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	to := paper.Target{Tenant: 30, Invoice: 5}
	link := paper.Link(v, to, issued)
	if got, err := paper.Open(v, link, issued.Add(paper.LinkLife-time.Second)); err != nil || got != to {
		t.Errorf("opens %v, %v", got, err)
	}
	if _, err := paper.Open(v, link, issued.Add(paper.LinkLife)); err == nil {
		t.Error("opens when it is over")
	}
	for i := range link {
		changed := []byte(link)
		changed[i] ^= 1
		if _, err := paper.Open(v, string(changed), issued); err == nil {
			t.Errorf("opens with character %d changed", i)
		}
	}
	for end := range link {
		if _, err := paper.Open(v, link[:end], issued); err == nil {
			t.Errorf("opens cut off at %d", end)
		}
	}
	another, err := vault.Parse(vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := paper.Open(another, link, issued); err == nil {
		t.Error("opens with another key")
	}
}

// It writes one for people to look at where they say so.
func TestRender_ForPeopleToLookAt(t *testing.T) {
	t.Parallel()
	path := os.Getenv("PAPER_OUT")
	if path == "" {
		t.Skip("PAPER_OUT names no file")
	}
	if err := os.WriteFile(path, render(t, document(26)), 0o600); err != nil {
		t.Fatal(err)
	}
}
