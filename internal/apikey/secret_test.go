package apikey

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/vault"
)

func TestGenerate_MakesKeysThatReadAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		public, secret := generate()
		if len(secret) != 62 || !strings.HasPrefix(secret, "igny8_live_"+public+"_") || len(public) != 12 {
			t.Fatalf("a key that looks like %s", secret)
		}
		read, ok := Read(secret)
		if !ok || read.publicID != public {
			t.Fatalf("%s does not read: %+v", secret, read)
		}
		seen[public], seen[secret] = true, true
	}
	if len(seen) != 2000 {
		t.Errorf("%d texts that differ, want 2000", len(seen))
	}
}

// The checksum is part of what scanners know a key by: it must never change.
func TestChecksum_IsTheCRC32OfAllBeforeItInBase62(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":          "000000",
		"123456789": "3jZRME", // CRC-32's check value, 0xCBF43926
		"igny8_live_000000000000_00000000000000000000000000000000": "3RcT58",
	} {
		if got := checksum(text); got != want {
			t.Errorf("checksum of %q is %s, want %s", text, got, want)
		}
	}
}

func TestRandom_FavoursNoLetter(t *testing.T) {
	t.Parallel()
	const each = 2000
	counts := map[rune]int{}
	for _, r := range random(each * len(alphabet)) {
		counts[r]++
	}
	for _, r := range alphabet {
		// Six standard deviations; a modulus without rejection is off by eleven.
		if n := counts[r]; n < each-270 || n > each+270 {
			t.Errorf("%c came %d times of %d", r, n, each)
		}
	}
}

func TestRead_RefusesEveryChangeOfOneByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		_, secret := generate()
		at := rapid.IntRange(0, len(secret)-1).Draw(t, "at")
		b := rapid.Byte().Draw(t, "byte")
		changed := secret[:at] + string([]byte{b}) + secret[at+1:]
		if read, ok := Read(changed); ok && read.publicID != "" && changed != secret {
			t.Fatalf("%q reads as a key", changed)
		}
		if _, ok := Read(secret[:at]); ok && strings.HasPrefix(secret[:at], account.KeyPrefix) {
			t.Fatalf("%q reads as a key", secret[:at])
		}
	})
}

func TestRead_TakesLegacyKeysOfPrintableASCIIAlone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		strings.Repeat("a", 15):  false,
		strings.Repeat("a", 16):  true,
		strings.Repeat("~!", 64): true,
		strings.Repeat("a", 129): false,
		"0123456789 abcdef":      false,
		"0123456789\x7fabcdef":   false,
		"0123456789\x00abcdef":   false,
		"0123456789äbcdef":       false,
		"":                       false,
		"IGNY8_LIVE_0123456789":  true, // not our beginning
		"igny8_live_0123456789":  false,
		"igny8_site_0123456789":  true,
	} {
		if read, ok := Read(text); ok != want || read.publicID != "" {
			t.Errorf("%q reads: %t, %+v", text, ok, read)
		}
	}
}

func TestLookups_NeverHoldALegacyKey(t *testing.T) {
	t.Parallel()
	const value = "an-old-wordpress-key"
	v, err := vault.Parse(vault.Generate() + "," + vault.Generate())
	if err != nil {
		t.Fatal(err)
	}
	presented, _ := Read(value)
	lookups, err := presented.Lookups(v)
	if err != nil || len(lookups) != 2 || lookups[0] == lookups[1] {
		t.Fatalf("%q, %v", lookups, err)
	}
	for _, lookup := range lookups {
		if !strings.HasPrefix(lookup, "legacy:") || len(lookup) != len("legacy:")+64 || strings.Contains(lookup, value) {
			t.Errorf("lookup %s", lookup)
		}
	}
}
