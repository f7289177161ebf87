package gqlhttp

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// checkEscapes refuses a document whose string literals write a NUL or half of a surrogate pair
// as an escape: the parser would hand the first on and turn the second into U+FFFD. The text
// itself has been checked for both already. Whatever is wrong in other ways is left to the parser.
func checkEscapes(query string) *gqlerror.Error {
	if !strings.Contains(query, `\u`) {
		return nil
	}
	for i := 0; i < len(query); {
		switch rest := query[i:]; {
		case rest[0] == '#':
			i += lineLength(rest)
		case strings.HasPrefix(rest, `"""`):
			i += blockLength(rest)
		case rest[0] == '"':
			n, err := checkString(rest)
			if err != nil {
				return err
			}
			i += n
		default:
			i++
		}
	}
	return nil
}

func lineLength(s string) int {
	if n := strings.IndexAny(s, "\r\n"); n >= 0 {
		return n
	}
	return len(s)
}

// blockLength is the length of the block string that s starts with. Escapes mean nothing in it,
// except that \""" does not end it; of more than three quotes, the last three end it.
func blockLength(s string) int {
	for i := 3; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], `\"""`):
			i += 4
		case strings.HasPrefix(s[i:], `"""`):
			for i += 3; i < len(s) && s[i] == '"'; {
				i++
			}
			return i
		default:
			i++
		}
	}
	return len(s)
}

// checkString checks the string literal that s starts with and returns its length.
func checkString(s string) (int, *gqlerror.Error) {
	for i := 1; i < len(s); {
		switch c := s[i]; {
		case c == '"', c == '\n', c == '\r':
			return i + 1, nil
		case c != '\\' || i+1 == len(s):
			i++
		case s[i+1] != 'u':
			i += 2
		default:
			n, err := checkUnicode(s[i:])
			if err != nil {
				return 0, err
			}
			i += n
		}
	}
	return len(s), nil
}

// checkUnicode checks the \u escape that s starts with and returns its length.
func checkUnicode(s string) (int, *gqlerror.Error) {
	if strings.HasPrefix(s, `\u{`) {
		digits, _, closed := strings.Cut(s[3:], "}")
		if closed && digits != "" && strings.Trim(digits, "0") == "" {
			return 0, nulEscape()
		}
		return 3, nil
	}
	r, ok := hex4(s[2:])
	switch {
	case !ok:
		return 2, nil
	case r == 0:
		return 0, nulEscape()
	case !utf16.IsSurrogate(r):
		return 6, nil
	}
	if strings.HasPrefix(s[6:], `\u`) {
		if low, ok := hex4(s[8:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			return 12, nil
		}
	}
	return 0, coded(fault.BadUserInput, "A string literal contains half of a surrogate pair.")
}

func nulEscape() *gqlerror.Error {
	return coded(fault.BadUserInput, "A string literal contains the NUL character.")
}
