package fault

import (
	"strings"
	"unicode/utf8"
)

// MaxIdempotencyKey is how long an idempotency key may be, in characters.
const MaxIdempotencyKey = 200

// CheckText refuses text that is blank, longer than most characters, or none that can be kept. Faults:
// REQUIRED, TOO_LONG, INVALID, at the field.
func CheckText(text, field string, most int) *Error {
	if strings.TrimSpace(text) == "" {
		return New(Required, "this is needed").At(field)
	}
	return CheckLength(text, field, most)
}

// CheckLength is CheckText for text that may be blank.
func CheckLength(text, field string, most int) *Error {
	switch {
	case utf8.RuneCountInString(text) > most:
		return New(TooLong, "at most %d characters", most).At(field)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return New(Invalid, "this is no text").At(field)
	}
	return nil
}

// CheckIdempotencyKey refuses what is no key of a request, at field idempotencyKey.
func CheckIdempotencyKey(key string) *Error {
	return CheckText(key, "idempotencyKey", MaxIdempotencyKey)
}
