package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// node is the path of node, or skips the test. IGNY8_REQUIRE_NODE forbids to skip.
func node(t *testing.T, packages string) string {
	t.Helper()
	missing := ""
	path, err := exec.LookPath("node")
	if err != nil {
		missing = "node is not installed"
	} else if _, err := os.Stat(filepath.Join(packages, "node_modules")); err != nil {
		missing = "the packages are not installed; type: npm ci --prefix " + strings.TrimPrefix(packages, "../")
	}
	if missing == "" {
		return path
	}
	if os.Getenv("IGNY8_REQUIRE_NODE") != "" {
		t.Fatalf("IGNY8_REQUIRE_NODE is set, but %s", missing)
	}
	t.Skip(missing)
	return ""
}

// The packages that frontends use, as they use them: what they are told, and that they come back by
// themselves from a token that is good no longer.
func TestLive_ServesGraphQLWSAndGraphQLSSE(t *testing.T) {
	t.Parallel()
	const packages = "../internal/gqlhttp/testdata/clients"
	program := node(t, packages)
	a := serve(t).telling()
	s := a.signUp("ada@example.com", "Ada")
	w := a.watch(quick())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "clients.mjs", w.url, a.url, s.token)
	cmd.Dir = filepath.FromSlash(packages)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr.String())
	}
	type step struct{ Client, Step string }
	got := map[step]string{}
	for line := range bytes.Lines(out) {
		var l struct {
			step

			Result json.RawMessage
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		got[l.step] += string(l.Result)
	}
	for of, want := range map[step][]string{
		{"graphql-ws", "closed"}:                {"4403"},
		{"graphql-ws", "query"}:                 {`"results":[{"data":{"viewer":{"role":"OWNER"}}`},
		{"graphql-ws", "validation error"}:      {`"results":[],"error":[{`, `"code":"GRAPHQL_VALIDATION_FAILED"`},
		{"graphql-ws", "partial error"}:         {`"viewer":{"role":"OWNER"}`, `"paymentQueue":null`, `"code":"FORBIDDEN"`},
		{"graphql-ws", "refused subscription"}:  {`"results":[],"error":[{`, `"code":"NOT_FOUND"`},
		{"graphql-ws", "hash alone"}:            {`"results":[]`, `"code":"PERSISTED_QUERY_NOT_FOUND"`},
		{"graphql-ws", "hash and text"}:         {`"results":[{"data":{"viewer":{"role":"OWNER"}}`},
		{"graphql-ws", "known hash"}:            {`"results":[{"data":{"viewer":{"role":"OWNER"}}`},
		{"graphql-sse", "hash alone"}:           {`"code":"PERSISTED_QUERY_NOT_FOUND"`},
		{"graphql-sse", "hash and text"}:        {`"results":[{"data":{"viewer":{"role":"OWNER"}}`},
		{"graphql-sse", "known hash"}:           {`"results":[{"data":{"viewer":{"role":"OWNER"}}`},
		{"graphql-ws", "at once"}:               {`"balance":2000`, `"lastSeq":1`},
		{"graphql-ws", "live event"}:            {`"balance":1990`, `"lastSeq":2`},
		{"graphql-sse", "query"}:                {`"results":[{"data":{"viewer":{"role":"OWNER"}}`},
		{"graphql-sse", "validation error"}:     {`"results":[{"errors":[{`, `"code":"GRAPHQL_VALIDATION_FAILED"`},
		{"graphql-sse", "partial error"}:        {`"viewer":{"role":"OWNER"}`, `"paymentQueue":null`, `"code":"FORBIDDEN"`},
		{"graphql-sse", "refused subscription"}: {`"results":[{"errors":[{`, `"code":"NOT_FOUND"`},
		{"graphql-sse", "at once"}:              {`"balance":1990`, `"lastSeq":2`},
		{"graphql-sse", "live event"}:           {`"balance":1980`, `"lastSeq":3`},
	} {
		for _, text := range want {
			if !strings.Contains(got[of], text) {
				t.Errorf("%s, %s: no %s in %s", of.Client, of.Step, text, got[of])
			}
		}
	}
}
