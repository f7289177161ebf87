package auth_test

import (
	"strings"
	"testing"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/fault"
)

func TestCheckPassword_RefusesWhatIsShortLongCommonOrOnesOwn(t *testing.T) {
	t.Parallel()
	others := []string{"christopher.walken@example.com", "Maria Fernanda Ruiz"}
	for name, c := range map[string]struct {
		password string
		weak     bool
	}{
		"empty":                         {"", true},
		"eleven characters":             {"x7#kQ2mLp9v", true},
		"twelve characters":             {"x7#kQ2mLp9vR", false},
		"twelve letters of one kind":    {"jkvwqzhgbnty", false},
		"twelve of two bytes":           {"žščřďťňžščřď", false},
		"eleven of two bytes":           {"žščřďťňžščř", true},
		"128 of four bytes":             {strings.Repeat("🦊🐻🐼🐨", 32), false},
		"129 characters":                {strings.Repeat("ab", 64) + "c", true},
		"128 typed with their accents":  {strings.Repeat("e\u0301a\u0302o\u0308u\u0304", 32), false},
		"six typed with their accents":  {strings.Repeat("e\u0301", 6), true},
		"a megabyte":                    {strings.Repeat("a", 1<<20), true},
		"no text":                       {"x7#kQ2mLp9vR\xff", true},
		"common":                        {"qwerty123456", true},
		"common in capitals":            {"QWERTY123456", true},
		"of the demo":                   {"igny8-demo-password", true},
		"the first line of the list":    {"!qazxsw2#edcvfr4", true},
		"the list's own remarks":        {"# Common passwords of 12 characters and more, in lower case, sorted: the most", false},
		"the email":                     {"christopher.walken@example.com", true},
		"the email in another case":     {"Christopher.Walken@Example.com", true},
		"the email before the at":       {"christopher.walken", true},
		"the name":                      {"maria fernanda ruiz", true},
		"a phrase with the name within": {"maria fernanda ruiz eats figs", false},
	} {
		f := auth.CheckPassword(c.password, others...)
		if (f != nil) != c.weak {
			t.Errorf("%s: %v, want weak %v", name, f, c.weak)
			continue
		}
		if f != nil {
			wantCode(t, f, fault.WeakPassword, "password")
			if c.password != "" && strings.Contains(f.Message, c.password) {
				t.Errorf("%s: the message shows the password", name)
			}
		}
	}
}
