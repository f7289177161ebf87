// Package enum lets the text values that the database keeps in lower case be GraphQL's enum values in
// SCREAMING_CASE: the same word, written as each side writes it.
package enum

import (
	"fmt"
	"io"
	"strings"

	"igny8.com/accounts/internal/fault"
)

// Marshal writes v as a GraphQL enum value.
func Marshal[T ~string](w io.Writer, v T) {
	// Writing to the response buffer cannot fail.
	_, _ = fmt.Fprintf(w, "%q", strings.ToUpper(string(v)))
}

// Unmarshal reads a GraphQL enum value into v. That it is one of the enum's has been checked
// against the schema before. Errors: BAD_USER_INPUT for anything but a string.
func Unmarshal[T ~string](v *T, input any) error {
	s, ok := input.(string)
	if !ok {
		return fault.New(fault.BadUserInput, "an enum value is a name")
	}
	*v = T(strings.ToLower(s))
	return nil
}
