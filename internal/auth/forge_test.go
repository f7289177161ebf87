package auth_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/gid"
)

// forge makes tokens that are wrong in one respect: it signs whatever it is told to.
type forge struct {
	t      *testing.T
	header string
	claims string
	key    ed25519.PrivateKey
}

func newForge(t *testing.T, p person, session gid.Session, now time.Time) forge {
	t.Helper()
	return forge{
		t:      t,
		header: `{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`,
		claims: fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":%q,"acct":%q,"sid":%q,"jti":"j1","iat":%d,"nbf":%d,"exp":%d}`,
			issuer, audience, gid.Format(p.id), gid.Format(p.account), gid.Format(session),
			now.Unix(), now.Unix(), now.Add(15*time.Minute).Unix()),
		key: ed25519.NewKeyFromSeed(seedOne),
	}
}

// replace is text with one thing changed, which must have been there.
func (f forge) replace(text, old, replacement string) string {
	f.t.Helper()
	if strings.Count(text, old) != 1 {
		f.t.Fatalf("%q is not once in %s", old, text)
	}
	return strings.Replace(text, old, replacement, 1)
}

func (f forge) sign() string {
	unsigned := encode(f.header) + "." + encode(f.claims)
	return unsigned + "." + encode(string(ed25519.Sign(f.key, []byte(unsigned))))
}

func (f forge) withHeader(old, replacement string) string {
	f.t.Helper()
	f.header = f.replace(f.header, old, replacement)
	return f.sign()
}

func (f forge) withClaims(old, replacement string) string {
	f.t.Helper()
	f.claims = f.replace(f.claims, old, replacement)
	return f.sign()
}

// withClaim sets one claim to a JSON text.
func (f forge) withClaim(name, value string) string {
	f.t.Helper()
	return f.withClaims(f.member(name), fmt.Sprintf("%q:%s", name, value))
}

// without leaves one claim out.
func (f forge) without(name string) string {
	f.t.Helper()
	f.claims = strings.Replace(f.replace(f.claims, f.member(name), ""), ",,", ",", 1)
	f.claims = strings.NewReplacer("{,", "{", ",}", "}").Replace(f.claims)
	return f.sign()
}

// twice adds a second claim of one name behind the others.
func (f forge) twice(name, value string) string {
	f.t.Helper()
	f.member(name)
	f.claims = strings.TrimSuffix(f.claims, "}") + fmt.Sprintf(`,%q:%s}`, name, value)
	return f.sign()
}

// member is a claim as it stands in the claims.
func (f forge) member(name string) string {
	f.t.Helper()
	var claims map[string]json.RawMessage
	if err := json.Unmarshal([]byte(f.claims), &claims); err != nil {
		f.t.Fatal(err)
	}
	value, found := claims[name]
	if !found {
		f.t.Fatalf("no claim %s in %s", name, f.claims)
	}
	return fmt.Sprintf("%q:%s", name, value)
}

// hs256 signs with HMAC under a key that an attacker knows.
func (f forge) hs256(header string, key []byte) string {
	unsigned := encode(header) + "." + encode(f.claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(unsigned))
	return unsigned + "." + encode(string(mac.Sum(nil)))
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
