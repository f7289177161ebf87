package credit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
)

// lowShare is the part of what a plan granted last below which what is available is low: one in so many.
const lowShare = 10

// watched is an account's row as the book has it: with what is watched besides the state that commands
// answer.
type watched struct {
	Account `bun:",extend"`

	// HasBudgets says whether any of the account's sites has a budget.
	HasBudgets bool `bun:"has_budgets"`
	// LowBelow is the number below which what is available is low; 0 for never. LowSince is since when it
	// is, nil while it is not.
	LowBelow int64      `bun:"low_below"`
	LowSince *time.Time `bun:"low_since"`
}

// granted says what a new grant means for what is low: a plan's, for the time until the next one.
func (w *watched) granted(g *Grant) {
	if g.Kind == Trial || g.Kind == Subscription {
		w.LowBelow = (g.Amount + lowShare - 1) / lowShare
	}
}

// alert is that an account's credits became low.
type alert struct {
	bun.BaseModel `bun:"table:igny8_credit_alerts,alias:alert"`

	TenantID  gid.Account `bun:"tenant_id,pk" json:"tenant_id"`
	ID        int64       `bun:"id,pk,autoincrement" json:"id"`
	Available int64       `bun:"available" json:"available"`
	LowBelow  int64       `bun:"low_below" json:"low_below"`
	CreatedAt time.Time   `bun:"created_at" json:"created_at"`
	HandledAt *time.Time  `bun:"handled_at" json:"handled_at"`
}

// watch notices that what is available became low, once until it is not low any more.
func (b *book) watch() {
	w, available := b.watched, b.state.Available()
	if available >= w.LowBelow {
		w.LowSince = nil
		return
	}
	if w.LowSince != nil {
		return
	}
	since := b.now
	w.LowSince = &since
	b.alerts = append(b.alerts, &alert{TenantID: b.tenant, Available: available, LowBelow: w.LowBelow, CreatedAt: b.now})
}

// AlertLow mails the owners of all accounts whose credits became low, and whoever gets their bills, once for
// each time, and says how many times that was. An account that is gone by then is not told. It is repeatable
// at any time and safe beside others of its kind.
func AlertLow(ctx context.Context, db bun.IDB, box *mail.Box, now time.Time) (int, error) {
	total := 0
	err := eachDue(ctx, func(after gid.Account) (tenants []gid.Account, err error) {
		err = db.NewRaw(`SELECT DISTINCT tenant_id FROM igny8_credit_alerts WHERE handled_at IS NULL AND tenant_id > ?0 AND `+byRealTime+`
			ORDER BY tenant_id LIMIT ?1`, after, dueBatch).Scan(postgres.WithStaff(postgres.WithTenant(ctx, 0)), &tenants)
		return tenants, err //nolint:wrapcheck // the caller says what for
	}, func(tenant gid.Account) error {
		n, err := alertOne(ctx, db, box, tenant, now)
		if err != nil {
			return err
		}
		total += n
		return nil
	})
	return total, err
}

func alertOne(ctx context.Context, db bun.IDB, box *mail.Box, tenant gid.Account, now time.Time) (int, error) {
	told := 0
	err := postgres.InTx(postgres.WithTenant(ctx, int64(tenant)), db, func(ctx context.Context, tx bun.Tx) error {
		told = 0
		acct, err := account.Lock(ctx, tx, tenant)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		told, err = tellLow(ctx, tx, box, tenant, acct, now)
		return err
	})
	return told, err
}

// TellLow is AlertLow for one account, which the caller has locked, in the caller's transaction.
func TellLow(ctx context.Context, tx bun.Tx, box *mail.Box, acct *account.Account, now time.Time) error {
	_, err := tellLow(ctx, tx, box, acct.ID, acct, now)
	return err
}

// tellLow tells an account of its alerts, and says how many there were; nobody where the account is gone.
func tellLow(ctx context.Context, tx bun.Tx, box *mail.Box, tenant gid.Account, acct *account.Account, now time.Time) (int, error) {
	alerts := []*alert{}
	err := tx.NewRaw(`UPDATE igny8_credit_alerts SET handled_at = ?1 WHERE tenant_id = ?0 AND handled_at IS NULL
			RETURNING id, available, low_below, created_at`, tenant, now).Scan(ctx, &alerts)
	if err != nil {
		return 0, fmt.Errorf("handle alerts: %w", err)
	}
	if acct == nil || len(alerts) == 0 {
		return 0, nil
	}
	// Where a period ends, its credits may be gone a moment before the next one's come: that is nothing to tell of.
	if low, err := LowOf(ctx, tx, tenant); err != nil || low == nil {
		return 0, err
	}
	readers, err := account.BillingReaders(ctx, tx, acct)
	if err != nil {
		return 0, err
	}
	for _, a := range alerts {
		for _, to := range readers {
			if err := box.Post(ctx, tx, a.letter(box, acct, to), now); err != nil {
				return 0, err
			}
		}
	}
	return len(alerts), nil
}

func (a *alert) letter(box *mail.Box, acct *account.Account, to string) mail.Letter {
	const text = `The credits of the IGNY8 account %s (%s) are running low: since %s
%d are available, less than a tenth of what its plan granted last.

Operations that cost more than what is available are refused. More credits and other plans are here:

%s
`
	return mail.Letter{
		Tenant: acct.ID, Kind: "credits_low", To: to, Subject: "Your IGNY8 credits are running low",
		Text: fmt.Sprintf(text, acct.Name, acct.Slug, a.CreatedAt.UTC().Format("2 January 2006, 15:04 UTC"), a.Available,
			box.App),
	}
}
