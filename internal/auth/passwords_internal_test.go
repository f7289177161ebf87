package auth

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func testHasher(t *testing.T) *Hasher {
	t.Helper()
	h, err := NewHasher(Cost{MemoryKiB: 1024, Iterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestVerify_AcceptsThePasswordAlone(t *testing.T) {
	t.Parallel()
	h := testHasher(t)
	hash, err := h.Hash(t.Context(), "Café au lait 12")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=1024,t=1,p=1$") {
		t.Errorf("hash %q is not in PHC form with the Hasher's cost", hash)
	}
	for password, want := range map[string]bool{
		"Café au lait 12":            true,
		"Cafe\u0301 au lait 12":      true, // the same, typed as e and an accent
		"Cafe au lait 12":            false,
		"café au lait 12":            false,
		"Café au lait 12 ":           false,
		"":                           false,
		strings.Repeat("x", 100_000): false,
	} {
		if got, err := h.Verify(t.Context(), password, hash); err != nil || got != want {
			t.Errorf("Verify(%.30q) = %v, %v, want %v", password, got, err, want)
		}
	}
}

func TestVerify_TakesAsLongForNobody(t *testing.T) {
	t.Parallel()
	h := testHasher(t)
	var compared []string
	derive := h.derive
	h.derive = func(password, hash string) (bool, error) {
		match, err := derive(password, hash)
		if err == nil {
			compared = append(compared, hash)
		}
		return match, err
	}
	if match, err := h.Verify(t.Context(), "some password", ""); match || err != nil {
		t.Errorf("the empty hash: %v, %v", match, err)
	}
	if match, err := h.Verify(t.Context(), "some password", "pbkdf2_sha256$260000$x$y"); match || !errors.Is(err, errUnreadableHash) {
		t.Errorf("a hash that cannot be read: %v, %v", match, err)
	}
	if len(compared) != 2 || compared[0] != h.decoy || compared[1] != h.decoy {
		t.Errorf("compared with %q, want the decoy twice", compared)
	}
	if h.Outdated(h.decoy) {
		t.Error("the decoy costs other than a password")
	}
}

func TestVerify_HashesOnNoMoreCoresThanThereAre(t *testing.T) {
	t.Parallel()
	h := testHasher(t)
	most := runtime.GOMAXPROCS(0)
	var running, peak atomic.Int64
	full, goOn := make(chan struct{}), make(chan struct{})
	h.derive = func(string, string) (bool, error) {
		n := running.Add(1)
		defer running.Add(-1)
		for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
		}
		if n == int64(most) {
			select {
			case full <- struct{}{}:
			case <-goOn:
			}
		}
		<-goOn
		return false, nil
	}
	var group sync.WaitGroup
	for range 20 * most {
		group.Go(func() {
			if _, err := h.Verify(t.Context(), "some password", "hash"); err != nil {
				t.Error(err)
			}
		})
	}
	<-full
	// All slots are taken: whoever comes now waits, and no longer than allowed.
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() {
		_, err := h.Hash(ctx, "some password")
		waited <- err
	}()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("a hashing that may not wait: %v, want context.Canceled", err)
	}
	close(goOn)
	group.Wait()
	if got := peak.Load(); got != int64(most) {
		t.Errorf("%d hashings at once, want %d", got, most)
	}
}

func TestOutdated_SeesAnotherCost(t *testing.T) {
	t.Parallel()
	h := testHasher(t)
	other, err := NewHasher(Cost{MemoryKiB: 2048, Iterations: 1})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := other.Hash(t.Context(), "some password")
	if err != nil {
		t.Fatal(err)
	}
	if !h.Outdated(hash) || other.Outdated(hash) {
		t.Errorf("outdated for its own cost %v, for another %v; want false, true", other.Outdated(hash), h.Outdated(hash))
	}
}

func TestNewHasher_RefusesACostThatProtectsNothing(t *testing.T) {
	t.Parallel()
	for _, cost := range []Cost{{}, {MemoryKiB: 512, Iterations: 1}, {MemoryKiB: 1024}} {
		if _, err := NewHasher(cost); err == nil {
			t.Errorf("%+v was accepted", cost)
		}
	}
}
