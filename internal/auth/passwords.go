package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// Cost is what hashing one password costs.
type Cost struct {
	// MemoryKiB is the memory, in KiB; at least 1024.
	MemoryKiB uint32
	// Iterations is the number of passes over that memory; at least 1.
	Iterations uint32
}

// DefaultCost is what OWASP's password storage cheat sheet recommends for argon2id: 19 MiB, two
// passes, one lane.
func DefaultCost() Cost { return Cost{MemoryKiB: 19 * 1024, Iterations: 2} }

// Hasher hashes passwords by argon2id, as many at once as there are cores: each takes a core and
// Cost.MemoryKiB of memory, and more at once would only make all of them late.
type Hasher struct {
	params argon2id.Params
	slots  chan struct{}
	// decoy is what a password is compared with where there is no hash.
	decoy string
	// derive is argon2id; tests watch it.
	derive func(password, hash string) (match bool, err error)
}

// NewHasher makes a Hasher. Errors: a cost that protects nothing.
func NewHasher(cost Cost) (*Hasher, error) {
	const leastMemoryKiB = 1024
	if cost.MemoryKiB < leastMemoryKiB || cost.Iterations < 1 {
		return nil, fmt.Errorf("argon2id with %d KiB and %d iterations protects nothing: at least %d KiB and 1",
			cost.MemoryKiB, cost.Iterations, leastMemoryKiB)
	}
	h := &Hasher{
		params: argon2id.Params{
			Memory: cost.MemoryKiB, Iterations: cost.Iterations, Parallelism: 1, SaltLength: 16, KeyLength: 32,
		},
		slots:  make(chan struct{}, runtime.GOMAXPROCS(0)),
		derive: argon2id.ComparePasswordAndHash,
	}
	decoy, err := argon2id.CreateHash(rand.Text(), &h.params)
	if err != nil {
		return nil, fmt.Errorf("hash the decoy: %w", err)
	}
	h.decoy = decoy
	return h, nil
}

// Hash hashes a password for storing, in PHC form. It waits for a core as long as ctx allows.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	hash, err := argon2id.CreateHash(opaque(password), &h.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// errUnreadableHash is a stored hash that is none.
var errUnreadableHash = errors.New("a stored password hash cannot be read")

// Verify says whether the password is the hash's. The empty hash is nobody's; it and a hash that
// cannot be read, which is an error, take as long as any other. It waits for a core as long as
// ctx allows.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (bool, error) {
	if len(password) > maxPasswordBytes {
		return false, nil // it can be nobody's, and says nothing of anybody
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	password = opaque(password)
	if hash == "" {
		_, _ = h.derive(password, h.decoy) // the decoy can be read
		return false, nil
	}
	match, err := h.derive(password, hash)
	if err != nil {
		_, _ = h.derive(password, h.decoy)
		return false, fmt.Errorf("%w: %w", errUnreadableHash, err)
	}
	return match, nil
}

// Outdated says whether the hash was made at another cost than this Hasher's, so that it should
// be made again as soon as the password is at hand.
func (h *Hasher) Outdated(hash string) bool {
	params, _, _, err := argon2id.DecodeHash(hash)
	return err != nil || *params != h.params
}

func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	// A context that has ended must lose against a slot that is free.
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("wait to hash a password: %w", err)
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

// opaque is the password as it is hashed: the same characters typed on another system, where é may
// be e and an accent, are the same password (RFC 8265, the OpaqueString profile).
func opaque(password string) string { return norm.NFC.String(password) }
