package graph

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"igny8.com/accounts/internal/nodetest"
)

// graphql-js reads from the introspection what it reads from the file.
func TestIntrospection_EqualsTheFile(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", nodetest.Run(t, nodetest.Tools, false, "introspection.mjs", serve(t).url, file))
}

func TestHTTP_PassesTheAuditsAnonymousAndSignedIn(t *testing.T) {
	t.Parallel()
	a := serve(t)
	s := a.signUp("ann@example.com", "Ann")
	const all = 61
	for who, authorization := range map[string][]string{"anonymous": nil, "signed in": {"Bearer " + s.token}} {
		passed := 0
		for _, line := range nodetest.Lines(nodetest.Run(t, nodetest.Audits, true, "audit.mjs", append([]string{a.url}, authorization...)...)) {
			var audit struct{ ID, Name, Status, Reason string }
			if err := json.Unmarshal([]byte(line), &audit); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			t.Logf("%-9s %-5s %s %s", who, audit.Status, audit.ID, audit.Name)
			if audit.Status != "ok" {
				t.Errorf("%s: %s %s: %s", who, audit.ID, audit.Name, audit.Reason)
				continue
			}
			passed++
		}
		t.Logf("%s: %d of %d audits passed", who, passed, all)
		if passed != all {
			t.Errorf("%s: %d of %d audits passed", who, passed, all)
		}
	}
}
