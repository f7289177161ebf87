package auth

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
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
	// actsFor is the account that a member of staff acts for, and impersonation what lets them; both
	// are 0 for people about their own business.
	actsFor       gid.Account
	impersonation gid.Impersonation
	// expires is when the token is good no longer.
	expires time.Time
}

// accessClaims are the claims of an access token: these, in this order, and no others. All are there
// in each token but imp, which is in those of staff who act for an account.
type accessClaims struct {
	Issuer        string              `json:"iss"`
	Audience      string              `json:"aud"`
	Subject       string              `json:"sub"`
	Account       string              `json:"acct"`
	Session       string              `json:"sid"`
	Impersonation *impersonationClaim `json:"imp,omitempty"`
	ID            string              `json:"jti"`
	IssuedAt      int64               `json:"iat"`
	NotBefore     int64               `json:"nbf"`
	ExpiresAt     int64               `json:"exp"`
}

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

// accessHeader is the header of the tokens that a key signs.
func accessHeader(keyID string) map[string]any {
	return map[string]any{"alg": jwt.SigningMethodEdDSA.Alg(), "kid": keyID, "typ": accessType}
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
		Impersonation: b.claimed(), ID: rand.Text(),
		IssuedAt: issued.Unix(), NotBefore: issued.Unix(), ExpiresAt: expires.Unix(),
	})
	unsigned.Header = accessHeader(t.keys.signerID)
	token, err = unsigned.SignedString(t.keys.signer)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign an access token: %w", err)
	}
	return token, expires.UTC(), nil
}

// verify says whom a token names; false, and nothing about why, where it is not one of ours or not
// good now.
//
// Its form must be the very one that issue writes, which leaves no room for what jwt overlooks: crit
// and jwk, another typ, a claim that is absent, too many or there twice, exp as text, line breaks in
// the encoding. The header is one of those in memory, and what was read of the rest, written
// again, must give the same text.
func (t *accessTokens) verify(token string) (bearer, bool) {
	if len(token) > maxAccessToken {
		return bearer{}, false
	}
	header, _, _ := strings.Cut(token, ".")
	key, known := t.keys.headers[header]
	if !known {
		return bearer{}, false
	}
	var c accessClaims
	parsed, err := t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return key, nil })
	if err != nil || !c.sane() {
		return bearer{}, false
	}
	claims, err := json.Marshal(c)
	if err != nil || token != header+"."+b64.EncodeToString(claims)+"."+b64.EncodeToString(parsed.Signature) {
		return bearer{}, false
	}
	b := bearer{expires: time.Unix(c.ExpiresAt, 0).UTC()}
	var errs [3]error
	b.user, errs[0] = gid.Parse[gid.User](c.Subject)
	b.account, errs[1] = gid.Parse[gid.Account](c.Account)
	b.session, errs[2] = gid.Parse[gid.Session](c.Session)
	if errors.Join(errs[:]...) != nil || !c.Impersonation.read(&b) {
		return bearer{}, false
	}
	return b, true
}

// sane judges what jwt does not: the token's number and the times among themselves. Beyond 2^40 s,
// the year 36812, sums of times overflow.
func (c accessClaims) sane() bool {
	const longest, latest = int64(AccessLifetime / time.Second), 1 << 40
	return c.ID != "" && c.IssuedAt > 0 && c.NotBefore == c.IssuedAt &&
		c.ExpiresAt > c.IssuedAt && c.ExpiresAt < latest && c.ExpiresAt-c.IssuedAt <= longest
}
