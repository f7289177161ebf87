// Package scalar is how the schema's own scalars are read and written. Reading is strict: what is not
// of a scalar's form is refused before any resolver runs.
package scalar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/fault"
)

// MarshalDateTime writes an instant in RFC 3339, in UTC, to the microsecond that the database keeps.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return quoted(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalDateTime reads an RFC 3339 instant with an offset, in years 1 to 9999.
func UnmarshalDateTime(v any) (time.Time, error) {
	return instant(v, time.RFC3339Nano, "a DateTime is RFC 3339 with an offset, e.g. 2026-03-31T09:30:00Z")
}

// MarshalDate writes a calendar day.
func MarshalDate(t time.Time) graphql.Marshaler { return quoted(t.Format(time.DateOnly)) }

// UnmarshalDate reads a calendar day as its midnight in UTC.
func UnmarshalDate(v any) (time.Time, error) {
	return instant(v, time.DateOnly, "a Date is a full-date of RFC 3339, e.g. 2026-03-31")
}

// instant reads text of a layout. That it is written back the same length keeps out what Go's parser
// forgives, such as hours of one digit.
func instant(v any, layout, form string) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, fault.New(fault.BadUserInput, "%s", form)
	}
	t, err := time.Parse(layout, s)
	t = t.UTC() // which may be of another year
	if err != nil || t.Year() < 1 || t.Year() > 9999 || len(s) < len(time.DateOnly) || len(s) > len(time.RFC3339Nano) {
		return time.Time{}, fault.New(fault.BadUserInput, "%s", form)
	}
	if layout == time.RFC3339Nano && (len(s) < len("2006-01-02T15:04:05Z") || s[13] != ':') {
		return time.Time{}, fault.New(fault.BadUserInput, "%s", form)
	}
	return t, nil
}

// MarshalText writes text.
func MarshalText(s string) graphql.Marshaler { return quoted(s) }

// UnmarshalText reads text. Addresses are judged by the operation that takes them, so that what is
// wrong with one is told beside what is wrong with its neighbours.
func UnmarshalText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fault.New(fault.BadUserInput, "this is text")
	}
	return s, nil
}

// MarshalJSON writes a JSON value as it is.
func MarshalJSON(raw json.RawMessage) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		if len(raw) == 0 {
			raw = json.RawMessage("null")
		}
		// Writing to the response buffer cannot fail.
		_, _ = w.Write(raw)
	})
}

// UnmarshalJSON reads a JSON object.
func UnmarshalJSON(v any) (json.RawMessage, error) {
	if _, ok := v.(map[string]any); !ok {
		return nil, fault.New(fault.BadUserInput, "this is a JSON object")
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return bytes.TrimSpace(raw), nil
}

func quoted(s string) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		raw, _ := json.Marshal(s) // text always marshals
		_, _ = w.Write(raw)
	})
}
