package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

func (r *mutationResolver) RecordReceipt(ctx context.Context, in RecordReceiptInput) (*RecordReceiptPayload, error) {
	payload, err := r.recordReceipt(ctx, in)
	payload.UserErrors, err = outcome(err)
	return payload, err
}

func (r *mutationResolver) recordReceipt(ctx context.Context, in RecordReceiptInput) (*RecordReceiptPayload, error) {
	none := &RecordReceiptPayload{}
	id, f := requiredID[gid.Payment](in.PaymentID, "paymentId")
	if f != nil {
		return none, f
	}
	amount, err := money.Parse(in.Amount.Amount, in.Amount.CurrencyCode)
	if err != nil {
		return none, under(err, "amount")
	}
	payment, receipt, err := r.office().RecordReceipt(ctx, r.DB, actor(ctx), r.now(), billing.Record{
		PaymentID: id, ExternalPaymentID: in.ExternalPaymentID, Amount: amount,
		ReceivedOn: in.ReceivedOn, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return none, err
	}
	payer, err := r.payerOf(ctx, payment)
	return &RecordReceiptPayload{Receipt: receipt, Payment: payment, Account: payer}, err
}

func (r *mutationResolver) DecideReceipt(ctx context.Context, in DecideReceiptInput) (*DecideReceiptPayload, error) {
	payload, err := r.decideReceipt(ctx, in)
	payload.UserErrors, err = outcome(err)
	return payload, err
}

func (r *mutationResolver) decideReceipt(ctx context.Context, in DecideReceiptInput) (*DecideReceiptPayload, error) {
	none := &DecideReceiptPayload{}
	id, f := requiredID[gid.Receipt](in.ReceiptID, "receiptId")
	if f != nil {
		return none, f
	}
	decide := billing.Decide{ReceiptID: id, Decision: in.Decision, Reason: in.Reason, IdempotencyKey: in.IdempotencyKey}
	if said := value(in.ExternalPaymentID); said != nil {
		decide.ExternalPaymentID = *said
	}
	payment, receipt, err := r.office().DecideReceipt(ctx, r.DB, actor(ctx), r.now(), decide)
	if err != nil {
		return none, err
	}
	payer, err := r.payerOf(ctx, payment)
	return &DecideReceiptPayload{Receipt: receipt, Payment: payment, Account: payer}, err
}

// payerOf is the account of a payment that staff decided on, as it is now.
func (r *mutationResolver) payerOf(ctx context.Context, p *billing.Payment) (*account.Account, error) {
	accounts, err := account.ByIDs(ctx, r.DB, []gid.Account{p.TenantID})
	return only(load(ctx).sawAccounts(accounts)), err
}
