package billing

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// Declare says that the money of a requested payment was sent.
type Declare struct {
	PaymentID gid.Payment
	SentOn    time.Time
	PayerName string
	ProofURL  *string
}

// DeclarePayment notes what the owner says was sent; said again, the newer word counts, as long as
// nobody has decided. Errors: REQUIRED, TOO_LONG, INVALID, NOT_FOUND, INVALID_STATE.
func (o Office) DeclarePayment(ctx context.Context, db bun.IDB, actor account.Actor, now time.Time, in Declare) (*Payment, error) {
	var faults fault.List
	faults.Add(checkDay(in.SentOn, now, "sentOn"))
	faults.Add(fault.CheckText(in.PayerName, "payerName", 200))
	if in.ProofURL != nil {
		faults.Add(checkURL(*in.ProofURL, "proofUrl"))
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	tenant := actor.AccountID()
	var payment *Payment
	err := postgres.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		a, err := o.open(ctx, tx, tenant, &now)
		if err != nil {
			return err
		}
		if payment, err = lockPayment(ctx, tx, tenant, in.PaymentID); err != nil {
			return err
		}
		if payment.Status != Pending || !now.Before(payment.ExpiresAt) {
			return fault.New(fault.InvalidState, "this payment does not wait for money any more").At("paymentId")
		}
		name := strings.TrimSpace(in.PayerName)
		payment.DeclaredAt, payment.SentOn, payment.PayerName, payment.ProofURL = &now, &in.SentOn, &name, in.ProofURL
		payment.UpdatedAt = now
		_, err = tx.NewUpdate().Model(payment).WherePK().
			Column("declared_at", "sent_on", "payer_name", "proof_url", "updated_at").Exec(ctx)
		if err != nil {
			return fmt.Errorf("declare payment: %w", err)
		}
		change := audit.On("payment.declared", "payment", payment.ID).
			To(map[string]any{"sentOn": in.SentOn.Format(time.DateOnly), "payerName": name})
		if err := audit.Record(ctx, tx, tenant, actor.By(tenant), now, change); err != nil {
			return err
		}
		// It waits for its review from now on, and longer.
		a.replace(payment)
		if err := o.tellBoth(ctx, tx, a, paymentDeclared(o, a, payment), declaredToStaff(o, a, payment), now); err != nil {
			return err
		}
		return a.close(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return payment, nil
}

// replace lets what waits be the payment as it was written.
func (a *agreement) replace(p *Payment) {
	for i := range a.pending {
		if a.pending[i].ID == p.ID {
			a.pending[i] = p
		}
	}
}

// checkURL refuses what is no absolute web address that staff can open without harm: one that goes over the wire
// for all to read, that runs as a script, or that signs in somewhere as somebody.
func checkURL(text, field string) *fault.Error {
	const most = 2000
	if len(text) > most {
		return fault.New(fault.TooLong, "at most %d characters", most).At(field)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return fault.New(fault.Invalid, "a web address that starts with https://").At(field)
	}
	return nil
}
