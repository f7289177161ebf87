package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxExponent bounds the exponents of numbers in JSON that is kept: Postgres keeps a number digit by
// digit, and nine bytes such as 0e-16000 would become sixteen thousand.
const maxExponent = 30

// CheckObject judges JSON that a client wants kept, which is empty, null or one object of at most so many
// bytes, and writes it in the one way in which the same object has the same bytes; nil for none. Fault, at
// the field: TOO_LONG; INVALID for anything else, and for what Postgres cannot keep and give back in about
// its size.
func CheckObject(raw json.RawMessage, field string, most int) (json.RawMessage, *Error) {
	if len(raw) == 0 {
		return nil, nil
	}
	if len(raw) > most {
		return nil, New(TooLong, "at most %d bytes of JSON", most).At(field)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	err := decoder.Decode(&object)
	if _, end := decoder.Token(); err != nil || !errors.Is(end, io.EOF) || !keepable(object) {
		return nil, New(Invalid, "this is no JSON object that can be kept").At(field)
	}
	if object == nil {
		return nil, nil
	}
	out, err := json.Marshal(object)
	if err != nil {
		return nil, New(Invalid, "this is no JSON object that can be kept").At(field)
	}
	return out, nil
}

// keepable says whether Postgres can keep a JSON value: no NUL in text, no number with a large exponent.
func keepable(v any) bool {
	switch v := v.(type) {
	case string:
		return !strings.ContainsRune(v, 0)
	case json.Number:
		_, exponent, found := strings.Cut(strings.ToLower(v.String()), "e")
		if !found {
			return true
		}
		n, err := strconv.Atoi(exponent)
		return err == nil && n >= -maxExponent && n <= maxExponent
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !keepable(e) })
	case map[string]any:
		for k, e := range v {
			if !keepable(k) || !keepable(e) {
				return false
			}
		}
	}
	return true
}
