package paper

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/vault"
)

// LinkLife is how long a link opens its document.
const LinkLife = 10 * time.Minute

// Path is below what links lead to.
const Path = "/documents/"

// ErrLink means that a link is none, was changed, or is over; which of them is nobody's to know.
var ErrLink = errors.New("paper: this link opens nothing")

const (
	purpose   = "document link"
	extension = ".pdf"
)

// Target is the document that a link opens.
type Target struct {
	Tenant  gid.Account
	Invoice gid.Invoice
}

// Link is a path that opens a document until LinkLife after the instant now, for whoever has it.
func Link(v *vault.Vault, to Target, now time.Time) string {
	says := fmt.Sprintf("%d.%d.%d.%s", to.Tenant, to.Invoice, now.Add(LinkLife).Unix(), v.Current())
	mac, _ := v.Hash(purpose, says)
	return Path + encode([]byte(says)) + "." + encode(mac) + extension
}

// Open says what a link's path opens at the instant now. Errors: ErrLink.
func Open(v *vault.Vault, path string, now time.Time) (Target, error) {
	token, isPaper := strings.CutPrefix(path, Path)
	token, isPDF := strings.CutSuffix(token, extension)
	first, second, both := strings.Cut(token, ".")
	if !isPaper || !isPDF || !both || len(token) > 300 {
		return Target{}, ErrLink
	}
	says, err := decode(first)
	if err != nil {
		return Target{}, ErrLink
	}
	mac, err := decode(second)
	if err != nil {
		return Target{}, ErrLink
	}
	const parts = 4 // the last one, a key's id, may have dots of its own
	said := strings.SplitN(string(says), ".", parts)
	if len(said) != parts {
		return Target{}, ErrLink
	}
	made, err := v.HashWith(said[3], purpose, string(says))
	if err != nil || !hmac.Equal(mac, made) {
		return Target{}, ErrLink
	}
	var numbers [3]int64
	for i := range numbers {
		if numbers[i], err = strconv.ParseInt(said[i], 10, 64); err != nil {
			return Target{}, ErrLink
		}
	}
	if !now.Before(time.Unix(numbers[2], 0)) {
		return Target{}, ErrLink
	}
	return Target{gid.Account(numbers[0]), gid.Invoice(numbers[1])}, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, ErrLink
	}
	return b, nil
}
