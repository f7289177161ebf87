package gqlhttp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// statusPartial is the status of an answer that has both data and errors, by the edition of
// September 2026 of GraphQL over HTTP.
const statusPartial = 294

// answer is what leaves: data is nil where execution never began, and then has no entry.
type answer struct {
	errors     gqlerror.List
	data       json.RawMessage
	extensions map[string]any
}

// finish makes a response of the executor ready to leave: several errors in one are taken apart,
// what has no code gets one, the order no longer depends on which resolver was faster, and there
// are not too many.
func (h *handler) finish(ctx context.Context, response *graphql.Response) answer {
	if response == nil {
		// The executor yields nothing once the context is done.
		err := context.Cause(ctx)
		if err == nil {
			err = errNoAnswer
		}
		return answer{errors: gqlerror.List{h.present(ctx, err)}}
	}
	errs := expand(response.Errors)
	for i, e := range errs {
		if codeOf(e) == "" {
			errs[i] = h.present(ctx, e)
		}
	}
	if len(errs) == 0 && response.Data == nil {
		errs = gqlerror.List{h.present(ctx, errNoAnswer)}
	}
	slices.SortStableFunc(errs, compareErrors)
	a := answer{errors: errs, data: response.Data, extensions: response.Extensions}
	if omitted := len(errs) - h.limits.Errors; omitted > 0 {
		a.errors = errs[:h.limits.Errors]
		a.extensions = map[string]any{"errorsOmitted": omitted}
		maps.Copy(a.extensions, response.Extensions)
	}
	return a
}

func compareErrors(a, b *gqlerror.Error) int {
	if c := slices.CompareFunc(a.Path, b.Path, compareSteps); c != 0 {
		return c
	}
	if c := slices.CompareFunc(a.Locations, b.Locations, func(x, y gqlerror.Location) int {
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	}); c != 0 {
		return c
	}
	return strings.Compare(a.Message, b.Message)
}

// compareSteps puts the items of a list by number and before names, which cannot stand beside
// them anyway.
func compareSteps(a, b ast.PathElement) int {
	i, aIndex := a.(ast.PathIndex)
	j, bIndex := b.(ast.PathIndex)
	switch {
	case aIndex && bIndex:
		return cmp.Compare(i, j)
	case aIndex:
		return -1
	case bIndex:
		return 1
	}
	x, _ := a.(ast.PathName)
	y, _ := b.(ast.PathName)
	return cmp.Compare(x, y)
}

// status is the HTTP status of an answer. For application/json it says only whether the request
// was one: the client could not tell our 4xx from that of a proxy.
func (h *handler) status(media string, a answer) int {
	if a.data != nil {
		if h.edition2026 && media == mediaGraphQL && len(a.errors) > 0 {
			return statusPartial
		}
		return http.StatusOK
	}
	for _, e := range a.errors {
		code := codeOf(e)
		if media == mediaJSON && !malformed[code] {
			continue
		}
		if status, listed := statuses[code]; listed {
			return status
		}
		if malformed[code] {
			return http.StatusBadRequest
		}
	}
	switch {
	case media == mediaJSON:
		return http.StatusOK
	case h.edition2026 && codeOf(a.errors[0]) != fault.ParseFailed:
		return http.StatusUnprocessableEntity
	}
	return http.StatusBadRequest
}

// write sends an answer with its status, 0 for the one that follows from its errors.
func (h *handler) write(w http.ResponseWriter, media string, status int, a answer) error {
	head, tail, err := a.encode()
	if err != nil {
		return err
	}
	if status == 0 {
		status = h.status(media, a)
	}
	header := w.Header()
	header.Set("Content-Type", media+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(head)+len(a.data)+len(tail)))
	describe(header, status, a.errors)
	w.WriteHeader(status)
	for _, part := range [][]byte{head, a.data, tail} {
		//nolint:gosec // G705: JSON, sent as JSON that must not be sniffed
		if _, err := w.Write(part); err != nil {
			return nil //nolint:nilerr // the client is gone: there is nobody to tell
		}
	}
	return nil
}

// encode writes the JSON before and after the data, which gqlgen has written already: to pass it
// through a JSON encoder again would cost as much as some resolvers.
func (a answer) encode() (head, tail []byte, err error) {
	head = []byte{'{'}
	if len(a.errors) > 0 {
		text, err := json.Marshal(a.errors)
		if err != nil {
			return nil, nil, fmt.Errorf("gqlhttp: write errors: %w", err)
		}
		head = append(append(head, `"errors":`...), text...)
		if a.data != nil {
			head = append(head, ',')
		}
	}
	if a.data != nil {
		head = append(head, `"data":`...)
	}
	if len(a.extensions) > 0 {
		text, err := json.Marshal(a.extensions)
		if err != nil {
			return nil, nil, fmt.Errorf("gqlhttp: write extensions: %w", err)
		}
		tail = append(append(tail, `,"extensions":`...), text...)
	}
	return head, append(tail, '}'), nil
}

// describe adds the headers that statuses and codes ask for.
func describe(header http.Header, status int, errs gqlerror.List) {
	switch status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	case http.StatusUnsupportedMediaType:
		header.Set("Accept-Post", mediaJSON)
	}
	for _, e := range errs {
		if seconds, ok := e.Extensions["retryAfterSeconds"].(int); ok && codeOf(e) == fault.Throttled {
			header.Set("Retry-After", strconv.Itoa(seconds))
			return
		}
	}
}
