package account

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// systemSlugs are the accounts that belong to the business itself.
var systemSlugs = []string{"aws-admin", "default-account", "default"}

// lookalikes maps what is read as a letter to that letter. It holds what can be mistaken within the
// reserved names: digits, and the Cyrillic and Greek letters drawn alike.
var lookalikes = map[rune]rune{
	'0': 'o', '1': 'l', '3': 'e', '4': 'a', '5': 's', '7': 't', '8': 'b', '9': 'g', '@': 'a', '$': 's', '!': 'l', '|': 'l',
	'i': 'l', 'а': 'a', 'в': 'b', 'е': 'e', 'к': 'k', 'м': 'm', 'н': 'h', 'о': 'o', 'р': 'p', 'с': 'c', 'т': 't', 'у': 'y',
	'х': 'x', 'і': 'l', 'ѕ': 's', 'ԁ': 'd', 'ո': 'n', 'ԝ': 'w', 'ӏ': 'l', 'ı': 'l', 'α': 'a', 'ν': 'v', 'ο': 'o', 'ι': 'l', 'ω': 'w',
	'ƒ': 'f', 'ɑ': 'a', 'ᴅ': 'd', 'ӓ': 'a',
}

// Reserved says whether a name is a system account's or would be read as one: compared without
// case, accents, signs, and digits at its end, with letters that look alike taken for one.
func Reserved(name string) bool {
	looks := skeleton(name)
	bare := skeleton(strings.TrimRightFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }))
	for _, slug := range systemSlugs {
		if s := skeleton(slug); looks == s || bare == s {
			return true
		}
	}
	return false
}

func skeleton(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		if letter, ok := lookalikes[r]; ok {
			r = letter
		}
		if unicode.IsLetter(r) {
			b.WriteRune(r)
		}
	}
	s := strings.NewReplacer("rn", "m", "vv", "w", "cl", "d").Replace(b.String())
	// A letter said twice reads like the letter.
	var squeezed strings.Builder
	var last rune
	for _, r := range s {
		if r != last {
			squeezed.WriteRune(r)
		}
		last = r
	}
	return squeezed.String()
}
