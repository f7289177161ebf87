package gqlhttp

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// readRequest reads the parameters of a request, which is a POST or a GET.
func readRequest(w http.ResponseWriter, r *http.Request, limits Limits) (*graphql.RawParams, *gqlerror.Error) {
	started := graphql.Now()
	read := readPost
	if r.Method == http.MethodGet {
		read = readGet
	}
	params, err := read(w, r, limits)
	if err != nil {
		return nil, err
	}
	params.Headers = withoutCookies(r.Header)
	params.ReadTime = graphql.TraceTiming{Start: started, End: graphql.Now()}
	return params, nil
}

// withoutCookies keeps the one thing that must not authenticate from everything behind us.
func withoutCookies(header http.Header) http.Header {
	if header["Cookie"] == nil {
		return header
	}
	header = header.Clone()
	header.Del("Cookie")
	return header
}

func readPost(w http.ResponseWriter, r *http.Request, limits Limits) (*graphql.RawParams, *gqlerror.Error) {
	if err := checkContent(r.Header); err != nil {
		return nil, err
	}
	if r.ContentLength > int64(limits.BodyBytes) {
		return nil, exceeded(BodyLimit, limits.BodyBytes, r.ContentLength, "The body is larger than %d bytes.", limits.BodyBytes)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limits.BodyBytes)))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, exceeded(BodyLimit, limits.BodyBytes, int64(limits.BodyBytes)+1,
				"The body is larger than %d bytes.", limits.BodyBytes)
		}
		return nil, badRequest(reasonUnreadable, "The body could not be read to its end.")
	}
	v, jsonErr := decodeJSON(body, limits.JSONDepth)
	if jsonErr != nil {
		return nil, notJSON("The body", jsonErr)
	}
	object, ok := v.(map[string]any)
	if !ok {
		if _, batch := v.([]any); batch {
			return nil, badRequest(reasonBatch, "Batches are not supported: send one operation a request.")
		}
		return nil, badRequest(reasonParameter, "The body must be a JSON object.")
	}
	return parameters(object)
}

// checkContent refuses whatever is not JSON in UTF-8. A foreign web page can send other types
// without asking first, so this is a defence as well as a convention.
func checkContent(header http.Header) *gqlerror.Error {
	types := header.Values("Content-Type")
	if len(types) != 1 {
		return coded(UnsupportedMediaType, "Send exactly one Content-Type: application/json.")
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != mediaJSON {
		return coded(UnsupportedMediaType, "The Content-Type must be application/json.")
	}
	if charset, given := params["charset"]; given && !isUTF8(charset) {
		return coded(UnsupportedMediaType, "The charset must be utf-8.")
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return coded(UnsupportedMediaType, "The body must not be compressed.")
	}
	return nil
}

func readGet(_ http.ResponseWriter, r *http.Request, limits Limits) (*graphql.RawParams, *gqlerror.Error) {
	if n := len(r.URL.RawQuery); n > limits.BodyBytes {
		return nil, exceeded(BodyLimit, limits.BodyBytes, int64(n), "The query string is longer than %d bytes.", limits.BodyBytes)
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest(reasonParameter, "The query string is not properly encoded.")
	}
	object := make(map[string]any, 4)
	for _, name := range []string{"query", "operationName", "variables", "extensions"} {
		value, given := values[name]
		if !given || len(value) == 1 && value[0] == "" {
			continue
		}
		if len(value) > 1 {
			return nil, badRequest(reasonDuplicate, "The parameter %s is given twice.", name)
		}
		if !utf8.ValidString(value[0]) {
			return nil, badRequest(reasonUTF8, "The parameter %s is not valid UTF-8.", name)
		}
		if strings.IndexByte(value[0], 0) >= 0 {
			return nil, badRequest(reasonNUL, "The parameter %s contains the NUL character.", name)
		}
		object[name] = value[0]
		if name == "variables" || name == "extensions" {
			v, jsonErr := decodeJSON([]byte(value[0]), limits.JSONDepth)
			if jsonErr != nil {
				return nil, notJSON("The parameter "+name, jsonErr)
			}
			object[name] = v
		}
	}
	return parameters(object)
}

// parameters checks the types of the four parameters. Others are ignored, as the specification
// asks for the sake of its future.
func parameters(object map[string]any) (*graphql.RawParams, *gqlerror.Error) {
	params := &graphql.RawParams{}
	var err *gqlerror.Error
	if params.Query, err = parameter[string](object, "query", "a string"); err != nil {
		return nil, err
	}
	if params.OperationName, err = parameter[string](object, "operationName", "a string"); err != nil {
		return nil, err
	}
	if params.Variables, err = parameter[map[string]any](object, "variables", "an object"); err != nil {
		return nil, err
	}
	if params.Extensions, err = parameter[map[string]any](object, "extensions", "an object"); err != nil {
		return nil, err
	}
	return params, nil
}

// parameter is the zero value for an absent parameter and for null, which the specification holds
// to be the same.
func parameter[T any](object map[string]any, name, kind string) (T, *gqlerror.Error) {
	v := object[name]
	if v == nil {
		var zero T
		return zero, nil
	}
	t, ok := v.(T)
	if !ok {
		return t, badRequest(reasonParameter, "The parameter %s must be %s.", name, kind)
	}
	return t, nil
}

func notJSON(subject string, err *jsonError) *gqlerror.Error {
	e := badRequest(err.reason, "%s is not acceptable JSON. %s.", subject, err.message)
	e.Extensions["offset"] = err.offset
	return e
}

func badRequest(reason, format string, args ...any) *gqlerror.Error {
	e := coded(fault.BadRequest, format, args...)
	e.Extensions["reason"] = reason
	return e
}
