package scalar_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/graph/scalar"
	"igny8.com/accounts/internal/fault"
)

func written(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return b.String()
}

func TestDateTime_IsWrittenInUTC(t *testing.T) {
	t.Parallel()
	at, err := scalar.UnmarshalDateTime("2026-03-31T14:30:00.5+05:00")
	if err != nil || written(scalar.MarshalDateTime(at)) != `"2026-03-31T09:30:00.5Z"` {
		t.Errorf("%s, %v", at, err)
	}
}

func TestDateTime_RefusesOtherForms(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		"", "2026-03-31", "2026-03-31T09:30:00", "2026-03-31 09:30:00Z", "2026-02-30T09:30:00Z", "2026-03-31T9:30:00Z", "2026-03-31T09:30Z",
		"2026-03-31T25:30:00Z", "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
		"0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00", json.Number("1774949400"), nil, true,
	} {
		if at, err := scalar.UnmarshalDateTime(v); !fault.Is(err, fault.BadUserInput) {
			t.Errorf("%v is %s, %v", v, at, err)
		}
	}
}

func TestDate_IsACalendarDay(t *testing.T) {
	t.Parallel()
	day, err := scalar.UnmarshalDate("2026-03-31")
	if err != nil || !day.Equal(time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)) || written(scalar.MarshalDate(day)) != `"2026-03-31"` {
		t.Errorf("%s, %v", day, err)
	}
	for _, v := range []any{"2026-3-31", "2026-02-29", "31.03.2026", "2026-03-31T00:00:00Z", 20260331, nil} {
		if day, err := scalar.UnmarshalDate(v); !fault.Is(err, fault.BadUserInput) {
			t.Errorf("%v is %s, %v", v, day, err)
		}
	}
}

func TestJSON_IsAnObject(t *testing.T) {
	t.Parallel()
	raw, err := scalar.UnmarshalJSON(map[string]any{"a": json.Number("1")})
	if err != nil || written(scalar.MarshalJSON(raw)) != `{"a":1}` {
		t.Errorf("%s, %v", raw, err)
	}
	if written(scalar.MarshalJSON(nil)) != "null" {
		t.Error("nothing is not null")
	}
	if _, err := scalar.UnmarshalJSON([]any{}); !fault.Is(err, fault.BadUserInput) {
		t.Errorf("a list: %v", err)
	}
}

func TestText_IsQuoted(t *testing.T) {
	t.Parallel()
	if got := written(scalar.MarshalText("a\"b\n")); got != `"a\"b\n"` {
		t.Errorf("%s", got)
	}
	if _, err := scalar.UnmarshalText(7); !fault.Is(err, fault.BadUserInput) {
		t.Errorf("a number: %v", err)
	}
}
