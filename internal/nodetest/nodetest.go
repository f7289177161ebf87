// Package nodetest runs scripts of npm packages for tests that hold the server against the clients and
// tools which people really use. Without Node, or where the packages are not installed, such a test is
// skipped and says what to type; IGNY8_REQUIRE_NODE forbids that.
package nodetest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Folders with packages, from the repository's root.
const (
	// Audits has graphql-http's audits of a transport.
	Audits = "internal/gqlhttp/testdata/audits"
	// Tools has clients, the linter of schemas and what compares them.
	Tools = "tools/graphql"
	// Clients has the examples for frontends.
	Clients = "clients/typescript"
)

// Run runs a script of the folder and returns what it printed. It fails the test where the script ends
// with an error, unless mayFail.
func Run(t *testing.T, folder string, mayFail bool, script string, args ...string) []byte {
	t.Helper()
	node, dir := find(t, folder)
	// None of them takes long; one that hangs is not waited for until the whole run is given up.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append([]string{script}, args...)...) //nolint:gosec // G204: a script of ours
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if stderr.Len() > 0 {
		t.Logf("%s: %s", script, stderr.String())
	}
	if err != nil && !mayFail {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

func find(t *testing.T, folder string) (node, dir string) {
	t.Helper()
	dir = filepath.Join(root(t), filepath.FromSlash(folder))
	missing := ""
	node, err := exec.LookPath("node")
	if err != nil {
		missing = "node is not installed"
	} else if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		missing = "the packages are not installed; type: npm ci --prefix " + folder
	}
	if missing == "" {
		return node, dir
	}
	if os.Getenv("IGNY8_REQUIRE_NODE") != "" {
		t.Fatalf("IGNY8_REQUIRE_NODE is set, but %s", missing)
	}
	t.Skip(missing)
	return "", ""
}

// root is the repository's root: the directory of go.mod above the test's package.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("there is no go.mod above the test")
		}
		dir = up
	}
}

// Lines are the lines of an output.
func Lines(out []byte) []string { return strings.Split(strings.TrimSpace(string(out)), "\n") }
