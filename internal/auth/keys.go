package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Keys are the EdDSA keys of access tokens. The first signs and all verify, so that a new key can
// come first while tokens that the old one signed live on:
//
//  1. Add the new key behind the old one, everywhere. Whoever reads the JWKS learns it.
//  2. Put the new key first. It signs from now on.
//  3. After 15 minutes, the life of an access token, take the old key away.
type Keys struct {
	signer   ed25519.PrivateKey
	signerID string
	// headers are the encoded headers of the access tokens that each key signs, with the key that
	// verifies them: no other header is ever read.
	headers map[string]ed25519.PublicKey
	jwks    []byte
	etag    string
}

// jwk is a public key as RFC 8037 writes it.
type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

var keyID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// b64 is base64url without padding that has one text for each value.
var b64 = base64.RawURLEncoding.Strict()

// ParseKeys reads keys as configuration holds them: kid:seed, separated by commas, the seed being
// 32 bytes in base64url without padding. The first one signs. Errors name a key by its place and
// never show it.
func ParseKeys(text string) (*Keys, error) {
	keys := &Keys{headers: map[string]ed25519.PublicKey{}}
	var public []jwk
	for i, entry := range strings.Split(text, ",") {
		id, encoded, found := strings.Cut(strings.TrimSpace(entry), ":")
		if !found || !keyID.MatchString(id) {
			return nil, fmt.Errorf("signing key %d is not written as kid:seed", i+1)
		}
		seed, err := b64.DecodeString(encoded)
		// The decoder skips line breaks, and none belongs here.
		if err != nil || len(seed) != ed25519.SeedSize || strings.ContainsAny(encoded, "\r\n") {
			return nil, fmt.Errorf("the seed of signing key %d is not %d bytes in base64url", i+1, ed25519.SeedSize)
		}
		if monotone(seed) {
			return nil, fmt.Errorf("the seed of signing key %d is not random", i+1)
		}
		header, err := json.Marshal(accessHeader(id))
		if err != nil {
			return nil, fmt.Errorf("write the header of signing key %d: %w", i+1, err)
		}
		if _, taken := keys.headers[b64.EncodeToString(header)]; taken {
			return nil, fmt.Errorf("signing key %d has the kid of another one", i+1)
		}
		private := ed25519.NewKeyFromSeed(seed)
		if i == 0 {
			keys.signer, keys.signerID = private, id
		}
		keys.headers[b64.EncodeToString(header)] = publicOf(private)
		public = append(public, jwk{
			KeyType: "OKP", Curve: "Ed25519", X: b64.EncodeToString(publicOf(private)), ID: id, Algorithm: "EdDSA", Use: "sig",
		})
	}
	jwks, err := json.Marshal(map[string][]jwk{"keys": public})
	if err != nil {
		return nil, fmt.Errorf("write the public keys: %w", err)
	}
	keys.jwks = jwks
	sum := sha256.Sum256(jwks)
	keys.etag = `"` + b64.EncodeToString(sum[:12]) + `"`
	return keys, nil
}

// GenerateKey makes one key as ParseKeys reads it. Its kid is its thumbprint (RFC 7638).
func GenerateKey() (string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make a signing key: %w", err)
	}
	members := `{"crv":"Ed25519","kty":"OKP","x":"` + b64.EncodeToString(publicOf(private)) + `"}`
	thumbprint := sha256.Sum256([]byte(members))
	return b64.EncodeToString(thumbprint[:]) + ":" + b64.EncodeToString(private.Seed()), nil
}

// JWKS serves the public keys (RFC 7517) for /.well-known/jwks.json. They may be kept for five
// minutes.
func (k *Keys) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		header := w.Header()
		header.Set("Content-Type", "application/jwk-set+json")
		header.Set("Cache-Control", "public, max-age=300")
		header.Set("ETag", k.etag)
		header.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(k.jwks))
	})
}

func publicOf(private ed25519.PrivateKey) ed25519.PublicKey {
	return ed25519.PublicKey(private[ed25519.SeedSize:])
}

var errWeakSecret = errors.New("the refresh secret is not 32 random bytes or more")

// monotone says whether a secret is one byte over and over, as placeholders are.
func monotone(secret []byte) bool {
	return bytes.Count(secret, secret[:1]) == len(secret)
}
