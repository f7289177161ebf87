package gqlhttp

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string, from its opening quote on.
func (d *jsonDecoder) str() (string, *jsonError) {
	d.pos++
	start := d.pos
	var b []byte // what precedes start, once an escape has been met
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; {
		case c == '"':
			b = append(b, d.data[start:d.pos]...)
			d.pos++
			return string(b), nil
		case c == '\\':
			b = append(b, d.data[start:d.pos]...)
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
			start = d.pos
		case c == 0:
			return "", d.fail(reasonNUL, "A string contains the NUL character")
		case c < ' ':
			return "", d.syntax("A string contains a control character")
		default:
			d.pos++
		}
	}
	return "", d.syntax("The JSON ends within a string")
}

func (d *jsonDecoder) escape() (rune, *jsonError) {
	d.pos++
	c := d.peek()
	if c == 'u' {
		return d.unicode()
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 || c == 0 {
		return 0, d.syntax("A string contains an unknown escape")
	}
	d.pos++
	return rune("\"\\/\b\f\n\r\t"[i]), nil
}

// unicode reads from the u of a \u escape on.
func (d *jsonDecoder) unicode() (rune, *jsonError) {
	r, ok := hex4(d.data[d.pos+1:])
	if !ok {
		return 0, d.syntax("A string contains a broken \\u escape")
	}
	if r == 0 {
		return 0, d.fail(reasonNUL, "A string contains the NUL character")
	}
	if utf16.IsSurrogate(r) {
		rest := d.data[d.pos+5:]
		if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
			return 0, d.fail(reasonSurrogate, "A string contains half of a surrogate pair")
		}
		low, ok := hex4(rest[2:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, d.fail(reasonSurrogate, "A string contains half of a surrogate pair")
		}
		d.pos += 6
	}
	d.pos += 5
	return r, nil
}

// hex4 reads the four hexadecimal digits that b starts with.
func hex4[T ~string | ~[]byte](b T) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		c := b[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
