package gqlhttp

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whoever registers whatever: no share and no store grows beyond its bound, what is counted is what is
// there, and what a caller registered last is there.
func TestOperationStore_StaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const maxBytes, maxShare = 40_000, 10_000
		s := newOperationStore(maxBytes, maxShare)
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			caller := strconv.Itoa(rapid.IntRange(0, 8).Draw(t, "caller"))
			hash := strconv.Itoa(rapid.IntRange(0, 40).Draw(t, "hash"))
			text := strings.Repeat("x", rapid.IntRange(0, 12_000).Draw(t, "length"))
			s.put(caller, hash, text)
			if _, found := s.get(caller, hash); !found && shareBytes+entryBytes+len(text) <= maxShare {
				t.Fatalf("a text of %d bytes was not kept", len(text))
			}
			total := 0
			for _, name := range s.shares.Keys() {
				own, _ := s.shares.Peek(name)
				bytes := shareBytes
				for _, text := range own.texts.Values() {
					bytes += entryBytes + len(text)
				}
				if own.bytes != bytes || bytes > maxShare {
					t.Fatalf("the share of %s counts %d, has %d, may have %d", name, own.bytes, bytes, maxShare)
				}
				total += bytes
			}
			if s.bytes != total || total > maxBytes {
				t.Fatalf("the store counts %d, has %d, may have %d", s.bytes, total, maxBytes)
			}
		}
	})
}

// One who fills their share takes from those alone who were not there for longest, and once.
func TestOperationStore_FullShareCostsOneOthersAtMost(t *testing.T) {
	t.Parallel()
	const maxShare = 10_000
	s := newOperationStore(4*maxShare, maxShare)
	fill := func(caller string, n int) {
		for i := range n {
			s.put(caller, strconv.Itoa(i), strings.Repeat("x", 2000-entryBytes))
		}
	}
	for _, caller := range []string{"old", "b", "c", "d"} {
		fill(caller, 4)
	}
	fill("greedy", 1000)
	if _, found := s.get("old", "0"); found {
		t.Error("there was no need for room: this tests nothing")
	}
	for _, caller := range []string{"b", "c", "d"} {
		if _, found := s.get(caller, "0"); !found {
			t.Errorf("%s lost theirs", caller)
		}
	}
}
