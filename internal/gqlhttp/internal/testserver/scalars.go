package testserver

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"igny8.com/accounts/internal/fault"
)

// Any passes every JSON value through.
type Any struct{ Value any }

// UnmarshalGQL accepts every value.
func (a *Any) UnmarshalGQL(v any) error {
	a.Value = v
	return nil
}

// MarshalGQL writes the value as JSON.
func (a Any) MarshalGQL(w io.Writer) {
	if err := json.NewEncoder(w).Encode(a.Value); err != nil {
		panic(err)
	}
}

// Date is a calendar date. It refuses in both manners that a scalar can: by a fault for text that
// is no date, by a plain error for anything that is not text.
type Date struct{ time.Time }

// UnmarshalGQL reads a date as 2006-01-02.
func (d *Date) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("%T is no date", v)
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return fault.New(fault.BadUserInput, "A date looks like 2006-01-02.")
	}
	d.Time = t
	return nil
}

// MarshalGQL writes the date as 2006-01-02.
func (d Date) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, d.Format(`"`+time.DateOnly+`"`))
}
