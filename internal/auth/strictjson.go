package auth

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// members reads a JSON object whose values are strings and numbers, each name once, and nothing
// behind it. encoding/json alone would take the last of two equal names, names in another case,
// broken UTF-8 and, behind a decoder, whatever follows.
func members(data []byte) (map[string]any, bool) {
	if !utf8.Valid(data) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, false
	}
	found := map[string]any{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		name, ok := token.(string)
		if _, twice := found[name]; !ok || twice {
			return nil, false
		}
		value, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		switch value.(type) {
		case string, json.Number:
			found[name] = value
		default:
			return nil, false
		}
	}
	if end, err := decoder.Token(); err != nil || end != json.Delim('}') {
		return nil, false
	}
	_, err := decoder.Token()
	return found, err == io.EOF
}
