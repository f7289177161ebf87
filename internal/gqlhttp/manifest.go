package gqlhttp

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const (
	apolloManifest = "apollo-persisted-query-manifest"
	// manifestDepth is how deep the JSON of either format nests.
	manifestDepth = 3
	// maxProblems is how many problems of one document are told.
	maxProblems = 3
)

// Operations are documents that were registered before the server started ("trusted operations"): ready
// to run, by their hash. Their number is not bounded, and no client can push one out.
type Operations struct{ documents map[string]*registered }

type registered struct {
	*document

	text string
}

// Len is how many there are.
func (o *Operations) Len() int { return len(o.documents) }

// listed is one entry of a manifest; name and kind are "" where the format has none.
type listed struct{ id, name, kind, body string }

// ReadOperations reads a manifest, in Apollo's format (apollo-persisted-query-manifest, version 1) or as
// a JSON object of documents by hash, and puts each document through what a client's goes through: the
// limits, which must be the handler's, and validation against the schema, which must be the very one that
// is served. The error names every document that is refused, and why.
func ReadOperations(schema *ast.Schema, limits Limits, manifest []byte) (*Operations, error) {
	entries, err := readManifest(manifest)
	if err != nil {
		return nil, err
	}
	limits = limits.withDefaults()
	p := &preparer{limits: limits, validator: newValidator(schema, maxProblems), cache: newDocumentCache(1, 1)}
	o := &Operations{documents: make(map[string]*registered, len(entries))}
	var problems []error
	for _, e := range entries {
		d, err := e.prepare(p)
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("%s: %w", e, err))
		case o.documents[e.id] != nil:
			problems = append(problems, fmt.Errorf("%s: it is listed twice", e))
		default:
			o.documents[e.id] = &registered{document: d, text: e.body}
		}
	}
	if len(entries) == 0 {
		problems = append(problems, errors.New("the manifest lists no operation"))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return o, nil
}

// String is how messages name an entry.
func (e listed) String() string {
	if e.name == "" {
		return "the operation " + shorten(e.id)
	}
	return fmt.Sprintf("the operation %s (%s)", quoted(e.name), shorten(e.id))
}

func (e listed) prepare(p *preparer) (*document, error) {
	if !isHash(e.id) {
		return nil, errors.New("its id is no SHA-256 in lower-case hex (graphql-codegen writes those with hashAlgorithm: 'sha256')")
	}
	if sum := hashOf(e.body); sum != e.id {
		return nil, fmt.Errorf("its id is not the hash of its text, which is %s", sum)
	}
	d, errs := p.document(e.body)
	if errs != nil {
		return nil, told(errs)
	}
	if e.name == "" && e.kind == "" {
		return d, nil
	}
	op := d.Operations.ForName(e.name)
	if op == nil || e.kind != string(op.Operation) {
		return nil, errors.New("its text has no operation of that name and type")
	}
	return d, nil
}

// told puts what is wrong with a document into one error.
func told(errs gqlerror.List) error {
	texts := make([]string, len(errs))
	for i, e := range errs {
		texts[i] = e.Message
		if len(e.Locations) > 0 {
			texts[i] = fmt.Sprintf("line %d, column %d: %s", e.Locations[0].Line, e.Locations[0].Column, e.Message)
		}
		if e.Extensions["limit"] != nil {
			texts[i] += fmt.Sprintf(" (%v)", e.Extensions["actual"])
		}
	}
	return errors.New(strings.Join(texts, " "))
}

func readManifest(text []byte) ([]listed, error) {
	v, jsonErr := decodeJSON(text, manifestDepth)
	if jsonErr != nil {
		return nil, fmt.Errorf("the manifest is not acceptable JSON: %w", jsonErr)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the manifest is no JSON object")
	}
	if _, apollo := object["format"]; apollo {
		return readApollo(object)
	}
	entries := make([]listed, 0, len(object))
	for _, id := range slices.Sorted(maps.Keys(object)) {
		body, ok := object[id].(string)
		if !ok {
			return nil, fmt.Errorf("%s: it is no text", listed{id: id})
		}
		entries = append(entries, listed{id: id, body: body})
	}
	return entries, nil
}

func readApollo(object map[string]any) ([]listed, error) {
	operations, ok := object["operations"].([]any)
	if object["format"] != apolloManifest || fmt.Sprint(object["version"]) != "1" || !ok {
		return nil, fmt.Errorf("the manifest is not of the format %s, version 1", apolloManifest)
	}
	entries := make([]listed, 0, len(operations))
	for i, v := range operations {
		o, _ := v.(map[string]any)
		var e listed
		for name, to := range map[string]*string{"id": &e.id, "name": &e.name, "type": &e.kind, "body": &e.body} {
			text, ok := o[name].(string)
			if !ok {
				return nil, fmt.Errorf("the operation %d of the manifest: its %s is no text", i+1, name)
			}
			*to = text
		}
		entries = append(entries, e)
	}
	return entries, nil
}
