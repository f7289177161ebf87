// Package vault seals what the service must keep and be able to use, but nobody may read: passwords
// for other systems, mails with links that open doors. It also makes the keyed hashes by which keys
// are recognised that are never kept.
//
// What must always hold: what is sealed is bound to what it belongs to (its associated data), so that
// moved to another row it does not open; every seal and every hash says which key made it, so that
// keys can be changed while both work; no error holds a key or a plaintext.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// keySize is the size of a key in bytes.
const keySize = 32

// ErrUnknownKey means that a seal or hash was made with a key that is not configured any more.
var ErrUnknownKey = errors.New("vault: the key that this was made with is not there")

// ErrBroken means that a seal was changed, or belongs to something else.
var ErrBroken = errors.New("vault: this seal does not open")

// Vault seals with its first key and opens with all of them. It is safe for concurrent use.
type Vault struct {
	ids  []string
	keys map[string]*key
}

type key struct {
	seal cipher.AEAD
	mac  []byte
}

var wellFormedID = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,64}$`)

// Parse reads keys as the environment gives them: id:key pairs separated by commas, a key being 32
// bytes in base64url without padding. The first one seals.
func Parse(text string) (*Vault, error) {
	v := &Vault{keys: map[string]*key{}}
	for pair := range strings.SplitSeq(text, ",") {
		id, encoded, found := strings.Cut(strings.TrimSpace(pair), ":")
		if !found || !wellFormedID.MatchString(id) {
			return nil, errors.New("vault: keys are written id:key and separated by commas")
		}
		if _, twice := v.keys[id]; twice {
			return nil, fmt.Errorf("vault: the key id %s is there twice", id)
		}
		secret, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil || len(secret) != keySize {
			return nil, fmt.Errorf("vault: the key %s is not %d bytes in base64url", id, keySize)
		}
		made, err := derive(secret)
		if err != nil {
			return nil, fmt.Errorf("vault: the key %s: %w", id, err)
		}
		v.ids, v.keys[id] = append(v.ids, id), made
	}
	return v, nil
}

// Generate makes a pair for Parse.
func Generate() string {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret) // never fails
	id := make([]byte, 4)
	_, _ = rand.Read(id)
	return fmt.Sprintf("v%x:%s", id, base64.RawURLEncoding.EncodeToString(secret))
}

// derive makes one key for each purpose of one secret.
func derive(secret []byte) (*key, error) {
	sealing, err := hkdf.Key(sha256.New, secret, nil, "igny8 vault v1: seal", keySize)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	mac, err := hkdf.Key(sha256.New, secret, nil, "igny8 vault v1: mac", keySize)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return &key{seal: aead, mac: mac}, nil
}

// Current is the id of the key that seals.
func (v *Vault) Current() string { return v.ids[0] }

// KeyIDs are the ids of all keys, the one that seals first.
func (v *Vault) KeyIDs() []string { return append([]string(nil), v.ids...) }

// Seal encrypts plaintext (AES-256-GCM, random nonce) for the thing that belongsTo names, e.g.
// "wordpress/3/19", and says with which key.
func (v *Vault) Seal(plaintext []byte, belongsTo string) (sealed []byte, keyID string) {
	//nolint:gosec // this cipher takes no nonce from its caller: it makes a random one each time
	return v.keys[v.ids[0]].seal.Seal(nil, nil, plaintext, []byte(belongsTo)), v.ids[0]
}

// Open decrypts what Seal made for the same thing. Errors: ErrUnknownKey, ErrBroken.
func (v *Vault) Open(sealed []byte, keyID, belongsTo string) ([]byte, error) {
	k, ok := v.keys[keyID]
	if !ok {
		return nil, ErrUnknownKey
	}
	plaintext, err := k.seal.Open(nil, nil, sealed, []byte(belongsTo))
	if err != nil {
		return nil, ErrBroken
	}
	return plaintext, nil
}

// Hash is the keyed hash (HMAC-SHA256) of a secret for one purpose, under the key that seals.
func (v *Vault) Hash(purpose, secret string) (hash []byte, keyID string) {
	return v.keys[v.ids[0]].hash(purpose, secret), v.ids[0]
}

// HashWith is Hash under the key with this id. Errors: ErrUnknownKey.
func (v *Vault) HashWith(keyID, purpose, secret string) ([]byte, error) {
	k, ok := v.keys[keyID]
	if !ok {
		return nil, ErrUnknownKey
	}
	return k.hash(purpose, secret), nil
}

func (k *key) hash(purpose, secret string) []byte {
	mac := hmac.New(sha256.New, k.mac)
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write([]byte(secret))
	return mac.Sum(nil)
}
