package graph

import (
	"context"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/money"
)

func (r *mutationResolver) RequestBankTransfer(
	ctx context.Context, in RequestBankTransferInput,
) (*RequestBankTransferPayload, error) {
	payment, err := r.office().RequestTransfer(ctx, r.DB, actor(ctx), r.at(ctx), billing.Request{
		PlanSlug: in.PlanSlug, Months: in.Months, IdempotencyKey: in.IdempotencyKey,
	})
	errs, err := outcome(err)
	return &RequestBankTransferPayload{Payment: payment, UserErrors: errs}, err
}

func (r *mutationResolver) DeclarePayment(ctx context.Context, in DeclarePaymentInput) (*DeclarePaymentPayload, error) {
	id, f := requiredID[gid.Payment](in.PaymentID, "paymentId")
	if f != nil {
		return &DeclarePaymentPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	payment, err := r.office().DeclarePayment(ctx, r.DB, actor(ctx), r.at(ctx), billing.Declare{
		PaymentID: id, SentOn: in.SentOn, PayerName: in.PayerName, ProofURL: value(in.ProofURL),
	})
	errs, err := outcome(err)
	return &DeclarePaymentPayload{Payment: payment, UserErrors: errs}, err
}

func (r *mutationResolver) ConfirmPayment(ctx context.Context, in ConfirmPaymentInput) (*ConfirmPaymentPayload, error) {
	payload, err := r.confirmPayment(ctx, in)
	errs, err := outcome(err)
	payload.UserErrors = errs
	return payload, err
}

func (r *mutationResolver) confirmPayment(ctx context.Context, in ConfirmPaymentInput) (*ConfirmPaymentPayload, error) {
	none := &ConfirmPaymentPayload{}
	id, f := requiredID[gid.Payment](in.PaymentID, "paymentId")
	if f != nil {
		return none, f
	}
	amount, err := money.Parse(in.Amount.Amount, in.Amount.CurrencyCode)
	if err != nil {
		return none, under(err, "amount")
	}
	payment, err := r.office().ConfirmPayment(ctx, r.DB, actor(ctx), r.now(), billing.Confirm{
		PaymentID: id, ExternalPaymentID: in.ExternalPaymentID, Amount: amount,
		ReceivedOn: in.ReceivedOn, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return none, err
	}
	subscriptions, err := billing.Subscriptions(ctx, r.DB, []gid.Account{payment.TenantID})
	if err != nil {
		return none, err
	}
	accounts, err := account.ByIDs(ctx, r.DB, []gid.Account{payment.TenantID})
	if err != nil {
		return none, err
	}
	return &ConfirmPaymentPayload{Payment: payment, Subscription: only(subscriptions), Account: only(accounts)}, nil
}

func (r *mutationResolver) RefundPayment(ctx context.Context, in RefundPaymentInput) (*RefundPaymentPayload, error) {
	payload := &RefundPaymentPayload{}
	payment, back, err := r.refundPayment(ctx, in)
	payload.UserErrors, err = outcome(err)
	if err == nil && len(payload.UserErrors) == 0 {
		load(ctx).sawPayments([]*billing.Payment{payment})
		payload.Payment = payment
	}
	if back != nil {
		load(ctx).sawInvoices([]*billing.Invoice{back.CreditNote})
		payload.CreditNote = back.CreditNote
		taken, owed := int(back.CreditsTaken), int(back.CreditsOwed)
		payload.CreditsTaken, payload.CreditsOwed = &taken, &owed
	}
	return payload, err
}

func (r *mutationResolver) refundPayment(ctx context.Context, in RefundPaymentInput) (*billing.Payment, *billing.PaymentRefund, error) {
	id, f := requiredID[gid.Payment](in.PaymentID, "paymentId")
	if f != nil {
		return nil, nil, f
	}
	var amount *money.Money
	if said := value(in.Amount); said != nil {
		sum, err := money.Parse(said.Amount, said.CurrencyCode)
		if err != nil {
			return nil, nil, under(err, "amount")
		}
		amount = &sum
	}
	return r.office().RefundPayment(ctx, r.DB, actor(ctx), r.now(), billing.Refund{
		PaymentID: id, Amount: amount, Reason: in.Reason, EndNow: value(in.EndNow), IdempotencyKey: in.IdempotencyKey,
	})
}

func (r *mutationResolver) SetAccountTax(ctx context.Context, in SetAccountTaxInput) (*SetAccountTaxPayload, error) {
	changed, errs, err := onID(in.AccountID, "accountId", func(id gid.Account) (*account.Account, error) {
		return r.office().SetTax(ctx, r.DB, actor(ctx), r.now(), billing.Taxing{
			AccountID: id, Rate: value(in.TaxRate), TaxID: value(in.TaxID),
		})
	})
	return &SetAccountTaxPayload{Account: r.saw(ctx, changed), UserErrors: errs}, err
}

func (r *mutationResolver) RejectPayment(ctx context.Context, in RejectPaymentInput) (*RejectPaymentPayload, error) {
	id, f := requiredID[gid.Payment](in.PaymentID, "paymentId")
	if f != nil {
		return &RejectPaymentPayload{UserErrors: []UserError{userError(f)}}, nil
	}
	payment, err := r.office().RejectPayment(ctx, r.DB, actor(ctx), r.now(), id, in.Reason)
	errs, err := outcome(err)
	return &RejectPaymentPayload{Payment: payment, UserErrors: errs}, err
}

// only is the one row of a read by one key; nil where there is none.
func only[T any](rows []*T) *T {
	if len(rows) == 0 {
		return nil
	}
	return rows[0]
}

// office is the business side as this server works it.
func (r *Resolver) office() billing.Office {
	return billing.Office{
		Bank: r.Bank, Seller: r.Seller, StaffEmail: r.StaffEmail, SecondAbove: r.SecondAbove, Mail: r.Mail, TestClocks: r.TestClocks,
	}
}
