package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"igny8.com/accounts/internal/postgres/cluster"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// manifestOf writes documents by their hashes into a file.
func manifestOf(t *testing.T, documents ...string) string {
	t.Helper()
	list := map[string]string{}
	for _, d := range documents {
		sum := sha256.Sum256([]byte(d))
		list[hex.EncodeToString(sum[:])] = d
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "operations.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadConfig_TakesOperationsThatFitTheSchema(t *testing.T) {
	t.Parallel()
	path := manifestOf(t, "query Plans { plans { slug } }", "query Me { viewer { role } }")
	cfg, err := readConfig(production(map[string]string{"IGNY8_OPERATIONS": path, "IGNY8_OPERATIONS_ONLY": "true"}), "serve")
	if err != nil || cfg.operations.Len() != 2 || !cfg.OperationsOnly {
		t.Fatalf("%+v, %v", cfg.operations, err)
	}
	// Commands that serve nothing do not need the file.
	if _, err := readConfig(production(map[string]string{"IGNY8_OPERATIONS": "/nowhere"}), "migrate"); err != nil {
		t.Errorf("migrate: %v", err)
	}
}

func TestServe_NamesEachOperationThatItRefuses(t *testing.T) {
	t.Parallel()
	path := manifestOf(t, "query Plans { plans { slug } }", "query A { nobody }", "{", "{ plans {"+strings.Repeat(" slug", 6)+" } }", "{ ... @defer { __typename } }")
	got := command(t.Context(), production(map[string]string{"IGNY8_OPERATIONS": path}), "serve")
	lines := got.problems(t)
	if got.code != exitUsage || len(lines) != 4 {
		t.Fatalf("%+v", got)
	}
	all := strings.Join(lines, "\n")
	for _, what := range []string{`Cannot query field "nobody"`, "Syntax error", "more than 5 times", `Unknown directive "@defer"`} {
		if !strings.Contains(all, what) {
			t.Errorf("no line says %q: %s", what, all)
		}
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "IGNY8_OPERATIONS: the operation ") {
			t.Errorf("%s", line)
		}
	}
}

// What the environment says reaches the server: the manifest, that nothing else runs, and the statuses.
func TestDev_RunsRegisteredOperationsAlone(t *testing.T) {
	t.Parallel()
	const registered = "query Plans { plans { slug } }"
	db := pgtest.New(t)
	a := startDev(t, "IGNY8_DATA_DIR="+t.TempDir(), "IGNY8_ADDR=127.0.0.1:0", "DATABASE_URL="+db.URL(cluster.Superuser),
		"IGNY8_OPERATIONS="+manifestOf(t, registered), "IGNY8_OPERATIONS_ONLY=true", "IGNY8_HTTP_2026=true").api(t)
	sum := sha256.Sum256([]byte(registered))
	values := url.Values{"extensions": {`{"persistedQuery":{"version":1,"sha256Hash":"` + hex.EncodeToString(sum[:]) + `"}}`}}
	if status, body := a.get(t, "/graphql?"+values.Encode()); status != http.StatusOK || !strings.Contains(body, "starter") {
		t.Errorf("by its hash: %d %s", status, body)
	}
	other := url.Values{"query": {"{ __schema { queryType { name } } }"}}
	if status, body := a.get(t, "/graphql?"+other.Encode()); status != http.StatusUnprocessableEntity || !strings.Contains(body, "PERSISTED_QUERY_REQUIRED") {
		t.Errorf("another one: %d %s", status, body)
	}
}
