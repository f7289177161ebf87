package mail

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/sync/errgroup"

	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/vault"
)

const (
	// batch is how many letters one call looks for, atOnce how many it sends at a time.
	batch  = 200
	atOnce = 4
	// patience bounds one attempt to send, round the time in which a call claims letters, and lease the
	// time for which a claimed letter is not due. Since lease is more than both together, nobody else
	// claims a letter that is being sent.
	patience = 30 * time.Second
	round    = 2 * time.Minute
	lease    = 5 * time.Minute
	// noting bounds what is written after an attempt, when the caller may be gone already.
	noting = 10 * time.Second
)

// pauses are how long after a failed attempt the next one is made. After the last, a letter is given
// up: about 24 hours after the first.
var pauses = []time.Duration{
	time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 8 * time.Hour, 8 * time.Hour,
}

// SendDue sends the letters of all accounts that are due at now, at most 200, and says how many were
// sent. It is repeatable and safe beside others of its kind on other servers. A letter that could not be
// sent is tried again later, and given up after about a day, or at once where the answer is final; the
// log says so, by kind and id. Errors are those of the database alone.
func (b *Box) SendDue(ctx context.Context, db bun.IDB, sender Sender, log *slog.Logger, now time.Time) (int, error) {
	due := []*letter{}
	// The one read among all accounts. What is changed is changed in the scope of its account.
	err := db.NewSelect().Model(&due).Column("tenant_id", "id").Where("sealed IS NOT NULL").Where("due_at <= ?", now).
		Order("due_at", "id").Limit(batch).Scan(postgres.WithStaff(postgres.WithTenant(ctx, 0)))
	if err != nil {
		return 0, fmt.Errorf("find letters to send: %w", err)
	}
	p := &postman{box: b, db: db, sender: sender, log: log, now: now}
	var sent atomic.Int64
	claiming, cancel := context.WithTimeout(ctx, round)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, l := range due {
		group.Go(func() error {
			select {
			case <-claiming.Done():
				return nil
			default:
			}
			ok, err := p.deliver(postgres.WithTenant(ctx, int64(l.TenantID)), l.TenantID, l.ID)
			if ok {
				sent.Add(1)
			}
			return err
		})
	}
	err = group.Wait()
	return int(sent.Load()), err
}

// postman is one call of SendDue.
type postman struct {
	box    *Box
	db     bun.IDB
	sender Sender
	log    *slog.Logger
	now    time.Time
}

// deliver claims a letter, sends it and notes what came of it. No connection is held meanwhile.
func (p *postman) deliver(ctx context.Context, tenant gid.Account, id int64) (sent bool, err error) {
	l, err := p.claim(ctx, tenant, id)
	if err != nil || l == nil {
		return false, err
	}
	failure := p.send(ctx, l)
	if failure != nil && ctx.Err() != nil {
		return false, nil // interrupted, not refused: it is due again when the lease is over
	}
	// A letter that has gone out must not go out again because the caller stops now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noting)
	defer cancel()
	if failure == nil {
		return true, p.note(ctx, l, "sent_at = ?, sealed = NULL", p.now)
	}
	about := []slog.Attr{slog.String("kind", l.Kind), slog.Int64("id", l.ID), slog.Int("attempts", l.Attempts), slog.Any("error", failure)}
	if errors.Is(failure, ErrRefused) || l.Attempts > len(pauses) {
		p.log.LogAttrs(ctx, slog.LevelError, "letter given up", about...)
		return false, p.note(ctx, l, "given_up_at = ?, sealed = NULL", p.now)
	}
	p.log.LogAttrs(ctx, slog.LevelWarn, "letter not sent, to be tried again", about...)
	return false, p.note(ctx, l, "due_at = ?", p.now.Add(pauses[l.Attempts-1]))
}

// claim makes a letter this call's own for the time of the lease; nil where somebody else was first.
func (p *postman) claim(ctx context.Context, tenant gid.Account, id int64) (*letter, error) {
	claimed := []*letter{}
	err := p.db.NewRaw(`UPDATE igny8_mails SET due_at = ?, attempts = attempts + 1
		WHERE tenant_id = ? AND id = ? AND sealed IS NOT NULL AND due_at <= ? RETURNING *`,
		p.now.Add(lease), tenant, id, p.now).Scan(ctx, &claimed)
	if err != nil {
		return nil, fmt.Errorf("claim a letter: %w", err)
	}
	if len(claimed) == 0 {
		return nil, nil
	}
	return claimed[0], nil
}

// send opens a letter and sends it.
func (p *postman) send(ctx context.Context, l *letter) error {
	if l.Attempts > len(pauses)+1 {
		return fmt.Errorf("%w: each attempt was cut off", ErrRefused)
	}
	plain, err := p.box.Vault.Open(l.Sealed, l.KeyID, l.identity())
	if errors.Is(err, vault.ErrBroken) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err != nil {
		return err // its key may come back
	}
	var opened Letter
	if err := json.Unmarshal(plain, &opened); err != nil {
		return fmt.Errorf("%w: what was sealed is no letter", ErrRefused)
	}
	// Keyed, because a number would tell each recipient how many letters others get.
	name, err := p.box.Vault.HashWith(l.KeyID, "message id", l.identity())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const enough = 16
	return p.sender.Send(ctx, Message{
		ID: hex.EncodeToString(name[:enough]), To: opened.To, Subject: opened.Subject, Text: opened.Text, Date: l.CreatedAt,
	})
}

// note writes what came of this call's attempt, and nothing where another one has begun since.
func (p *postman) note(ctx context.Context, l *letter, set string, at time.Time) error {
	_, err := p.db.NewUpdate().Model((*letter)(nil)).Set(set, at).
		Where("tenant_id = ?", l.TenantID).Where("id = ?", l.ID).Where("attempts = ?", l.Attempts).
		Where("sealed IS NOT NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("note what came of a letter: %w", err)
	}
	return nil
}
