package account

import (
	"net/mail"
	"strings"

	"igny8.com/accounts/internal/fault"
)

// Email brings an address to the form that it is stored and looked up in: trimmed, in lower case.
// Errors: REQUIRED, TOO_LONG, INVALID, at field email.
func Email(text string) (string, *fault.Error) {
	const most = 254 // RFC 5321: what fits into a path with its brackets
	email := strings.ToLower(strings.TrimSpace(text))
	if email == "" {
		return "", fault.New(fault.Required, "an email address is needed").At("email")
	}
	if len(email) > most {
		return "", fault.New(fault.TooLong, "at most %d characters", most).At("email")
	}
	parsed, err := mail.ParseAddress(email)
	_, domain, _ := strings.Cut(email, "@")
	if err != nil || parsed.Address != email || !ascii(email) || !strings.Contains(strings.Trim(domain, "."), ".") ||
		strings.ContainsAny(email, "\"[]") {
		return "", fault.New(fault.Invalid, "this is not an email address").At("email")
	}
	return email, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
