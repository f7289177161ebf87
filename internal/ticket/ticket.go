// Package ticket makes the tokens that are mailed to people: an invitation, a new password, the proof
// of an address.
//
// A ticket names the row that it belongs to and proves it by 32 random bytes, of which the database
// keeps the hash. Who has the database cannot make a ticket; who has a ticket opens one row.
package ticket

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"

	"igny8.com/accounts/internal/gid"
)

// Kind is what a ticket is for; it starts the ticket's text.
type Kind string

// The kinds of tickets.
const (
	Invitation Kind = "igny8_invite_"
	Password   Kind = "igny8_reset_"
	Email      Kind = "igny8_verify_"
	Restore    Kind = "igny8_restore_"
)

const secretSize = 32

// Ticket is a ticket, read: the row that it names, and the hash to compare with the row's.
type Ticket struct {
	Tenant gid.Account
	ID     int64
	Hash   []byte
}

// New makes the ticket of a row: the text to mail, and the hash to keep.
func New(kind Kind, tenant gid.Account, id int64) (text string, hash []byte) {
	data := binary.BigEndian.AppendUint64(nil, uint64(tenant)) //nolint:gosec // keys are positive
	data = binary.BigEndian.AppendUint64(data, uint64(id))     //nolint:gosec // keys are positive
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails
	text = string(kind) + hex.EncodeToString(append(data, secret...))
	return text, digest(text)
}

// Read reads the text of a ticket; false where New did not write it. It asks no database.
func Read(kind Kind, text string) (Ticket, bool) {
	payload, found := strings.CutPrefix(text, string(kind))
	// The decoder takes capitals too, which would give one ticket many texts.
	if !found || len(payload) != 2*(16+secretSize) || strings.ContainsAny(payload, "ABCDEF") {
		return Ticket{}, false
	}
	data, err := hex.DecodeString(payload)
	if err != nil {
		return Ticket{}, false
	}
	tenant, id := binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:])
	if tenant == 0 || id == 0 || tenant > math.MaxInt64 || id > math.MaxInt64 {
		return Ticket{}, false
	}
	return Ticket{Tenant: gid.Account(tenant), ID: int64(id), Hash: digest(text)}, true
}

// Fits says whether the ticket is the one whose hash the row keeps, in a time that does not tell how
// much of it is right.
func (t Ticket) Fits(hash []byte) bool { return subtle.ConstantTimeCompare(t.Hash, hash) == 1 }

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}
