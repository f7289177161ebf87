package gqlhttp

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// sharesAtLeast is how many full shares the store has room for.
	sharesAtLeast = 64
	// entryBytes and shareBytes estimate what an entry takes beside its text, and a share beside its
	// entries.
	entryBytes = 400
	shareBytes = 800
)

// operationStore keeps the documents that clients registered by hash, each caller's in a share of their
// own. A share is bounded: who registers too many loses the ones they used last longest ago, and nobody
// else's. When all shares together grow too large, the one that was not used for longest gives way,
// which one caller can bring about once, for as much as one share holds. Shares find nothing of each
// other, so that a hash never tells whether somebody else sent that document.
type operationStore struct {
	mu       sync.Mutex
	shares   *simplelru.LRU[string, *share]
	bytes    int
	maxBytes int
	maxShare int
}

type share struct {
	texts *simplelru.LRU[string, string]
	bytes int
}

func newOperationStore(maxBytes, maxShare int) *operationStore {
	s := &operationStore{maxBytes: maxBytes, maxShare: maxShare}
	s.shares = newLRU(max(1, maxBytes/shareBytes), func(_ string, gone *share) { s.bytes -= gone.bytes })
	return s
}

func newLRU[V any](entries int, evicted func(string, V)) *simplelru.LRU[string, V] {
	lru, err := simplelru.NewLRU(entries, evicted)
	if err != nil {
		panic("gqlhttp: " + err.Error()) // a size that is not positive
	}
	return lru
}

// get finds what the caller registered.
func (s *operationStore) get(caller, hash string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own, found := s.shares.Get(caller)
	if !found {
		return "", false
	}
	return own.texts.Get(hash)
}

// put registers a text for the caller; one that is larger than a share is left out.
func (s *operationStore) put(caller, hash, text string) {
	cost := entryBytes + len(text)
	if shareBytes+cost > s.maxShare {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own, found := s.shares.Get(caller)
	if !found {
		own = s.open(caller)
	}
	if _, known := own.texts.Get(hash); known {
		return
	}
	own.texts.Add(hash, text)
	own.bytes += cost
	s.bytes += cost
	for own.bytes > s.maxShare {
		own.texts.RemoveOldest()
	}
	for s.bytes > s.maxBytes && s.shares.Len() > 1 {
		s.shares.RemoveOldest()
	}
}

// open makes a share for a caller who has none.
func (s *operationStore) open(caller string) *share {
	own := &share{bytes: shareBytes}
	own.texts = newLRU(max(1, s.maxShare/entryBytes), func(_, text string) {
		own.bytes -= entryBytes + len(text)
		s.bytes -= entryBytes + len(text)
	})
	for s.shares.Len() > 0 && s.bytes+own.bytes > s.maxBytes {
		s.shares.RemoveOldest()
	}
	s.shares.Add(caller, own)
	s.bytes += own.bytes
	return own
}
