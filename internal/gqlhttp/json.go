package gqlhttp

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
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
	reasonHash          = "HASH_MISMATCH"
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
