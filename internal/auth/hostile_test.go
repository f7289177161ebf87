package auth_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hostileTokens are wrong in one respect each, by name; forge's own token is good.
func hostileTokens(f forge, now time.Time) map[string]string {
	good := f.sign()
	parts := strings.Split(good, ".")
	unsigned, signature := parts[0]+"."+parts[1], parts[2]
	raw, _ := base64.RawURLEncoding.DecodeString(signature)
	public, _ := f.key.Public().(ed25519.PublicKey)
	x := base64.RawURLEncoding.EncodeToString(public)
	attacker := f
	attacker.key = ed25519.NewKeyFromSeed([]byte("the attacker's own key, 32 bytes"))
	attackerPublic, _ := attacker.key.Public().(ed25519.PublicKey)
	jwk := fmt.Sprintf(`"jwk":{"kty":"OKP","crv":"Ed25519","x":%q}`, base64.RawURLEncoding.EncodeToString(attackerPublic))
	header := func(f forge, text string) string { f.header = text; return f.sign() }
	claims := func(text string) string { f := f; f.claims = text; return f.sign() }
	at := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	none := func(alg string) string {
		return encode(f.replace(f.header, "EdDSA", alg)) + "." + parts[1] + "."
	}
	flip := slices.Clone(raw)
	flip[10] ^= 1

	return map[string]string{
		// alg
		"alg none":                          none("none"),
		"alg None":                          none("None"),
		"alg NONE":                          none("NONE"),
		"alg nOnE":                          none("nOnE"),
		"alg none, signed all the same":     f.withHeader(`"EdDSA"`, `"none"`),
		"alg empty":                         f.withHeader(`"EdDSA"`, `""`),
		"alg absent":                        f.withHeader(`"alg":"EdDSA",`, ``),
		"alg null":                          f.withHeader(`"EdDSA"`, `null`),
		"alg a list":                        f.withHeader(`"EdDSA"`, `["EdDSA"]`),
		"alg in another case":               f.withHeader(`EdDSA`, `eddsa`),
		"alg Ed25519":                       f.withHeader(`EdDSA`, `Ed25519`),
		"alg RS256":                         f.withHeader(`EdDSA`, `RS256`),
		"alg ES256":                         f.withHeader(`EdDSA`, `ES256`),
		"HS256 with the public key":         f.hs256(f.replace(f.header, "EdDSA", "HS256"), public),
		"HS256 with the public key as text": f.hs256(f.replace(f.header, "EdDSA", "HS256"), []byte(x)),
		"HS256 with no key":                 f.hs256(f.replace(f.header, "EdDSA", "HS256"), nil),
		"HS512 named, HS256 made":           f.hs256(f.replace(f.header, "EdDSA", "HS512"), public),
		// kid and keys that a token brings along
		"kid absent":                   f.withHeader(`"kid":"k1",`, ``),
		"kid empty":                    f.withHeader(`"k1"`, `""`),
		"kid a number":                 f.withHeader(`"k1"`, `1`),
		"kid unknown":                  f.withHeader(`"k1"`, `"k9"`),
		"kid in another case":          f.withHeader(`"k1"`, `"K1"`),
		"kid of the other key":         f.withHeader(`"k1"`, `"k2"`),
		"kid a path":                   f.withHeader(`"k1"`, `"../../../../dev/null"`),
		"kid a path to the key":        f.withHeader(`"k1"`, `"./k1"`),
		"kid SQL":                      f.withHeader(`"k1"`, `"k1' OR '1'='1"`),
		"kid with NUL":                 f.withHeader(`"k1"`, `"k1\u0000"`),
		"kid with a space":             f.withHeader(`"k1"`, `"k1 "`),
		"jwk, and its signature":       attacker.withHeader(`"typ"`, jwk+`,"typ"`),
		"jwk in place of kid":          attacker.withHeader(`"kid":"k1"`, jwk),
		"jwk beside a good signature":  f.withHeader(`"typ"`, jwk+`,"typ"`),
		"jku":                          f.withHeader(`"typ"`, `"jku":"https://evil.example/jwks.json","typ"`),
		"x5u":                          f.withHeader(`"typ"`, `"x5u":"https://evil.example/cert.pem","typ"`),
		"x5c":                          f.withHeader(`"typ"`, `"x5c":["MIIB"],"typ"`),
		"signed by a stranger":         attacker.sign(),
		"signed by a stranger as k2":   attacker.withHeader(`"k1"`, `"k2"`),
		"crit of something unknown":    f.withHeader(`"typ"`, `"crit":["fly"],"fly":true,"typ"`),
		"crit of exp":                  f.withHeader(`"typ"`, `"crit":["exp"],"typ"`),
		"crit empty":                   f.withHeader(`"typ"`, `"crit":[],"typ"`),
		"b64 false":                    f.withHeader(`"typ"`, `"b64":"false","typ"`),
		"zip":                          f.withHeader(`"typ"`, `"zip":"DEF","typ"`),
		"cty":                          f.withHeader(`"typ"`, `"cty":"JWT","typ"`),
		"typ JWT":                      f.withHeader(`at+jwt`, `JWT`),
		"typ of an id token":           f.withHeader(`at+jwt`, `id+jwt`),
		"typ absent":                   f.withHeader(`,"typ":"at+jwt"`, ``),
		"typ null":                     f.withHeader(`"at+jwt"`, `null`),
		"alg twice":                    f.withHeader(`"alg":"EdDSA"`, `"alg":"none","alg":"EdDSA"`),
		"kid twice":                    f.withHeader(`"kid":"k1"`, `"kid":"k9","kid":"k1"`),
		"kid twice, once escaped":      f.withHeader(`"kid":"k1"`, `"\u006bid":"k9","kid":"k1"`),
		"kid in capitals beside":       f.withHeader(`"kid":"k1"`, `"kid":"k1","KID":"k9"`),
		"typ in capitals instead":      f.withHeader(`"typ"`, `"TYP"`),
		"header a list":                header(f, `["alg","EdDSA","kid","k1","typ","at+jwt"]`),
		"header null":                  header(f, `null`),
		"header with something behind": header(f, f.header+`{}`),
		"header of broken UTF-8":       f.withHeader(`"k1"`, "\"k1\xff\""),
		"header empty":                 header(f, ``),
		// claims
		"iss of another":             f.withClaim("iss", `"https://evil.example"`),
		"iss absent":                 f.without("iss"),
		"iss with a slash":           f.withClaim("iss", `"`+issuer+`/"`),
		"aud of another":             f.withClaim("aud", `"another-api"`),
		"aud absent":                 f.without("aud"),
		"aud a list":                 f.withClaim("aud", `["`+audience+`","another-api"]`),
		"aud empty":                  f.withClaim("aud", `""`),
		"sub absent":                 f.without("sub"),
		"sub empty":                  f.withClaim("sub", `""`),
		"sub a number":               f.withClaim("sub", `1`),
		"sub an account":             f.withClaim("sub", `"acct_1"`),
		"sub with a zero":            f.withClaim("sub", `"user_01"`),
		"sub negative":               f.withClaim("sub", `"user_-1"`),
		"sub beyond 64 bits":         f.withClaim("sub", `"user_9999999999999999999"`),
		"sub SQL":                    f.withClaim("sub", `"user_1 OR 1=1"`),
		"acct absent":                f.without("acct"),
		"acct a list":                f.withClaim("acct", `["acct_1"]`),
		"acct a user":                f.withClaim("acct", `"user_1"`),
		"sid absent":                 f.without("sid"),
		"sid null":                   f.withClaim("sid", `null`),
		"jti absent":                 f.without("jti"),
		"jti empty":                  f.withClaim("jti", `""`),
		"exp absent":                 f.without("exp"),
		"expired":                    f.withClaim("exp", at(-11*time.Second)),
		"expired with its issue":     claims(strings.NewReplacer(at(0), at(-time.Hour), at(15*time.Minute), at(-45*time.Minute)).Replace(f.claims)),
		"exp as text":                f.withClaim("exp", `"`+at(time.Minute)+`"`),
		"exp with a fraction":        f.withClaim("exp", at(time.Minute)+".5"),
		"exp with an exponent":       f.withClaim("exp", "1.8e9"),
		"exp in a hundred years":     f.withClaim("exp", at(100*365*24*time.Hour)),
		"exp beyond 64 bits":         f.withClaim("exp", "1e400"),
		"exp negative":               f.withClaim("exp", "-1"),
		"exp zero":                   f.withClaim("exp", "0"),
		"exp null":                   f.withClaim("exp", "null"),
		"a life of 15 min and a bit": f.withClaim("exp", at(15*time.Minute+time.Second)),
		"exp at iat":                 f.withClaim("exp", at(0)),
		"exp before iat":             f.withClaim("exp", at(-time.Second)),
		"iat absent":                 f.without("iat"),
		"iat in the future":          f.withClaim("iat", at(11*time.Second)),
		"iat negative":               f.withClaim("iat", "-1"),
		"iat so early that sums overflow": claims(strings.NewReplacer(
			`"iat":`+at(0), `"iat":-9223372036854775000`, `"nbf":`+at(0), `"nbf":-9223372036854775000`,
		).Replace(f.claims)),
		"nbf negative":                f.withClaim("nbf", "-1"),
		"iat as text":                 f.withClaim("iat", `"`+at(0)+`"`),
		"nbf absent":                  f.without("nbf"),
		"nbf in the future":           f.withClaim("nbf", at(11*time.Second)),
		"sub twice":                   f.twice("sub", `"user_1"`),
		"jti twice, the same":         f.twice("jti", `"j1"`),
		"exp twice":                   f.twice("exp", at(time.Minute)),
		"acct twice, once escaped":    f.withClaims(`"acct"`, `"\u0061cct":"acct_1","acct"`),
		"sub in capitals beside":      f.withClaims(`"sub"`, `"SUB":"user_1","sub"`),
		"sub in capitals instead":     f.withClaims(`"sub"`, `"Sub"`),
		"a role":                      f.withClaims(`"jti"`, `"role":"developer","jti"`),
		"scopes":                      f.withClaims(`"jti"`, `"scope":"*","jti"`),
		"an act":                      f.withClaims(`"jti"`, `"act":{"sub":"user_1"},"jti"`),
		"claims a list":               claims(`[` + f.claims + `]`),
		"claims null":                 claims(`null`),
		"claims with something after": claims(f.claims + ` x`),
		"claims of broken UTF-8":      f.withClaim("jti", "\"\xff\""),
		"claims empty":                claims(``),
		// signature
		"no signature":                      unsigned + ".",
		"no signature and no dot":           unsigned,
		"half a signature":                  unsigned + "." + encode(string(raw[:32])),
		"a bit flipped":                     unsigned + "." + encode(string(flip)),
		"a signature of zeros":              unsigned + "." + encode(string(make([]byte, 64))),
		"a byte more":                       unsigned + "." + encode(string(raw)+"\x00"),
		"the signature's other form, S + L": unsigned + "." + encode(string(malleable(raw))),
		"bits beyond the last byte":         unsigned + "." + signature[:len(signature)-1] + string(next(signature[len(signature)-1])),
		"padding":                           good + "==",
		"the other alphabet":                unsigned + "." + base64.RawStdEncoding.EncodeToString(append([]byte{0xfb, 0xff}, raw[2:]...)),
		"claims of one, signature of another": strings.Join([]string{
			parts[0], strings.Split(f.withClaim("jti", `"j2"`), ".")[1], signature,
		}, "."),
		// shape
		"nothing but dots":     "..",
		"a megabyte of dots":   strings.Repeat(".", 1<<20),
		"a megabyte of text":   strings.Repeat("A", 1<<20),
		"four parts":           good + ".AAAA",
		"five parts, like JWE": good + ".AAAA.AAAA",
		"a dot before":         "." + good,
		"a line break inside":  good[:20] + "\n" + good[20:],
		"a return inside":      good[:len(good)-5] + "\r" + good[len(good)-5:],
		"a space inside":       good[:20] + " " + good[20:],
		"a space behind":       good + " ",
		"quotes":               `"` + good + `"`,
		"two, with a comma":    good + ", " + good,
		"more than 4 KB":       f.withClaim("jti", `"`+strings.Repeat("j", 4096)+`"`),
		"null":                 "null",
		"undefined":            "undefined",
		"JSON serialization": fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`,
			parts[1], parts[0], signature),
		"a refresh token": "igny8_rt_" + strings.Repeat("0", 104),
		"an API key":      "igny8_live_1_secret",
	}
}

// malleable adds the order of the group to a signature's second half, which a verifier that does
// not insist on the reduced form takes for another signature of the same text.
func malleable(signature []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(slices.Clone(signature[:32]), sum...)
}

// next is the following letter of base64url, which differs in bits that the last byte does not have.
func next(letter byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, letter)+1]
}
