package graph

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// The matrix says who may do what. Every root field of the schema, and every field of a type that has a
// door or decides by itself who sees it, is executed over HTTP: by each principal, in each status of the
// account, on what is the account's own and what is not. What comes out is compared with a file that
// people review:
//
//	go test ./graph -run Matrix            compares
//	go test ./graph -run Matrix -update    writes the file; the diff is what to review
//
// Each cell begins in the same database, whatever the cells before it did, and cells are tried in another
// order each time.

var updateGolden = flag.Bool("update", false, "write testdata/authz.golden.tsv anew")

const goldenPath = "testdata/authz.golden.tsv"

// statuses are the columns: the account's status, and an active account whose plan was withdrawn.
var statuses = []string{"trial", "active", "pending_payment", "suspended", "cancelled", "plan_inactive"}

// principals are who asks. The developer is staff of the system account, which is always active; the
// impersonator is that developer acting for the account; keys are of the account's site "own".
var principals = []string{
	"anonymous", "viewer", "editor", "admin", "owner", "developer", "impersonator",
	"key_sites_read", "key_credits", "key_sync", "key_expired", "key_revoked",
}

// nobodies are the principals whose credentials open nothing.
var nobodies = []string{"anonymous", "key_expired", "key_revoked"}

// row is one line: what, on what, by whom; its outcomes stand in the order of statuses.
type row struct {
	op         *operation
	target, by string
	outcomes   [6]string
}

func (r *row) key() string { return r.op.name + "\t" + r.target + "\t" + r.by }

func (r *row) String() string { return r.key() + "\t" + strings.Join(r.outcomes[:], "\t") }

func matrixRows(ops []*operation) []*row {
	var rows []*row
	for _, op := range ops {
		for _, target := range op.targets {
			for _, by := range principals {
				if op.only == "" || op.only == by {
					rows = append(rows, &row{op: op, target: target, by: by})
				}
			}
		}
	}
	return rows
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	ops := operations()
	rows := matrixRows(ops)
	seed := rand.Uint64()
	// When all statuses have been tried, which they are side by side.
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("cells were tried in the order of seed %d", seed)
		}
		if slices.Contains(rows[0].outcomes[:], "") {
			t.Log("not every status was tried: nothing is compared")
			return
		}
		obey(t, rows)
		compare(t, rows)
	})
	for column, status := range statuses {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := newRealm(t, status)
			for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(rows)) {
				rows[i].outcomes[column] = w.try(rows[i])
			}
		})
	}
}

const goldenHeader = `# Who may do what, as the API answers. Written by executing every root field over HTTP, each door and
# each field that decides for itself: go test ./graph -run Matrix -update. To be reviewed as a diff.
#
# operation   a root field; Type.field for a field inside of a type; what follows a colon says how it is asked.
# target      what the operation is about:
#   -         nothing that has an owner, or the caller's account as a whole
#   own       the account's own thing; of a site's things, one of the site that viewer, editor and the keys
#             may reach; of people and sessions, a colleague's
#   self      the caller themselves, or their own session or key; where the caller has none, the owner's or the account's
#   owner     the account's only owner
#   sibling   of a site of the account that viewer, editor and the keys were not granted
#   siteless  the account's thing that concerns no site
#   foreign   another account's; stranger: one's own site with another account's person
#   system    the system account's, which is the developer's own
#   none      a token or an address that never was
# principal   the developer is staff, whose own account is the system account, always active; the impersonator is
#             that developer acting for the account; keys are of the site "own".
# then        a column a status of the account; plan_inactive is an active account whose plan was withdrawn.
#
# ok          it is done, or found
# null        a look-up or a list that does not show the target
# user:CODE   the first of userErrors
# CODE        an error at the top
`

func goldenText(rows []*row) string {
	var b strings.Builder
	b.WriteString(goldenHeader)
	fmt.Fprintf(&b, "operation\ttarget\tprincipal\t%s\n", strings.Join(statuses, "\t"))
	for _, r := range rows {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

// compare checks the rows against the file that was reviewed, or writes it.
func compare(t *testing.T, rows []*row) {
	t.Helper()
	text := goldenText(rows)
	if *updateGolden {
		if t.Failed() {
			t.Error("a matrix that breaks a rule is not written")
			return
		}
		if err := os.WriteFile(goldenPath, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
		return
	}
	reviewed, err := os.ReadFile(goldenPath)
	if err != nil {
		t.Error(err)
	}
	if string(reviewed) == text {
		return
	}
	changes := differences(string(reviewed), rows)
	const most = 100
	shown := changes[:min(most, len(changes))]
	t.Errorf("%d lines are not as %s has them, or it has another header or order:\n%s\nif that is meant: go test ./graph -run Matrix -update",
		len(changes), goldenPath, strings.Join(shown, "\n"))
}

// differences names the cells that are not as they were reviewed.
func differences(reviewed string, rows []*row) []string {
	were := map[string][]string{}
	for line := range strings.Lines(reviewed) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) == 3+len(statuses) && cells[0] != "operation" {
			were[strings.Join(cells[:3], "\t")] = cells[3:]
		}
	}
	var found []string
	for _, r := range rows {
		was, known := were[r.key()]
		delete(were, r.key())
		if !known {
			found = append(found, "+ "+r.String())
			continue
		}
		for i, status := range statuses {
			if was[i] != r.outcomes[i] {
				found = append(found, fmt.Sprintf("  %s, %s, by %s, %s: was %s, is %s", r.op.name, r.target, r.by, status, was[i], r.outcomes[i]))
			}
		}
	}
	var gone []string
	for key, was := range were {
		gone = append(gone, "- "+key+"\t"+strings.Join(was, "\t"))
	}
	slices.Sort(gone)
	return append(found, gone...)
}
