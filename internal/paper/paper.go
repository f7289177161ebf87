// Package paper owns what invoices and credit notes look like as PDF, and the links by which they are fetched
// without signing in.
//
// What must always hold: a document says what was frozen when it was issued, and nothing else; the same facts make
// the same bytes, whenever and wherever they are asked for; a link opens one document, for minutes, and whoever
// changes a character of it has none.
package paper

import (
	"bytes"
	_ "embed" // the fonts
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"

	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/money"
)

// DejaVu Sans Condensed covers the Latin, Greek, Cyrillic, Armenian, Georgian and Lisu scripts with their marks,
// and signs of currency. Hebrew and Arabic have letters in it, but are neither joined nor turned here.
var (
	//go:embed font/DejaVuSansCondensed.ttf
	regular []byte
	//go:embed font/DejaVuSansCondensed-Bold.ttf
	bold []byte
)

const (
	family = "body"
	left   = 22.0
	right  = 188.0
	top    = 22.0
	bottom = 272.0
	// The columns of the table, by their right ends.
	periodAt = 118.0
	amountAt = 160.0
)

type colour struct{ r, g, b int }

var (
	ink    = colour{28, 32, 40}
	quiet  = colour{105, 112, 125}
	accent = colour{38, 84, 196}
	line   = colour{216, 220, 228}
)

// sheet is a document while it is drawn.
type sheet struct {
	*fpdf.Fpdf
	of *billing.Paper
}

// Render draws a document as PDF.
func Render(of *billing.Paper) ([]byte, error) {
	s := &sheet{fpdf.New("P", "mm", "A4", ""), of}
	s.AddUTF8FontFromBytes(family, "", regular)
	s.AddUTF8FontFromBytes(family, "B", bold)
	// Nothing in it may depend on the hour or on the order of a map.
	s.SetCatalogSort(true)
	s.SetCreationDate(of.IssuedAt.UTC())
	s.SetModificationDate(of.IssuedAt.UTC())
	s.SetTitle(s.title()+" "+of.Number, true)
	s.SetAuthor(clean(of.SellerName), true)
	s.SetMargins(left, top, 210-right)
	s.SetAutoPageBreak(false, 0)
	s.AliasNbPages("{pages}")
	s.SetFooterFunc(s.footer)
	s.AddPage()
	s.letterhead()
	s.parties()
	s.table()
	s.totals()
	s.closing()
	var out bytes.Buffer
	if err := s.Output(&out); err != nil {
		return nil, fmt.Errorf("draw %s: %w", of.Number, err)
	}
	return out.Bytes(), nil
}

func (s *sheet) title() string {
	if s.of.Kind == billing.CreditNote {
		return "Credit note"
	}
	return "Invoice"
}

func (s *sheet) write(style string, size float64, c colour) {
	s.SetFont(family, style, size)
	s.SetTextColor(c.r, c.g, c.b)
}

// at writes one line of text with its left end at x, or its right end where width is negative.
func (s *sheet) at(x, y, width float64, text string) {
	align := "L"
	if width < 0 {
		x, width, align = x+width, -width, "R"
	}
	s.SetXY(x, y)
	s.CellFormat(width, 5, text, "", 0, align+"M", false, 0, "")
}

// block writes lines at the left edge below one another, each broken where it is too long, and says where the next one would stand.
func (s *sheet) block(y, width, height float64, text string) float64 {
	for paragraph := range strings.SplitSeq(text, "\n") {
		for _, part := range s.SplitText(clean(paragraph), width) {
			s.at(left, y, width, part)
			y += height
		}
	}
	return y
}

func (s *sheet) rule(y float64, c colour, width float64) {
	s.SetDrawColor(c.r, c.g, c.b)
	s.SetLineWidth(width)
	s.Line(left, y, right, y)
}

func (s *sheet) letterhead() {
	s.SetFillColor(accent.r, accent.g, accent.b)
	s.Rect(0, 0, 210, 4, "F")
	s.write("B", 17, ink)
	end := s.block(top-2, 90, 8, s.of.SellerName)
	s.write("", 8.5, quiet)
	if s.of.SellerAddress != "" {
		end = s.block(end+0.5, 90, 4.2, s.of.SellerAddress)
	}
	if s.of.SellerTaxID != "" {
		end = s.block(end, 90, 4.2, "Tax ID "+s.of.SellerTaxID)
	}
	s.write("B", 22, accent)
	s.SetXY(right-80, top-2)
	s.CellFormat(80, 9, s.title(), "", 0, "RM", false, 0, "")
	y := top + 11
	fact := func(name, value string) {
		s.write("", 8.5, quiet)
		s.at(right-80, y, 40, name)
		s.write("B", 8.5, ink)
		s.at(right, y, -50, value)
		y += 5
	}
	fact("Number", s.of.Number)
	fact("Date", day(s.of.IssuedAt))
	if s.of.Refers != "" {
		fact("For invoice", s.of.Refers)
	}
	fact("Payment", s.of.Payment.Reference)
	s.SetY(max(end, y) + 8)
}

func (s *sheet) parties() {
	y := s.GetY()
	s.write("B", 7.5, quiet)
	s.at(left, y, 60, "BILLED TO")
	s.write("B", 10.5, ink)
	y = s.block(y+5.5, 100, 5, s.of.BuyerName)
	s.write("", 9, ink)
	if s.of.BuyerAddress != "" {
		y = s.block(y, 100, 4.6, s.of.BuyerAddress)
	}
	if s.of.BuyerEmail != "" {
		y = s.block(y, 100, 4.6, s.of.BuyerEmail)
	}
	if s.of.BuyerTaxID != "" {
		y = s.block(y, 100, 4.6, "Tax ID "+s.of.BuyerTaxID)
	}
	s.SetY(y + 9)
}

