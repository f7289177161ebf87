package gid_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

func TestParse_ReadsWhatFormatWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := gid.Site(rapid.Int64Range(1, math.MaxInt64).Draw(t, "id"))
		got, err := gid.Parse[gid.Site](gid.Format(id))
		if err != nil || got != id {
			t.Fatalf("%s: %d, %v", gid.Format(id), got, err)
		}
		if _, err := gid.Parse[gid.Account](gid.Format(id)); !fault.Is(err, fault.InvalidID) {
			t.Fatalf("a site's id is an account's: %v", err)
		}
	})
}

func TestParse_RefusesWhatIsNoID(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "site", "site_", "_19", "19", "site_0", "site_019", "site_-1", "site_+1", "site_1.0", "site_1e3", "site_ 1", "site_1 ", "SITE_1",
		"site_19_2", "site_9223372036854775808", "site_99999999999999999999", "site_１", "site__1", "site_1\x00", "c2l0ZV8x",
	} {
		if id, err := gid.Parse[gid.Site](text); !fault.Is(err, fault.InvalidID) {
			t.Errorf("%q is %d, %v", text, id, err)
		}
	}
}

func TestFormat_IsGraphQLsID(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	gid.Account(30).MarshalGQL(&b)
	if b.String() != `"acct_30"` {
		t.Errorf("%s", b.String())
	}
	var id gid.Account
	if err := id.UnmarshalGQL("acct_30"); err != nil || id != 30 {
		t.Errorf("%d, %v", id, err)
	}
	if err := id.UnmarshalGQL(30); !fault.Is(err, fault.InvalidID) {
		t.Errorf("a number: %v", err)
	}
}
