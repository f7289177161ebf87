package vault_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"igny8.com/accounts/internal/vault"
)

func parse(t *testing.T, text string) *vault.Vault {
	t.Helper()
	v, err := vault.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSeal_OpensForWhatItBelongsToAlone(t *testing.T) {
	t.Parallel()
	v := parse(t, vault.Generate())
	sealed, id := v.Seal([]byte("abcd efgh ijkl"), "wordpress/3/19")
	if plain, err := v.Open(sealed, id, "wordpress/3/19"); err != nil || string(plain) != "abcd efgh ijkl" {
		t.Fatalf("%q, %v", plain, err)
	}
	if _, err := v.Open(sealed, id, "wordpress/4/19"); !errors.Is(err, vault.ErrBroken) {
		t.Errorf("for another account: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := v.Open(changed, id, "wordpress/3/19"); !errors.Is(err, vault.ErrBroken) {
			t.Fatalf("with byte %d changed: %v", i, err)
		}
	}
	again, _ := v.Seal([]byte("abcd efgh ijkl"), "wordpress/3/19")
	if bytes.Equal(again, sealed) {
		t.Error("the same plaintext is sealed alike twice")
	}
}

func TestParse_OpensWithOldKeysAndSealsWithTheFirst(t *testing.T) {
	t.Parallel()
	before, after := vault.Generate(), vault.Generate()
	old := parse(t, before)
	sealed, id := old.Seal([]byte("secret"), "x")
	hash, hashID := old.Hash("api key", "igny8_live_x")
	both := parse(t, after+","+before)
	if plain, err := both.Open(sealed, id, "x"); err != nil || string(plain) != "secret" {
		t.Errorf("%q, %v", plain, err)
	}
	if again, err := both.HashWith(hashID, "api key", "igny8_live_x"); err != nil || !bytes.Equal(again, hash) {
		t.Errorf("%x, %v", again, err)
	}
	if _, id := both.Seal(nil, "x"); id != both.Current() || !strings.HasPrefix(after, id+":") {
		t.Errorf("sealed with %s", id)
	}
	alone := parse(t, after)
	if _, err := alone.Open(sealed, id, "x"); !errors.Is(err, vault.ErrUnknownKey) {
		t.Errorf("without the old key: %v", err)
	}
	if _, err := alone.HashWith(hashID, "api key", "igny8_live_x"); !errors.Is(err, vault.ErrUnknownKey) {
		t.Errorf("without the old key: %v", err)
	}
}

func TestHash_TellsPurposesAndKeysApart(t *testing.T) {
	t.Parallel()
	v, other := parse(t, vault.Generate()), parse(t, vault.Generate())
	hash, _ := v.Hash("ab", "c")
	for what, again := range map[string][]byte{
		"another purpose": first(v.Hash("a", "bc")), "another secret": first(v.Hash("ab", "d")), "another key": first(other.Hash("ab", "c")),
	} {
		if bytes.Equal(hash, again) {
			t.Errorf("%s makes no difference", what)
		}
	}
}

func first(hash []byte, _ string) []byte { return hash }

func TestParse_RefusesWhatIsNoKeyWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	good := vault.Generate()
	id, _, _ := strings.Cut(good, ":")
	for _, text := range []string{"", "short:c2VjcmV0LXRleHQ", "c2VjcmV0LXRleHQ", good + "," + good, good + "x", "white space:" + good, ",", id + ":!!!"} {
		if _, err := vault.Parse(text); err == nil || strings.Contains(err.Error(), "c2VjcmV0LXRleHQ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
