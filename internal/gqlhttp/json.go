package gqlhttp

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Reasons, in the extensions of a BAD_REQUEST, why a body or a parameter could not be read.
const (
	reasonSyntax        = "INVALID_JSON"
	reasonTrailing      = "TRAILING_DATA"
	reasonDuplicate     = "DUPLICATE_KEY"
	reasonDeep          = "TOO_DEEP"
	reasonNumber        = "NUMBER_OUT_OF_RANGE"
	reasonUTF8          = "INVALID_UTF8"
	reasonNUL           = "NUL_CHARACTER"
	reasonSurrogate     = "LONE_SURROGATE"
	reasonBatch         = "BATCHING"
	reasonParameter     = "INVALID_PARAMETER"
	reasonUnreadable    = "UNREADABLE_BODY"
	reasonUnsupportedOp = "UNSUPPORTED_OPERATION"
)

// maxNumberBytes bounds the text of one number; an int64 takes 20, a float64 in full about 340.
const maxNumberBytes = 400

// jsonError says why and where a text is not the JSON that we take. It holds nothing of the text.
type jsonError struct {
	reason  string
	message string
	offset  int
}

func (e *jsonError) Error() string { return e.message + " at byte " + strconv.Itoa(e.offset) }

// decodeJSON reads one JSON value, stricter than encoding/json: an object has no key twice, a
// \u escape is no half of a surrogate pair and no NUL, all text is valid UTF-8, numbers fit a
// float64, arrays and objects nest at most maxDepth deep, and nothing but white space follows.
// Objects become map[string]any, arrays []any, numbers json.Number.
func decodeJSON(data []byte, maxDepth int) (any, *jsonError) {
	d := jsonDecoder{data: data, depth: maxDepth}
	if !utf8.Valid(data) {
		return nil, d.fail(reasonUTF8, "The text is not valid UTF-8")
	}
	d.space()
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	d.space()
	if d.pos < len(d.data) {
		return nil, d.fail(reasonTrailing, "There is more after the end of the JSON value")
	}
	return v, nil
}

type jsonDecoder struct {
	data  []byte
	pos   int
	depth int // how many more levels may open
}

func (d *jsonDecoder) fail(reason, message string) *jsonError {
	return &jsonError{reason: reason, message: message, offset: d.pos}
}

func (d *jsonDecoder) syntax(message string) *jsonError { return d.fail(reasonSyntax, message) }

func (d *jsonDecoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek is the next byte, or 0 at the end; a NUL in the text is no legal token, so the two need
// not be told apart.
func (d *jsonDecoder) peek() byte {
	if d.pos < len(d.data) {
		return d.data[d.pos]
	}
	return 0
}

func (d *jsonDecoder) value() (any, *jsonError) {
	switch c := d.peek(); {
	case c == '{':
		return d.object()
	case c == '[':
		return d.array()
	case c == '"':
		return d.str()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case c == 't':
		return d.literal("true", true)
	case c == 'f':
		return d.literal("false", false)
	case c == 'n':
		return d.literal("null", nil)
	case d.pos >= len(d.data):
		return nil, d.syntax("The JSON ends too early")
	}
	return nil, d.syntax("Expected a JSON value")
}

func (d *jsonDecoder) literal(text string, v any) (any, *jsonError) {
	if !strings.HasPrefix(string(d.data[d.pos:min(len(d.data), d.pos+len(text))]), text) {
		return nil, d.syntax("Expected a JSON value")
	}
	d.pos += len(text)
	return v, nil
}

func (d *jsonDecoder) open() *jsonError {
	if d.depth == 0 {
		return d.fail(reasonDeep, "The JSON nests too deep")
	}
	d.depth--
	d.pos++
	d.space()
	return nil
}

func (d *jsonDecoder) object() (any, *jsonError) {
	if err := d.open(); err != nil {
		return nil, err
	}
	object := map[string]any{}
	for d.peek() != '}' {
		if len(object) > 0 {
			if err := d.comma(); err != nil {
				return nil, err
			}
		}
		if d.peek() != '"' {
			return nil, d.syntax("Expected the name of a JSON member")
		}
		key, err := d.str()
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			return nil, d.fail(reasonDuplicate, "A JSON object has the same member twice")
		}
		d.space()
		if d.peek() != ':' {
			return nil, d.syntax("Expected a colon")
		}
		d.pos++
		d.space()
		if object[key], err = d.value(); err != nil {
			return nil, err
		}
		d.space()
	}
	d.pos++
	d.depth++
	return object, nil
}

func (d *jsonDecoder) array() (any, *jsonError) {
	if err := d.open(); err != nil {
		return nil, err
	}
	array := []any{}
	for d.peek() != ']' {
		if len(array) > 0 {
			if err := d.comma(); err != nil {
				return nil, err
			}
		}
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		array = append(array, v)
		d.space()
	}
	d.pos++
	d.depth++
	return array, nil
}

func (d *jsonDecoder) comma() *jsonError {
	if d.peek() != ',' {
		return d.syntax("Expected a comma or the end")
	}
	d.pos++
	d.space()
	return nil
}

func (d *jsonDecoder) digits() bool {
	start := d.pos
	for c := d.peek(); c >= '0' && c <= '9'; c = d.peek() {
		d.pos++
	}
	return d.pos > start
}

func (d *jsonDecoder) number() (any, *jsonError) {
	start := d.pos
	if d.peek() == '-' {
		d.pos++
	}
	if d.peek() == '0' {
		d.pos++
	} else if !d.digits() {
		return nil, d.syntax("Expected a digit")
	}
	if d.peek() == '.' {
		d.pos++
		if !d.digits() {
			return nil, d.syntax("Expected a digit")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if !d.digits() {
			return nil, d.syntax("Expected a digit")
		}
	}
	n := json.Number(d.data[start:d.pos])
	if len(n) > maxNumberBytes {
		return nil, d.fail(reasonNumber, "A number is too long")
	}
	if _, err := n.Float64(); errors.Is(err, strconv.ErrRange) {
		return nil, d.fail(reasonNumber, "A number is out of range")
	}
	return n, nil
}

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
