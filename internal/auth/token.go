package auth

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"igny8.com/accounts/internal/gid"
)

const (
	// AccessLifetime is how long an access token is good for, unless its session ends before.
	AccessLifetime = 15 * time.Minute
	// leeway is by how much the clocks of two servers may differ.
	leeway = 10 * time.Second
	// maxAccessToken is the length of a token that is read at all; ours have about 450 bytes.
	maxAccessToken = 4096

	accessType = "at+jwt"
)

// bearer is whom an access token names.
type bearer struct {
	user    gid.User
	account gid.Account
	session gid.Session
}

// accessClaims are the claims of an access token: these, all of them, and no others.
type accessClaims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	Account   string `json:"acct"`
	Session   string `json:"sid"`
	ID        string `json:"jti"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	ExpiresAt int64  `json:"exp"`
}

var (
	claimTexts = []string{"iss", "aud", "sub", "acct", "sid", "jti"}
	claimTimes = []string{"iat", "nbf", "exp"}
)

// GetExpirationTime implements jwt.Claims.
func (c accessClaims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.ExpiresAt), nil }

// GetIssuedAt implements jwt.Claims.
func (c accessClaims) GetIssuedAt() (*jwt.NumericDate, error) { return date(c.IssuedAt), nil }

// GetNotBefore implements jwt.Claims.
func (c accessClaims) GetNotBefore() (*jwt.NumericDate, error) { return date(c.NotBefore), nil }

// GetIssuer implements jwt.Claims.
func (c accessClaims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject implements jwt.Claims.
func (c accessClaims) GetSubject() (string, error) { return c.Subject, nil }

// GetAudience implements jwt.Claims.
func (c accessClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

func date(seconds int64) *jwt.NumericDate { return jwt.NewNumericDate(time.Unix(seconds, 0)) }

// accessTokens makes and judges access tokens: JWTs signed with EdDSA (RFC 8037), shaped after RFC 9068.
type accessTokens struct {
	keys             *Keys
	issuer, audience string
	parser           *jwt.Parser
	now              func() time.Time
}

func newAccessTokens(keys *Keys, issuer, audience string, now func() time.Time) *accessTokens {
	return &accessTokens{
		keys: keys, issuer: issuer, audience: audience, now: now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithNotBeforeRequired(),
			jwt.WithIssuedAt(),
			jwt.WithStrictDecoding(),
			jwt.WithLeeway(leeway),
			jwt.WithTimeFunc(now),
		),
	}
}

// issue makes a token that is good from now on for AccessLifetime, but not beyond latest.
func (t *accessTokens) issue(b bearer, now, latest time.Time) (token string, expires time.Time, err error) {
	issued := now.Truncate(time.Second)
	expires = issued.Add(AccessLifetime)
	if latest = latest.Truncate(time.Second); latest.Before(expires) {
		expires = latest
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, accessClaims{
		Issuer: t.issuer, Audience: t.audience,
		Subject: gid.Format(b.user), Account: gid.Format(b.account), Session: gid.Format(b.session),
		ID:       rand.Text(),
		IssuedAt: issued.Unix(), NotBefore: issued.Unix(), ExpiresAt: expires.Unix(),
	})
	unsigned.Header["typ"] = accessType
	unsigned.Header["kid"] = t.keys.signerID
	token, err = unsigned.SignedString(t.keys.signer)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign an access token: %w", err)
	}
	return token, expires.UTC(), nil
}

var errUnknownKey = errors.New("unknown key")

// verify says whom a token names; false, and nothing about why, where it is not one of ours or not
// good now. The form is judged before the signature: it is exactly the form that issue makes, so
// that nothing that jwt would overlook (crit, jwk, two claims of one name, exp as text …) gets by.
func (t *accessTokens) verify(token string) (bearer, bool) {
	header, claims, ok := t.parts(token)
	if !ok || !wellFormedHeader(header) || !wellFormedClaims(claims) {
		return bearer{}, false
	}
	var c accessClaims
	_, err := t.parser.ParseWithClaims(token, &c, func(parsed *jwt.Token) (any, error) {
		id, _ := parsed.Header["kid"].(string)
		if key, known := t.keys.verify[id]; known {
			return key, nil
		}
		return nil, errUnknownKey
	})
	if err != nil || c.ExpiresAt <= c.IssuedAt || c.ExpiresAt-c.IssuedAt > int64(AccessLifetime/time.Second) {
		return bearer{}, false
	}
	var b bearer
	var errs [3]error
	b.user, errs[0] = gid.Parse[gid.User](c.Subject)
	b.account, errs[1] = gid.Parse[gid.Account](c.Account)
	b.session, errs[2] = gid.Parse[gid.Session](c.Session)
	if errors.Join(errs[:]...) != nil {
		return bearer{}, false
	}
	return b, true
}

// parts decodes the header and the claims of a token of three parts.
func (t *accessTokens) parts(token string) (header, claims []byte, ok bool) {
	if len(token) > maxAccessToken {
		return nil, nil, false
	}
	// base64 decoders skip line breaks, which would give one token many texts.
	if strings.ContainsAny(token, "\r\n") || strings.Count(token, ".") != 2 {
		return nil, nil, false
	}
	split := strings.Split(token, ".")
	header, err := b64.DecodeString(split[0])
	if err != nil {
		return nil, nil, false
	}
	claims, err = b64.DecodeString(split[1])
	return header, claims, err == nil
}

func wellFormedHeader(data []byte) bool {
	header, ok := members(data)
	if !ok || len(header) != 3 {
		return false
	}
	kid, ok := header["kid"].(string)
	return ok && kid != "" && header["alg"] == jwt.SigningMethodEdDSA.Alg() && header["typ"] == accessType
}

func wellFormedClaims(data []byte) bool {
	claims, ok := members(data)
	if !ok || len(claims) != len(claimTexts)+len(claimTimes) {
		return false
	}
	for _, name := range claimTexts {
		if text, ok := claims[name].(string); !ok || text == "" {
			return false
		}
	}
	for _, name := range claimTimes {
		number, ok := claims[name].(json.Number)
		if !ok {
			return false
		}
		// Whole seconds written as digits; 2^40 s is the year 36812, far from where sums overflow.
		if seconds, err := strconv.ParseInt(number.String(), 10, 64); err != nil || seconds <= 0 || seconds > 1<<40 {
			return false
		}
	}
	return true
}
