package billing

import (
	"context"
	"fmt"
	"math/bits"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// maxTaxRate is all of it, in hundredths of a percent.
const maxTaxRate = 10_000

// taxOn is the tax on a sum at a rate in hundredths of a percent, rounded once, half up. No rate is no tax.
func taxOn(minor int64, rate *int) int64 {
	if rate == nil || minor <= 0 {
		return 0
	}
	return proportion(minor, int64(*rate), maxTaxRate)
}

// proportion is total × part ÷ whole, rounded half up. None is negative, and part is whole at most.
func proportion(total, part, whole int64) int64 {
	high, low := bits.Mul64(uint64(total), uint64(part))   //nolint:gosec // none is negative
	quotient, rest := bits.Div64(high, low, uint64(whole)) //nolint:gosec // nor is this
	if rest >= uint64(whole)-rest {                        //nolint:gosec // the same
		quotient++
	}
	return int64(quotient) //nolint:gosec // at most total
}

// Taxing is what staff know of an account's tax.
type Taxing struct {
	AccountID gid.Account
	// Rate is in hundredths of a percent, nil for no tax.
	Rate *int
	// TaxID is the account's at its tax office, at most 50 characters, nil for none.
	TaxID *string
}

var taxID = regexp.MustCompile(`^[A-Z0-9][A-Z0-9 ./-]{1,48}[A-Z0-9]$`)

// SetTax sets an account's tax for the payments that are asked for from now on; those that wait keep theirs. What
// Stripe collects is taxed so from its next invoice on. Errors: NOT_FOUND at accountId, INVALID at taxRate and taxId.
func (o Office) SetTax(ctx context.Context, db bun.IDB, staff account.Actor, now time.Time, in Taxing) (*account.Account, error) {
	var faults fault.List
	if in.Rate != nil && (*in.Rate < 0 || *in.Rate > maxTaxRate) {
		faults.Add(fault.New(fault.Invalid, "0 to %d hundredths of a percent", maxTaxRate).At("taxRate"))
	}
	if in.TaxID != nil {
		clean := strings.ToUpper(strings.TrimSpace(*in.TaxID))
		in.TaxID = &clean
		if !taxID.MatchString(clean) {
			faults.Add(fault.New(fault.Invalid, "3 to 50 letters and digits, e.g. DE123456789").At("taxId"))
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	var changed *account.Account
	err := postgres.InTx(postgres.WithTenant(ctx, int64(in.AccountID)), db, func(ctx context.Context, tx bun.Tx) error {
		a, err := account.Lock(ctx, tx, in.AccountID)
		if err != nil {
			return at(err, "accountId")
		}
		changed, now = a, a.Now(now)
		other := !sameRate(a.TaxRate, in.Rate)
		before := map[string]any{"taxRate": a.TaxRate, "taxId": a.TaxID}
		a.TaxRate, a.TaxID, a.UpdatedAt = in.Rate, in.TaxID, now
		if _, err := tx.NewUpdate().Model(a).WherePK().Column("tax_rate", "tax_id", "updated_at").Exec(ctx); err != nil {
			return fmt.Errorf("set an account's tax: %w", err)
		}
		if other {
			if err := onCollected(ctx, tx, a, now, (*agreement).retax); err != nil {
				return err
			}
		}
		change := audit.On("account.tax_set", "account", a.ID).From(before).To(map[string]any{"taxRate": a.TaxRate, "taxId": a.TaxID})
		return audit.Record(ctx, tx, a.ID, staff.By(a.ID), now, change)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

func sameRate(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
