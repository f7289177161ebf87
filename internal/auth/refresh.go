package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"igny8.com/accounts/internal/gid"
)

// A refresh token is igny8_rt_ and, in hexadecimal: account (8 bytes), session (8), generation (4),
// seed (16), MAC (16). The MAC tells our tokens from others before the database is asked. The seed
// of a session's first token is random and stored nowhere; that of each successor is derived
// from its predecessor's under the server's secret. So one token has one successor, which can be
// given again to whoever lost it or asked at the same moment, and neither the database, which
// keeps a hash of the newest token, nor the secret alone is enough to make a token that works.
const (
	refreshPrefix = "igny8_rt_"
	seedSize      = 16
	macSize       = 16
	plainSize     = 8 + 8 + 4 + seedSize
	refreshLength = len(refreshPrefix) + 2*(plainSize+macSize)
)

// refreshToken is a refresh token, read.
type refreshToken struct {
	account    gid.Account
	session    gid.Session
	generation int32
	seed       [seedSize]byte
}

// refreshTokens makes and reads refresh tokens.
type refreshTokens struct {
	macKey, seedKey []byte
}

func newRefreshTokens(secret []byte) (*refreshTokens, error) {
	const least = 32
	if len(secret) < least || monotone(secret) {
		return nil, errWeakSecret
	}
	macKey, err := hkdf.Key(sha256.New, secret, nil, "igny8 refresh token v1: mac", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	seedKey, err := hkdf.Key(sha256.New, secret, nil, "igny8 refresh token v1: successor", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return &refreshTokens{macKey: macKey, seedKey: seedKey}, nil
}

// first is the token of a new session.
func (t *refreshTokens) first(account gid.Account, session gid.Session) refreshToken {
	token := refreshToken{account: account, session: session}
	_, _ = rand.Read(token.seed[:]) // never fails
	return token
}

// successor is the one token that follows.
func (t *refreshTokens) successor(token refreshToken) refreshToken {
	next := token
	next.generation++
	copy(next.seed[:], sum(t.seedKey, token.plain()))
	return next
}

// format writes a token.
func (t *refreshTokens) format(token refreshToken) string {
	plain := token.plain()
	return refreshPrefix + hex.EncodeToString(append(plain, sum(t.macKey, plain)[:macSize]...))
}

// parse reads a token; false where it is not one that format wrote.
func (t *refreshTokens) parse(text string) (refreshToken, bool) {
	payload, found := strings.CutPrefix(text, refreshPrefix)
	// The decoder takes capitals too, which would give one token many texts.
	if !found || len(text) != refreshLength || strings.ContainsAny(payload, "ABCDEF") {
		return refreshToken{}, false
	}
	data, err := hex.DecodeString(payload)
	if err != nil {
		return refreshToken{}, false
	}
	plain, mac := data[:plainSize], data[plainSize:]
	if !hmac.Equal(mac, sum(t.macKey, plain)[:macSize]) {
		return refreshToken{}, false
	}
	account, session, generation := binary.BigEndian.Uint64(plain), binary.BigEndian.Uint64(plain[8:]), binary.BigEndian.Uint32(plain[16:])
	if account > math.MaxInt64 || session > math.MaxInt64 || generation >= math.MaxInt32 {
		return refreshToken{}, false
	}
	token := refreshToken{account: gid.Account(account), session: gid.Session(session), generation: int32(generation)}
	copy(token.seed[:], plain[20:])
	return token, true
}

// plain is the token without its MAC.
func (t refreshToken) plain() []byte {
	plain := make([]byte, 0, plainSize+macSize)
	plain = binary.BigEndian.AppendUint64(plain, uint64(t.account))    //nolint:gosec // keys are positive
	plain = binary.BigEndian.AppendUint64(plain, uint64(t.session))    //nolint:gosec // keys are positive
	plain = binary.BigEndian.AppendUint32(plain, uint32(t.generation)) //nolint:gosec // counts from 0
	return append(plain, t.seed[:]...)
}

func sum(key, data []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(data)
	return mac.Sum(nil)
}

// digest is what the database keeps of a token.
func digest(token string) []byte {
	hash := sha256.Sum256([]byte(token))
	return hash[:]
}
