package doctor

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Text is the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // a builder takes everything
	line("plans")
	for _, p := range r.Plans {
		state := "active"
		if !p.Active {
			state = "inactive"
		}
		line("  %s\t%d accounts\t%d credits\t%d sites\t%d users\t%d.%02d %s\t%s",
			p.Slug, p.Accounts, p.IncludedCredits, p.MaxSites, p.MaxUsers, p.PriceMinor/100, p.PriceMinor%100, p.Currency, state)
	}
	section := ""
	for _, c := range r.Counts {
		if c.Section != section {
			section = c.Section
			line("%s", section)
		}
		if c.Sum != nil {
			line("  %s\t%d\t%+d credits", c.Name, c.N, *c.Sum)
			continue
		}
		line("  %s\t%d", c.Name, c.N)
	}
	_ = w.Flush() // a builder takes everything
	fmt.Fprintf(&b, "\nchecked %d accounts and %d ledger lines: %d problems\n", r.Accounts, r.Lines, len(r.Problems))
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s\n", p)
	}
	return b.String()
}
