// Package money owns sums of money: whole minor units with a currency, written for clients as an
// exact decimal. No float ever holds a sum.
package money

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"igny8.com/accounts/internal/fault"
)

// Currency is an ISO 4217 code that this service can be paid in.
type Currency string

// exponents says how many decimals each currency has (ISO 4217).
var exponents = map[Currency]int{
	"USD": 2, "EUR": 2, "GBP": 2, "PKR": 2, "INR": 2, "AED": 2, "SAR": 2, "CAD": 2, "AUD": 2, "CHF": 2, "JPY": 0, "KWD": 3,
}

// Known says whether sums in c can be handled.
func (c Currency) Known() bool { _, ok := exponents[c]; return ok }

// MarshalGQL writes the enum value.
func (c Currency) MarshalGQL(w io.Writer) { _, _ = fmt.Fprintf(w, "%q", string(c)) }

// UnmarshalGQL reads the enum value.
func (c *Currency) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return fault.New(fault.BadUserInput, "a currency is its ISO 4217 code")
	}
	*c = Currency(s)
	return nil
}

// Money is a sum: Minor units (cents for USD) of Currency.
type Money struct {
	Minor    int64
	Currency Currency
}

// Amount is the sum as a decimal with all of the currency's places, e.g. "89.00".
func (m Money) Amount() Decimal {
	return Decimal(format(m.Minor, exponents[m.Currency]))
}

// CurrencyCode is the currency.
func (m Money) CurrencyCode() Currency { return m.Currency }

func (m Money) String() string { return string(m.Amount()) + " " + string(m.Currency) }

// Times is the sum n times over.
func (m Money) Times(n int) Money { return Money{m.Minor * int64(n), m.Currency} }

// Decimal is an exact decimal number in plain notation, e.g. "-12.50".
type Decimal string

// MarshalGQL writes the number as a JSON string, so that no client rounds it.
func (d Decimal) MarshalGQL(w io.Writer) { _, _ = fmt.Fprintf(w, "%q", string(d)) }

// UnmarshalGQL reads a plain decimal; exponents, signs other than one leading minus and anything
// beyond 18 digits are refused as INVALID.
func (d *Decimal) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return fault.New(fault.BadUserInput, `a Decimal is a string such as "89.00"`)
	}
	if _, _, err := digits(s); err != nil {
		return err
	}
	*d = Decimal(s)
	return nil
}

// Parse makes a sum of a decimal and a currency. It never rounds. Errors: INVALID where the decimal
// has more places than the currency, or is no decimal, or the currency is not known.
func Parse(amount Decimal, currency Currency) (Money, error) {
	places, ok := exponents[currency]
	if !ok {
		return Money{}, fault.New(fault.Invalid, "this currency is not accepted").At("currencyCode")
	}
	whole, fraction, err := digits(string(amount))
	if err != nil {
		return Money{}, fault.New(fault.Invalid, "an amount is a decimal such as 89.00").At("amount")
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > places {
		return Money{}, fault.New(fault.Invalid, "%s has %d decimal places", currency, places).At("amount")
	}
	minor, convErr := strconv.ParseInt(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 64)
	if convErr != nil {
		return Money{}, fault.New(fault.Invalid, "this amount is too large").At("amount")
	}
	return Money{minor, currency}, nil
}

// digits parts a plain decimal into what stands before the point (with its sign) and after it.
func digits(s string) (whole, fraction string, err error) {
	malformed := fault.New(fault.BadUserInput, `a Decimal is a plain number such as "89.00"`)
	whole, fraction, point := strings.Cut(s, ".")
	unsigned := strings.TrimPrefix(whole, "-")
	if unsigned == "" || (point && fraction == "") || len(unsigned)+len(fraction) > 18 {
		return "", "", malformed
	}
	for _, r := range unsigned + fraction {
		if r < '0' || r > '9' {
			return "", "", malformed
		}
	}
	if len(unsigned) > 1 && unsigned[0] == '0' {
		return "", "", malformed
	}
	return whole, fraction, nil
}

func format(minor int64, places int) string {
	sign := ""
	if minor < 0 {
		sign = "-"
	}
	// Digits of the magnitude; formatting the number itself is safe for the smallest int64 too.
	text := strings.TrimPrefix(strconv.FormatInt(minor, 10), "-")
	if places == 0 {
		return sign + text
	}
	if len(text) <= places {
		text = strings.Repeat("0", places-len(text)+1) + text
	}
	return sign + text[:len(text)-places] + "." + text[len(text)-places:]
}
