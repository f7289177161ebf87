package auth

// Watch has before called each time the Hasher is about to compare, with the hash that it compares
// with, its own decoy written as "decoy".
func (h *Hasher) Watch(before func(hash string)) {
	derive := h.derive
	h.derive = func(password, hash string) (bool, error) {
		if hash == h.decoy {
			before("decoy")
		} else {
			before(hash)
		}
		return derive(password, hash)
	}
}
