package gqlhttp

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

const (
	// maxMessage bounds an error's message, in bytes: messages may name things that the document
	// calls as it likes, and fifty of them must stay a small answer.
	maxMessage = 300
	// maxName bounds a name that is quoted in a message.
	maxName = 64
)

// coded makes an error that is ready to leave.
func coded(code fault.Code, format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    fmt.Sprintf(format, args...),
		Extensions: map[string]any{"code": string(code)},
	}
}

func exceeded[L, A int | int64](code fault.Code, limit L, actual A, format string, args ...any) *gqlerror.Error {
	e := coded(code, format, args...)
	e.Extensions["limit"] = limit
	e.Extensions["actual"] = actual
	return e
}

func at(e *gqlerror.Error, position *ast.Position) *gqlerror.Error {
	if position != nil && position.Line > 0 {
		e.Locations = append(e.Locations, gqlerror.Location{Line: position.Line, Column: position.Column})
	}
	return e
}

// codeOf is "" for an error without a code.
func codeOf(e *gqlerror.Error) fault.Code {
	switch code := e.Extensions["code"].(type) {
	case string:
		return fault.Code(code)
	case fault.Code:
		return code
	}
	return ""
}

// combinedError carries several errors through gqlgen's interfaces that take one; the answer lists
// them one by one.
type combinedError gqlerror.List

func (m combinedError) Error() string { return gqlerror.List(m).Error() }

// one is an error that stands for all of list, which is not empty.
func one(list gqlerror.List) *gqlerror.Error {
	if len(list) == 1 {
		return list[0]
	}
	carrier := *list[0]
	carrier.Err = combinedError(list)
	return &carrier
}

// expand is the reverse of one, for each of list.
func expand(list gqlerror.List) gqlerror.List {
	out := make(gqlerror.List, 0, len(list))
	for _, e := range list {
		if e == nil {
			continue
		}
		if many, ok := errors.AsType[combinedError](e.Err); ok {
			out = append(out, many...)
			continue
		}
		out = append(out, e)
	}
	return out
}

// shorten cuts a message to at most maxMessage bytes, between two characters.
func shorten(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	cut := maxMessage - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// quoted shows what a client calls something, if it looks like a name; anything else could be a
// value that slipped into its place, a password for instance.
func quoted(name string) string {
	if name == "" || len(name) > maxName || strings.IndexFunc(name, notNameRune) >= 0 {
		return "(not shown)"
	}
	return `"` + name + `"`
}

func notNameRune(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}
