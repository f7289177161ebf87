package auth

import (
	"strconv"
	"testing"

	"igny8.com/accounts/internal/gid"
)

func TestSiteKeys_RememberABoundedNumberOfPlaces(t *testing.T) {
	t.Parallel()
	k := newSiteKeys(nil)
	for i := range 3*maxPlaces + 1 {
		lookup, at := strconv.Itoa(i), place{tenant: 1, id: gid.APIKey(i)}
		k.remember(lookup, at)
		if got, ok := k.recall(lookup); !ok || got != at {
			t.Fatalf("%d is recalled as %v, %t", i, got, ok)
		}
		if len(k.places) > maxPlaces {
			t.Fatalf("%d places", len(k.places))
		}
	}
}
