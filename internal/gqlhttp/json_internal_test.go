package gqlhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzJSON compares with encoding/json: what we accept it accepts and means the same by, and what
// we refuse it refuses as well, unless we refuse it on purpose.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0.5e+3,"x\n\u00e9\ud83d\ude00",true,false,null,{}]}`, `"\u0000"`, `"\ud800"`, "[[[[]]]]", `{"a":1,"a":2}`, `{"a":1}x`,
		"1e400", "-0", "01", "1.", `{"":""}`, " \t\r\n[ 1 , 2 ] ", "\"\xff\"", "nul", `{"a":1,}`, "[1,]", `"\/\b\f\r\t\\\""`, "1e-999", "[0e1]",
	} {
		f.Add([]byte(text))
	}
	onPurpose := map[string]bool{
		reasonDuplicate: true, reasonDeep: true, reasonNumber: true, reasonUTF8: true, reasonNUL: true, reasonSurrogate: true,
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, refused := decodeJSON(text, 8)
		want, err := stock(text)
		switch {
		case refused == nil && err != nil:
			t.Errorf("accepted, but encoding/json says %v", err)
		case refused == nil && !reflect.DeepEqual(got, want):
			t.Errorf("read %#v, encoding/json reads %#v", got, want)
		case refused != nil && err == nil && !onPurpose[refused.reason]:
			t.Errorf("refused: %v", refused)
		case refused != nil && (refused.offset < 0 || refused.offset > len(text)):
			t.Errorf("refused at %d of %d bytes", refused.offset, len(text))
		case refused != nil && refused.reason == reasonUTF8 && utf8.Valid(text):
			t.Error("valid UTF-8 refused as invalid")
		}
	})
}

func stock(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return v, nil
}

var errTrailing = &jsonError{message: "more follows"}
