// Package slug makes the names that stand in addresses: lower-case ASCII letters and digits, in
// groups joined by single hyphens.
//
// What must always hold: whatever text comes in, what Make, Numbered and Unique give is valid, as the
// database's CHECK on slugs has it, and not longer than asked.
package slug

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// unmarked are Latin letters that are no ASCII letter with a mark, so that decomposing them does not
// lead to ASCII.
var unmarked = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ł': "l", 'ħ': "h", 'ŧ': "t", 'ı': "i",
	'ŋ': "ng", 'ə': "e",
}

// Make gives the slug of a text, at most limit bytes long: accents are taken off, apostrophes left
// out, and everything else that is neither letter nor digit of ASCII parts words. Where nothing of
// the text remains, it is fallback, which must be valid.
func Make(text, fallback string, limit int) string {
	var b strings.Builder
	parted := false
	word := func(s string) {
		if parted && b.Len() > 0 {
			b.WriteByte('-')
		}
		parted = false
		b.WriteString(s)
	}
	for _, r := range norm.NFKD.String(text) {
		if b.Len() > limit {
			break
		}
		r = unicode.ToLower(r)
		switch {
		case isPart(r):
			word(string(r))
		case unmarked[r] != "":
			word(unmarked[r])
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’':
		default:
			parted = true
		}
	}
	if b.Len() == 0 {
		return cut(fallback, limit)
	}
	return cut(b.String(), limit)
}

// Valid says whether s is a slug. It judges the form alone, not the length.
func Valid(s string) bool {
	for word := range strings.SplitSeq(s, "-") {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return !isPart(r) }) {
			return false
		}
	}
	return true
}

// Numbered gives base with a number after it, shortened so that both have room in limit bytes.
func Numbered(base string, n, limit int) string {
	suffix := "-" + strconv.Itoa(n)
	return cut(base, limit-len(suffix)) + suffix
}

// Unique gives base if it is free, else base numbered from 2 on by the first number that is free.
func Unique(base string, limit int, taken func(string) bool) string {
	for n, s := 2, base; ; n++ {
		if !taken(s) {
			return s
		}
		s = Numbered(base, n, limit)
	}
}

func cut(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.TrimRight(s, "-")
}

func isPart(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }
