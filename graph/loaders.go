package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/page"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/staff"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/wordpress"
)

// loaders hold the relations of one operation: a query a relation and level, however many rows ask.
type loaders struct {
	impersonations *relation[gid.Impersonation, *account.Impersonation]
	apiKeys        *relation[gid.APIKey, *account.Key]
	apiKeysOf      *relation[gid.Site, []*account.Key]
	grantsOf       *relation[gid.Site, []*site.Access]
	wordPresses    *relation[gid.Site, *wordpress.Connection]
	syncCounts     *relation[gid.Site, int]
	firstEvents    *pages[gid.Site, *wordpress.EventConnection]
	accounts       *relation[gid.Account, *account.Account]
	users          *relation[gid.User, *account.User]
	plans          *relation[gid.Plan, *plan.Plan]
	subscriptions  *relation[gid.Account, *billing.Subscription]
	horizons       *relation[gid.Account, *billing.Horizon]
	balances       *relation[gid.Account, *billing.BalanceTransaction]
	current        *relation[gid.Account, *billing.SubscriptionPeriod]
	credits        *relation[gid.Account, *credit.Account]
	grantsLeft     *relation[gid.Account, []*credit.Grant]
	lines          *relation[gid.CreditTransaction, *credit.Transaction]
	touched        *relation[gid.CreditTransaction, []*credit.LineGrant]
	budgets        *relation[gid.Site, *credit.SiteBudget]
	invoices       *relation[billing.PaymentKey, *billing.Invoice]
	billedPayments *relation[billing.PaymentKey, *billing.Payment]
	receiptsOf     *relation[billing.PaymentKey, []*billing.Receipt]
	approvalsOf    *relation[billing.PaymentKey, []*billing.PaymentApproval]
	invoiceLines   *relation[billing.InvoiceKey, []*billing.InvoiceLine]
	sites          *relation[gid.Site, *site.Site]
	sectorsOf      *relation[gid.Site, []*site.Sector]
	removedFrom    *relation[gid.Site, []*site.Sector]
	industries     *relation[gid.Industry, *site.Industry]
	entries        *relation[gid.IndustrySector, *site.IndustrySector]
	entriesOf      *relation[gid.Industry, []*site.IndustrySector]
}

type loadersKey struct{}

func load(ctx context.Context) *loaders {
	l, _ := ctx.Value(loadersKey{}).(*loaders)
	return l
}

// withLoaders gives an operation loaders of its own. They live as long as one operation, so that
// nothing is remembered from one request to the next.
func (r *Resolver) withLoaders(ctx context.Context, _ *graphql.OperationContext) (context.Context, error) {
	a, db := actor(ctx), r.DB
	tenant, reach := a.AccountID(), site.ReachOf(a)
	l := &loaders{}
	l.accounts = one(func(ctx context.Context, ids []gid.Account) ([]*account.Account, error) {
		rows, err := account.ByIDs(ctx, db, ids)
		return l.sawAccounts(rows), err
	}, func(a *account.Account) gid.Account { return a.ID })
	l.users = one(func(ctx context.Context, ids []gid.User) ([]*account.User, error) {
		if a.Key != nil {
			return nil, nil // a key learns nothing of people
		}
		return account.UsersByIDs(ctx, db, tenant, ids)
	}, func(u *account.User) gid.User { return u.ID })
	l.plans = one(func(ctx context.Context, ids []gid.Plan) ([]*plan.Plan, error) {
		return plan.ByIDs(ctx, db, ids)
	}, func(p *plan.Plan) gid.Plan { return p.ID })
	l.subscriptions = one(func(ctx context.Context, ids []gid.Account) ([]*billing.Subscription, error) {
		return billing.Subscriptions(ctx, db, ids)
	}, func(s *billing.Subscription) gid.Account { return s.TenantID })
	l.horizons = one(func(ctx context.Context, ids []gid.Account) ([]*billing.Horizon, error) {
		return billing.Horizons(ctx, db, ids)
	}, func(h *billing.Horizon) gid.Account { return h.Tenant })
	l.balances = one(func(ctx context.Context, ids []gid.Account) ([]*billing.BalanceTransaction, error) {
		return billing.Balances(ctx, db, ids)
	}, (*billing.BalanceTransaction).Tenant)
	l.current = one(func(ctx context.Context, ids []gid.Account) ([]*billing.SubscriptionPeriod, error) {
		// Now, not when the request began: a mutation may have started a period in between.
		return billing.CurrentPeriods(ctx, db, ids, r.now())
	}, func(p *billing.SubscriptionPeriod) gid.Account { return p.TenantID })
	l.credits = one(func(ctx context.Context, ids []gid.Account) ([]*credit.Account, error) {
		return credit.Accounts(ctx, db, ids)
	}, func(c *credit.Account) gid.Account { return c.TenantID })
	l.grantsLeft = many(func(ctx context.Context, ids []gid.Account) ([]*credit.Grant, error) {
		return credit.Left(ctx, db, ids)
	}, func(g *credit.Grant) gid.Account { return g.TenantID })
	l.lines = one(func(ctx context.Context, ids []gid.CreditTransaction) ([]*credit.Transaction, error) {
		rows, err := credit.TransactionsByIDs(ctx, db, tenant, ids)
		return l.sawLines(rows), err
	}, func(t *credit.Transaction) gid.CreditTransaction { return t.ID })
	l.touched = many(func(ctx context.Context, ids []gid.CreditTransaction) ([]*credit.LineGrant, error) {
		return credit.GrantsOfLines(ctx, db, tenant, ids)
	}, func(g *credit.LineGrant) gid.CreditTransaction { return g.TransactionID })
	l.budgets = one(func(ctx context.Context, ids []gid.Site) ([]*credit.SiteBudget, error) {
		return credit.Budgets(ctx, db, tenant, ids, r.at(ctx))
	}, func(b *credit.SiteBudget) gid.Site { return b.SiteID })
	l.invoices = one(func(ctx context.Context, keys []billing.PaymentKey) ([]*billing.Invoice, error) {
		rows, err := billing.InvoicesByPayments(ctx, db, keys)
		return l.sawInvoices(rows), err
	}, (*billing.Invoice).PaymentKey)
	l.billedPayments = one(func(ctx context.Context, keys []billing.PaymentKey) ([]*billing.Payment, error) {
		rows, err := billing.PaymentsByKeys(ctx, db, keys)
		return l.sawPayments(rows), err
	}, (*billing.Payment).Key)
	l.receiptsOf = many(func(ctx context.Context, keys []billing.PaymentKey) ([]*billing.Receipt, error) {
		rows, err := billing.ReceiptsByPayments(ctx, db, keys)
		return l.sawReceipts(rows), err
	}, (*billing.Receipt).PaymentKey)
	l.approvalsOf = many(func(ctx context.Context, keys []billing.PaymentKey) ([]*billing.PaymentApproval, error) {
		rows, err := billing.ApprovalsByPayments(ctx, db, keys)
		return l.sawApprovals(rows), err
	}, (*billing.PaymentApproval).PaymentKey)
	l.invoiceLines = many(func(ctx context.Context, keys []billing.InvoiceKey) ([]*billing.InvoiceLine, error) {
		return billing.LinesOfInvoices(ctx, db, keys)
	}, (*billing.InvoiceLine).InvoiceKey)
	l.sites = one(func(ctx context.Context, ids []gid.Site) ([]*site.Site, error) {
		rows, err := site.ByIDs(ctx, db, reach, ids)
		return l.sawSites(rows), err
	}, func(s *site.Site) gid.Site { return s.ID })
	l.sectorsOf = many(func(ctx context.Context, ids []gid.Site) ([]*site.Sector, error) {
		rows, err := site.SectorsBySites(ctx, db, reach, ids)
		return l.sawSectors(rows), err
	}, func(s *site.Sector) gid.Site { return s.SiteID })
	l.removedFrom = many(func(ctx context.Context, ids []gid.Site) ([]*site.Sector, error) {
		rows, err := site.RemovedSectorsBySites(ctx, db, reach, r.now(), ids)
		return l.sawSectors(rows), err
	}, func(s *site.Sector) gid.Site { return s.SiteID })
	l.industries = one(func(ctx context.Context, ids []gid.Industry) ([]*site.Industry, error) {
		rows, err := site.IndustriesByIDs(ctx, db, ids)
		return l.sawIndustries(rows), err
	}, func(i *site.Industry) gid.Industry { return i.ID })
	l.entries = one(func(ctx context.Context, ids []gid.IndustrySector) ([]*site.IndustrySector, error) {
		rows, err := site.IndustrySectorsByIDs(ctx, db, ids)
		return l.sawEntries(rows), err
	}, func(s *site.IndustrySector) gid.IndustrySector { return s.ID })
	l.entriesOf = many(func(ctx context.Context, ids []gid.Industry) ([]*site.IndustrySector, error) {
		rows, err := site.SectorsOfIndustries(ctx, db, ids)
		return l.sawEntries(rows), err
	}, func(s *site.IndustrySector) gid.Industry { return s.IndustryID })
	l.impersonations = one(func(ctx context.Context, ids []gid.Impersonation) ([]*account.Impersonation, error) {
		return staff.ImpersonationsByIDs(ctx, db, tenant, ids)
	}, func(i *account.Impersonation) gid.Impersonation { return i.ID })
	l.apiKeys = one(func(ctx context.Context, ids []gid.APIKey) ([]*account.Key, error) {
		rows, err := apikey.ByIDs(ctx, db, reach, ids)
		return l.sawKeys(rows), err
	}, func(k *account.Key) gid.APIKey { return k.ID })
	l.apiKeysOf = many(func(ctx context.Context, ids []gid.Site) ([]*account.Key, error) {
		rows, err := apikey.BySites(ctx, db, reach, r.now(), ids)
		return l.sawKeys(rows), err
	}, func(k *account.Key) gid.Site { return k.SiteID })
	l.grantsOf = many(func(ctx context.Context, ids []gid.Site) ([]*site.Access, error) {
		rows, err := site.AccessBySites(ctx, db, reach, ids)
		for _, g := range rows {
			l.users.announce(g.UserID)
		}
		return rows, err
	}, func(g *site.Access) gid.Site { return g.SiteID })
	l.wordPresses = one(func(ctx context.Context, ids []gid.Site) ([]*wordpress.Connection, error) {
		return wordpress.ConnectionsBySites(ctx, db, reach, ids)
	}, func(c *wordpress.Connection) gid.Site { return c.SiteID })
	l.syncCounts = newRelation(func(ctx context.Context, ids []gid.Site) (map[gid.Site]int, error) {
		return wordpress.CountEvents(ctx, db, reach, ids)
	})
	l.firstEvents = newPages(func(ctx context.Context, ids []gid.Site, args page.Args) (map[gid.Site]*wordpress.EventConnection, error) {
		found, err := wordpress.FirstEvents(ctx, db, reach, ids, args, l.syncCounts.load)
		for id, events := range found {
			l.syncCounts.announce(id)
			events.Each(l.sawSyncEvents)
		}
		return found, err
	})
	return context.WithValue(ctx, loadersKey{}, l), nil
}

// The saw functions announce what rows that were read refer to, and return the rows.

func (l *loaders) sawAccounts(rows []*account.Account) []*account.Account {
	for _, a := range rows {
		l.plans.announce(a.PlanID)
		l.subscriptions.announce(a.ID)
		l.current.announce(a.ID)
		l.horizons.announce(a.ID)
		l.balances.announce(a.ID)
		l.credits.announce(a.ID)
		l.grantsLeft.announce(a.ID)
		if a.OwnerID != nil {
			l.users.announce(*a.OwnerID)
		}
	}
	return rows
}

func (l *loaders) sawSites(rows []*site.Site) []*site.Site {
	for _, s := range rows {
		l.sectorsOf.announce(s.ID)
		l.removedFrom.announce(s.ID)
		l.budgets.announce(s.ID)
		l.apiKeysOf.announce(s.ID)
		l.grantsOf.announce(s.ID)
		l.wordPresses.announce(s.ID)
		l.firstEvents.announce(s.ID)
		if s.IndustryID != nil {
			l.industries.announce(*s.IndustryID)
		}
	}
	return rows
}

func (l *loaders) sawSectors(rows []*site.Sector) []*site.Sector {
	for _, s := range rows {
		l.sites.announce(s.SiteID)
		l.entries.announce(s.IndustrySectorID)
	}
	return rows
}

func (l *loaders) sawIndustries(rows []*site.Industry) []*site.Industry {
	for _, i := range rows {
		l.entriesOf.announce(i.ID)
	}
	return rows
}

func (l *loaders) sawEntries(rows []*site.IndustrySector) []*site.IndustrySector {
	for _, s := range rows {
		l.industries.announce(s.IndustryID)
	}
	return rows
}

func (l *loaders) sawPayments(rows []*billing.Payment) []*billing.Payment {
	for _, p := range rows {
		l.plans.announce(p.PlanID)
		l.accounts.announce(p.TenantID)
		l.invoices.announce(p.Key())
		l.receiptsOf.announce(p.Key())
		l.approvalsOf.announce(p.Key())
	}
	return rows
}

func (l *loaders) sawReceipts(rows []*billing.Receipt) []*billing.Receipt {
	for _, r := range rows {
		l.billedPayments.announce(r.PaymentKey())
	}
	return rows
}

func (l *loaders) sawApprovals(rows []*billing.PaymentApproval) []*billing.PaymentApproval {
	for _, a := range rows {
		l.users.announce(a.ApproverID)
		if a.ReceiptID != nil {
			l.receiptsOf.announce(a.PaymentKey())
		}
	}
	return rows
}

func (l *loaders) sawStripeEvents(rows []*stripe.Event) []*stripe.Event {
	for _, e := range rows {
		if e.TenantID != nil {
			l.accounts.announce(*e.TenantID)
		}
	}
	return rows
}

func (l *loaders) sawInvoices(rows []*billing.Invoice) []*billing.Invoice {
	for _, i := range rows {
		l.invoiceLines.announce(i.Key())
		l.billedPayments.announce(i.PaymentKey())
		if i.RefersToID != nil {
			l.invoices.announce(i.PaymentKey())
		}
	}
	return rows
}

func (l *loaders) sawPeriods(rows []*billing.SubscriptionPeriod) []*billing.SubscriptionPeriod {
	for _, p := range rows {
		l.plans.announce(p.PlanID)
	}
	return rows
}

func (l *loaders) sawLines(rows []*credit.Transaction) []*credit.Transaction {
	for _, t := range rows {
		l.touched.announce(t.ID)
		if t.SiteID != nil {
			l.sites.announce(*t.SiteID)
		}
		if t.RefundsID != nil {
			l.lines.announce(*t.RefundsID)
		}
		l.sawActor(t.Actor())
	}
	return rows
}

func (l *loaders) sawEvents(rows []*audit.Event) []*audit.Event {
	for _, e := range rows {
		l.sawActor(e.Actor())
		if e.ImpersonationID != nil {
			l.impersonations.announce(*e.ImpersonationID)
		}
	}
	return rows
}

func (l *loaders) sawSyncEvents(rows []*wordpress.SyncEvent) []*wordpress.SyncEvent {
	for _, e := range rows {
		l.sawActor(e.Actor())
	}
	return rows
}

func (l *loaders) sawKeys(rows []*account.Key) []*account.Key {
	for _, k := range rows {
		l.sites.announce(k.SiteID)
	}
	return rows
}

func (l *loaders) sawInvitations(rows []*account.Invitation) []*account.Invitation {
	for _, i := range rows {
		l.users.announce(i.InvitedBy)
	}
	return rows
}

func (l *loaders) sawActor(by *audit.Actor) {
	switch {
	case by.ID == nil:
	case by.Kind == audit.User:
		l.users.announce(gid.User(*by.ID))
	case by.Kind == audit.APIKey:
		l.apiKeys.announce(gid.APIKey(*by.ID))
	}
}
