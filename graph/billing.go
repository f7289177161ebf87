package graph

import (
	"context"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/paper"
	"igny8.com/accounts/internal/plan"
)

func (r *queryResolver) Payments(
	ctx context.Context, filter *PaymentFilter, first *int, after *string, last *int, before *string,
) (*billing.PaymentConnection, error) {
	var status *billing.PaymentStatus
	if filter != nil {
		status = value(filter.Status)
	}
	payments, err := billing.Payments(ctx, r.DB, actor(ctx).AccountID(), status, pageArgs(first, after, last, before))
	return payments.Each(load(ctx).sawPayments), err
}

func (r *queryResolver) PaymentQueue(
	ctx context.Context, filter *PaymentQueueFilter, orderBy *PaymentQueueOrder, first *int, after *string, last *int, before *string,
) (*billing.PaymentConnection, error) {
	var f billing.QueueFilter
	if filter != nil {
		f = billing.QueueFilter{
			Status: value(filter.Status), Method: value(filter.Method), Reference: value(filter.Reference),
			Declared: value(filter.Declared), Held: value(filter.Held), AwaitsApproval: value(filter.AwaitsApproval),
			WaitingBefore: value(filter.WaitingBefore), CreatedBefore: value(filter.CreatedBefore), OlderThanDays: value(filter.OlderThanDays),
		}
		if id := value(filter.AccountID); id != nil {
			n, err := gid.Parse[gid.Account](*id)
			if err != nil {
				return nil, err
			}
			f.AccountID = &n
		}
	}
	var order billing.QueueOrder
	if orderBy != nil {
		order = billing.QueueOrder{Field: orderBy.Field, Descending: orderBy.Direction == page.Descending}
	}
	payments, err := billing.Queue(ctx, r.DB, f, order, r.now(), pageArgs(first, after, last, before))
	return payments.Each(load(ctx).sawPayments), err
}

func (r *paymentResolver) Receipts(ctx context.Context, obj *billing.Payment) ([]*billing.Receipt, error) {
	return load(ctx).receiptsOf.load(ctx, obj.Key())
}

func (r *paymentResolver) Approvals(ctx context.Context, obj *billing.Payment) ([]*billing.PaymentApproval, error) {
	return load(ctx).approvalsOf.load(ctx, obj.Key())
}

func (r *receiptResolver) Payment(ctx context.Context, obj *billing.Receipt) (*billing.Payment, error) {
	return load(ctx).billedPayments.load(ctx, obj.PaymentKey())
}

func (r *paymentApprovalResolver) Receipt(ctx context.Context, obj *billing.PaymentApproval) (*billing.Receipt, error) {
	if obj.ReceiptID == nil {
		return nil, nil
	}
	receipts, err := load(ctx).receiptsOf.load(ctx, obj.PaymentKey())
	for _, receipt := range receipts {
		if receipt.ID == *obj.ReceiptID {
			return receipt, err
		}
	}
	return nil, err
}

func (r *paymentApprovalResolver) ApprovedBy(ctx context.Context, obj *billing.PaymentApproval) (*account.User, error) {
	return load(ctx).users.load(ctx, obj.ApproverID)
}

func (r *subscriptionResolver) CurrentPeriodStart(ctx context.Context, obj *billing.Subscription) (*time.Time, error) {
	p, err := load(ctx).current.load(ctx, obj.TenantID)
	if err != nil {
		return nil, err
	}
	return &p.Start, nil
}

func (r *subscriptionResolver) CurrentPeriodEnd(ctx context.Context, obj *billing.Subscription) (*time.Time, error) {
	p, err := load(ctx).current.load(ctx, obj.TenantID)
	if err != nil {
		return nil, err
	}
	return &p.End, nil
}

func (r *subscriptionResolver) Periods(
	ctx context.Context, obj *billing.Subscription, first *int, after *string, last *int, before *string,
) (*billing.PeriodConnection, error) {
	periods, err := billing.Periods(ctx, r.DB, obj.TenantID, pageArgs(first, after, last, before))
	return periods.Each(load(ctx).sawPeriods), err
}

func (r *subscriptionPeriodResolver) Plan(ctx context.Context, obj *billing.SubscriptionPeriod) (*plan.Plan, error) {
	return load(ctx).plans.load(ctx, obj.PlanID)
}

func (r *paymentResolver) Account(ctx context.Context, obj *billing.Payment) (*account.Account, error) {
	return load(ctx).accounts.load(ctx, obj.TenantID)
}

func (r *paymentResolver) Plan(ctx context.Context, obj *billing.Payment) (*plan.Plan, error) {
	return load(ctx).plans.load(ctx, obj.PlanID)
}

func (r *paymentResolver) Invoice(ctx context.Context, obj *billing.Payment) (*billing.Invoice, error) {
	return load(ctx).invoices.load(ctx, obj.Key())
}

func (r *queryResolver) Invoices(
	ctx context.Context, filter *InvoiceFilter, first *int, after *string, last *int, before *string,
) (*billing.InvoiceConnection, error) {
	var kind *billing.InvoiceKind
	if filter != nil {
		kind = value(filter.Kind)
	}
	invoices, err := billing.Invoices(ctx, r.DB, actor(ctx).AccountID(), kind, pageArgs(first, after, last, before))
	return invoices.Each(load(ctx).sawInvoices), err
}

func (r *queryResolver) Invoice(ctx context.Context, id string) (*billing.Invoice, error) {
	number, err := gid.Parse[gid.Invoice](id)
	if err != nil {
		return nil, err
	}
	rows, err := billing.InvoicesByIDs(ctx, r.DB, actor(ctx).AccountID(), []gid.Invoice{number})
	return only(load(ctx).sawInvoices(rows)), err
}

func (r *invoiceResolver) RefersTo(ctx context.Context, obj *billing.Invoice) (*billing.Invoice, error) {
	if obj.RefersToID == nil {
		return nil, nil
	}
	return load(ctx).invoices.load(ctx, obj.PaymentKey())
}

func (r *invoiceResolver) Payment(ctx context.Context, obj *billing.Invoice) (*billing.Payment, error) {
	return load(ctx).billedPayments.load(ctx, obj.PaymentKey())
}

func (r *invoiceResolver) PDFURL(_ context.Context, obj *billing.Invoice) (string, error) {
	return r.PublicURL + paper.Link(r.Vault, paper.Target{Tenant: obj.TenantID, Invoice: obj.ID}, r.now()), nil
}

func (r *invoiceResolver) Lines(ctx context.Context, obj *billing.Invoice) ([]*billing.InvoiceLine, error) {
	return load(ctx).invoiceLines.load(ctx, obj.Key())
}
