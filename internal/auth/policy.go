package auth

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"

	"igny8.com/accounts/internal/fault"
)

const (
	minPassword = 12
	maxPassword = 128
	// maxPasswordBytes bounds the work before anything is counted. A character that is typed as a
	// letter and its accents takes more bytes than when it is composed.
	maxPasswordBytes = 8 * maxPassword
)

//go:embed common_passwords.txt
var commonPasswords string

var common = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for line := range strings.Lines(commonPasswords) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			known[line] = true
		}
	}
	return known
})

// CheckPassword judges a new password: 12 to 128 characters, none of the common ones, and none of
// others, the email and name that it is to protect. There are no rules on which characters it is
// made of. The fault is WEAK_PASSWORD at password, nil where there is none.
func CheckPassword(password string, others ...string) *fault.Error {
	if len(password) > maxPasswordBytes || !utf8.ValidString(password) {
		return weak("a password has at most %d characters of text", maxPassword)
	}
	password = opaque(password)
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return weak("a password has at least %d characters", minPassword)
	case n > maxPassword:
		return weak("a password has at most %d characters", maxPassword)
	case common()[strings.ToLower(password)]:
		return weak("this is one of the passwords that are tried first: choose another one")
	}
	for _, other := range others {
		other = strings.TrimSpace(opaque(other))
		local, _, _ := strings.Cut(other, "@")
		if strings.EqualFold(password, other) || strings.EqualFold(password, local) {
			return weak("a password must not be your name or your email address")
		}
	}
	return nil
}

func weak(format string, args ...any) *fault.Error {
	return fault.New(fault.WeakPassword, format, args...).At("password")
}