func (s *sheet) columns() {
	y := s.GetY()
	s.write("B", 8, quiet)
	s.at(left, y, 60, "DESCRIPTION")
	s.at(periodAt, y, 40, "PERIOD (UTC)")
	s.at(right, y, -40, "AMOUNT "+string(s.of.Currency))
	s.rule(y+6.5, ink, 0.35)
	s.SetY(y + 8.5)
}

// room goes on with the next page where less than height is left.
func (s *sheet) room(height float64) (turned bool) {
	if s.GetY()+height <= bottom {
		return false
	}
	s.AddPage()
	s.write("", 8.5, quiet)
	s.at(left, top-6, 120, s.title()+" "+s.of.Number+", continued")
	s.SetY(top + 4)
	return true
}

func (s *sheet) table() {
	s.columns()
	for _, l := range s.of.Lines {
		s.write("", 9.5, ink)
		parts := s.SplitText(clean(l.Description), periodAt-left-4)
		height := float64(len(parts))*4.8 + 3.4
		if s.room(height) {
			s.columns()
			s.write("", 9.5, ink)
		}
		y := s.GetY()
		s.block(y, periodAt-left-4, 4.8, l.Description)
		s.at(right, y, -30, plain(l.Amount()))
		s.write("", 8.5, quiet)
		s.at(periodAt, y, amountAt-periodAt, l.PeriodStart.UTC().Format("2 Jan 2006")+" – "+l.PeriodEnd.UTC().Format("2 Jan 2006"))
		s.rule(y+height-1.2, line, 0.15)
		s.SetY(y + height)
	}
}

func (s *sheet) totals() {
	s.room(40)
	y := s.GetY() + 3
	sum := func(name string, m money.Money) {
		s.write("", 9.5, quiet)
		s.at(right-85, y, 55, name)
		s.write("", 9.5, ink)
		s.at(right, y, -30, plain(m))
		y += 5.6
	}
	sum("Net", s.of.Net())
	if s.of.TaxRate != nil {
		sum("Tax "+percent(*s.of.TaxRate)+" on "+plain(s.of.Taxable()), s.of.Tax())
	}
	s.SetDrawColor(ink.r, ink.g, ink.b)
	s.SetLineWidth(0.35)
	s.Line(right-85, y+1, right, y+1)
	y += 2.6
	s.write("B", 12, ink)
	s.at(right-85, y, 40, "Total")
	s.at(right, y, -50, s.of.Total().String())
	s.SetY(y + 11)
}

// closing says how it was paid, or how it goes back.
func (s *sheet) closing() {
	s.room(30)
	said := s.settled()
	if s.of.Kind == billing.CreditNote {
		said = s.returned()
	}
	s.write("", 9, quiet)
	s.SetY(s.block(s.GetY(), right-left, 4.8, strings.Join(said, "\n")))
}

// cash is what of the total was, or is, no affair of the balance.
func (s *sheet) cash() money.Money {
	return money.Money{Minor: s.of.TotalMinor - s.of.FromBalanceMinor, Currency: s.of.Currency}
}

// settled says how an invoice was paid.
func (s *sheet) settled() (said []string) {
	if s.of.FromBalanceMinor > 0 {
		said = append(said, s.of.PaidFromBalance().String()+" was paid from the balance of the account.")
	}
	if cash := s.cash(); cash.Minor > 0 {
		said = append(said, cash.String()+" was paid "+by(s.of.Payment)+".")
	}
	return append(said, "Nothing is left to pay.")
}

// returned says how a credit note's sum goes back, and why.
func (s *sheet) returned() (said []string) {
	if s.of.FromBalanceMinor > 0 {
		said = append(said, s.of.PaidFromBalance().String()+" of it came back to the balance of the account.")
	}
	if cash := s.cash(); cash.Minor > 0 {
		said = append(said, cash.String()+" of it goes back to whoever paid.")
	}
	if s.of.Note != "" {
		said = append(said, "Reason: "+s.of.Note)
	}
	return said
}

func by(p *billing.Payment) string {
	how := "by bank transfer"
	if p.Method == billing.Stripe {
		how = "by Stripe"
	}
	if p.ReceivedOn != nil {
		return how + " and received on " + day(*p.ReceivedOn)
	}
	return how
}

func (s *sheet) footer() {
	s.rule(280, line, 0.15)
	s.write("", 7.5, quiet)
	parts := []string{clean(s.of.SellerName)}
	if s.of.SellerTaxID != "" {
		parts = append(parts, "Tax ID "+clean(s.of.SellerTaxID))
	}
	s.at(left, 282, 110, strings.Join(append(parts, s.of.Number), "  ·  "))
	// How many there are is known at the end, and is taken for as wide as its name: nothing can stand right of it.
	s.at(right-20, 282, 20, fmt.Sprintf("Page %d of {pages}", s.PageNo()))
}

// clean leaves out what cannot be printed: what the font has no place for at all is shown as its sign for that.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r > 0xFFFF:
			return unicode.ReplacementChar
		case unicode.IsControl(r):
			return ' '
		default:
			return r
		}
	}, text)
}

func plain(m money.Money) string { return strings.Replace(string(m.Amount()), "-", "−", 1) }

// percent writes hundredths of a percent.
func percent(rate int) string {
	text := strconv.Itoa(rate / 100)
	if rest := rate % 100; rest != 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%02d", rest), "0")
	}
	return text + " %"
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }
