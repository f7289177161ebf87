package postgres

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// announcements are what a transaction has to tell once it is committed, each once.
type announcements struct {
	mu    sync.Mutex
	texts map[string]struct{}
}

type announcementsKey struct{}

// Announce has the text told to the DB's listener (OnAnnounce) after the transaction of InTx, whose context
// ctx must be or come from, is committed; never if it is not. The same text is told once a transaction.
// Outside of a transaction, and where nobody listens, nothing happens.
//
// It costs no statement and no lock, where NOTIFY takes one lock of the whole server's from before the commit
// until it is on the disk. In exchange, what a process had to tell is lost if it dies right then.
func Announce(ctx context.Context, text string) {
	a, ok := ctx.Value(announcementsKey{}).(*announcements)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.texts == nil {
		a.texts = map[string]struct{}{}
	}
	a.texts[text] = struct{}{}
}

// OnAnnounce has listen called with what committed transactions announced, from now on. It must return at
// once: commands wait for it. nil ends it.
func (db *DB) OnAnnounce(listen func(texts []string)) {
	if listen == nil {
		db.announced.Store(nil)
		return
	}
	db.announced.Store(&listen)
}

// tell tells what a transaction announced that is committed now.
func (db *DB) tell(a *announcements) {
	listen := db.announced.Load()
	if listen == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.texts) > 0 {
		(*listen)(slices.Sorted(maps.Keys(a.texts)))
	}
}
