package money_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/money"
)

func TestParse_ReadsExactSums(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount   money.Decimal
		currency money.Currency
		minor    int64
		text     money.Decimal
	}{
		{"89.00", "USD", 8900, "89.00"},
		{"89", "USD", 8900, "89.00"},
		{"0.5", "USD", 50, "0.50"},
		{"89.0000", "USD", 8900, "89.00"},
		{"-12.34", "EUR", -1234, "-12.34"},
		{"-0.05", "EUR", -5, "-0.05"},
		{"500", "JPY", 500, "500"},
		{"1.234", "KWD", 1234, "1.234"},
	} {
		got, err := money.Parse(c.amount, c.currency)
		if err != nil || got.Minor != c.minor || got.Amount() != c.text || got.CurrencyCode() != c.currency {
			t.Errorf("%s %s: %d, %s, %v", c.amount, c.currency, got.Minor, got.Amount(), err)
		}
	}
}

func TestParse_NeverRounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount   money.Decimal
		currency money.Currency
	}{
		{"89.001", "USD"},
		{"1.5", "JPY"},
		{"1", "XXX"},
		{"", "USD"},
		{".5", "USD"},
		{"5.", "USD"},
		{"1e3", "USD"},
		{"+1", "USD"},
		{"01", "USD"},
		{"1,5", "USD"},
		{" 1", "USD"},
		{"--1", "USD"},
		{"1.2.3", "USD"},
		{"NaN", "USD"},
		{"１", "USD"},
		{"9999999999999999999", "USD"},
	} {
		if got, err := money.Parse(c.amount, c.currency); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q %s: %v, %v", c.amount, c.currency, got, err)
		}
	}
}

func TestAmount_IsReadBackAsTheSameSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := money.Money{
			Minor:    rapid.Int64Range(-1e14, 1e14).Draw(t, "minor"),
			Currency: rapid.SampledFrom([]money.Currency{"USD", "JPY", "KWD", "PKR"}).Draw(t, "currency"),
		}
		if got, err := money.Parse(m.Amount(), m.Currency); err != nil || got != m {
			t.Fatalf("%s: %v, %v", m, got, err)
		}
	})
}

func TestAmount_WritesTheSmallestNumber(t *testing.T) {
	t.Parallel()
	if got := (money.Money{Minor: math.MinInt64, Currency: "USD"}).Amount(); got != "-92233720368547758.08" {
		t.Errorf("%s", got)
	}
}
