package demo

import (
	"testing"
	"time"

	"igny8.com/accounts/internal/credit"
)

func TestLedger_SplitsUnrecordedUsageAsEvenlyAsWholeCreditsAllow(t *testing.T) {
	t.Parallel()
	admin := find(t, "aws-admin")
	lines := admin.ledger(time.Now())
	if len(lines) != 280 {
		t.Fatalf("%d lines, want 280", len(lines))
	}
	amounts := map[int64]int{}
	var sum int64
	for _, line := range lines[1:277] {
		if line.Type != credit.Deduction || line.Operation != nil || line.Quantity != nil {
			t.Fatalf("line %d is %+v, want a deduction that claims no operation and no quantity", line.Seq, line)
		}
		if string(line.Metadata) != `{"reconstructed": true}` {
			t.Fatalf("line %d has the metadata %s: it must say that it is reconstructed", line.Seq, line.Metadata)
		}
		amounts[line.Amount]++
		sum += line.Amount
	}
	if sum != -9540 || len(amounts) != 2 || amounts[-34] != 120 || amounts[-35] != 156 {
		t.Errorf("amounts %v with the sum %d, want 120 of -34 and 156 of -35, together -9540", amounts, sum)
	}
	for _, line := range append(lines[:1:1], lines[277:]...) {
		if line.Metadata != nil {
			t.Errorf("line %d was recorded, and has the metadata %s", line.Seq, line.Metadata)
		}
	}
}

func TestLedger_EndsOnTheRecordedBalance(t *testing.T) {
	t.Parallel()
	for i := range state {
		a := &state[i]
		lines := a.ledger(time.Now())
		if a.balance == 0 {
			if len(lines) != 0 || a.grant(time.Now()) != nil {
				t.Errorf("%s was given nothing, and has %d lines", a.slug, len(lines))
			}
			continue
		}
		if got := lines[len(lines)-1].BalanceAfter; got != a.balance {
			t.Errorf("%s ends on %d, want %d", a.slug, got, a.balance)
		}
		if a.usage.lines == 0 && len(lines) != 1 {
			t.Errorf("%s has %d lines, want the opening alone", a.slug, len(lines))
		}
	}
}

func find(t *testing.T, slug string) *tenant {
	t.Helper()
	for i := range state {
		if state[i].slug == slug {
			return &state[i]
		}
	}
	t.Fatalf("no account %s", slug)
	return nil
}
