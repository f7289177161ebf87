package apikey

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/vault"
)

// A key is igny8_live_<id>_<secret><checksum>, all of it in base62. The checksum is the CRC-32 of all that
// is before it, so that a scanner can tell a key from a text that looks like one, and a key that was
// mistyped or cut off is refused without asking the database.
const (
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	publicSize   = 12
	secretSize   = 32 // 190 bits
	checksumSize = 6

	bodySize = len(account.KeyPrefix) + publicSize + 1 + secretSize
	keySize  = bodySize + checksumSize
)

// The lengths of keys that are carried over, in bytes.
const (
	minLegacy = 16
	maxLegacy = 128
)

// legacyLookup starts the entries of the directory that hold the hash of a key that was carried over;
// public ids have no colon.
const legacyLookup = "legacy:"

// Presented is what a request or a list presents as a key: a text that can be one by its form.
type Presented struct {
	text string
	// publicID is empty where the text can be no key but one that was carried over.
	publicID string
}

// Read reads a key. It asks no database; false means that the text is no key. Every key has one spelling.
func Read(text string) (Presented, bool) {
	if strings.HasPrefix(text, account.KeyPrefix) {
		return readOurs(text)
	}
	return readLegacy(text)
}

func readOurs(text string) (Presented, bool) {
	if len(text) != keySize || text[:bodySize] != body(text) || text[bodySize:] != checksum(text[:bodySize]) {
		return Presented{}, false
	}
	return Presented{text: text, publicID: text[len(account.KeyPrefix):][:publicSize]}, true
}

// body is the text before the checksum where it has the form of a key's, else nothing. The text must have
// a key's length and beginning.
func body(text string) string {
	public, secret, found := strings.Cut(text[len(account.KeyPrefix):bodySize], "_")
	if !found || len(public) != publicSize || !inAlphabet(public) || !inAlphabet(secret) {
		return ""
	}
	return text[:bodySize]
}

func inAlphabet(text string) bool {
	return strings.Trim(text, alphabet) == ""
}

// readLegacy takes what the system before this one could have given out: it had no form of its own.
func readLegacy(text string) (Presented, bool) {
	if len(text) < minLegacy || len(text) > maxLegacy {
		return Presented{}, false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return Presented{}, false
		}
	}
	return Presented{text: text}, true
}

// Lookups are the entries of the directory under which the key can stand: one for a key of ours, one for
// each key of the vault for a key that was carried over.
func (p Presented) Lookups(v *vault.Vault) ([]string, error) {
	if p.publicID != "" {
		return []string{p.publicID}, nil
	}
	ids := v.KeyIDs()
	lookups := make([]string, len(ids))
	for i, id := range ids {
		hash, err := v.HashWith(id, purpose, p.text)
		if err != nil {
			return nil, fmt.Errorf("look an API key up: %w", err)
		}
		lookups[i] = lookupOf(hash)
	}
	return lookups, nil
}

// Fits says whether the text is the very key that the row keeps the hash of, in a time that does not tell
// how much of it is right. Errors: vault.ErrUnknownKey for a row whose hash was made with a key that the
// vault no longer has.
func (p Presented) Fits(v *vault.Vault, key *account.Key) (bool, error) {
	hash, err := v.HashWith(key.HashKeyID, purpose, p.text)
	if err != nil {
		return false, fmt.Errorf("compare with the API key %d, hashed under %s: %w", key.ID, key.HashKeyID, err)
	}
	return subtle.ConstantTimeCompare(hash, key.Hash) == 1, nil
}

func lookupOf(hash []byte) string { return legacyLookup + hex.EncodeToString(hash) }

// generate makes a key.
func generate() (publicID, secret string) {
	publicID = random(publicSize)
	text := account.KeyPrefix + publicID + "_" + random(secretSize)
	return publicID, text + checksum(text)
}

// random is a text of so many letters of the alphabet, each as likely as any other.
func random(size int) string {
	const fair = 256 - 256%len(alphabet) // bytes from here on would favour the alphabet's beginning
	text := make([]byte, 0, size)
	for chunk := make([]byte, 2*size); len(text) < size; {
		_, _ = rand.Read(chunk) // never fails
		for _, b := range chunk {
			if int(b) < fair && len(text) < size {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text)
}

// checksum is the CRC-32 (IEEE) of a text in base62, padded to checksumSize.
func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var digits [checksumSize]byte
	for i := checksumSize - 1; i >= 0; i-- {
		digits[i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return string(digits[:])
}
