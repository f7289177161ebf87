package graph

import (
	"context"
	"slices"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/apikey"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/site"
	"igny8.com/accounts/internal/staff"
	"igny8.com/accounts/internal/stripe"
	"igny8.com/accounts/internal/wordpress"
)

// maxNodes is how many things one nodes field reads.
const maxNodes = 100

// Node answers anything that has an id and that the caller may see.
func (r *queryResolver) Node(ctx context.Context, id string) (Node, error) {
	nodes, err := r.Nodes(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes answers several things, each in its id's place. Every id is read before the first query, so
// a malformed one costs none.
func (r *queryResolver) Nodes(ctx context.Context, ids []string) ([]Node, error) {
	if len(ids) > maxNodes {
		return nil, fault.New(fault.BadUserInput, "at most %d ids", maxNodes).With("limit", maxNodes).With("actual", len(ids))
	}
	places := map[string]map[int64][]int{}
	for i, id := range ids {
		prefix, n, err := gid.Split(id)
		if err != nil {
			return nil, err
		}
		if _, ok := finders[prefix]; !ok {
			return nil, fault.New(fault.InvalidID, "nothing has ids that start with %s_", prefix)
		}
		if places[prefix] == nil {
			places[prefix] = map[int64][]int{}
		}
		places[prefix][n] = append(places[prefix][n], i)
	}
	nodes := make([]Node, len(ids))
	for prefix, numbers := range places {
		keys := make([]int64, 0, len(numbers))
		for n := range numbers {
			keys = append(keys, n)
		}
		if !findable(actor(ctx), prefix) {
			continue
		}
		found, err := finders[prefix](ctx, r.Resolver, keys)
		if err != nil {
			return nil, err
		}
		for n, node := range found {
			// The net hangs under fields that name a type; these name an interface.
			if value, ok := node.(owned); ok && r.caught(ctx, value, false) {
				continue
			}
			for _, i := range numbers[n] {
				nodes[i] = node
			}
		}
	}
	return nodes, nil
}

// forKeys are the types that an API key finds by their ids, by prefix, with the scope that it takes.
// What is left out is for people. Of what belongs to a site a key finds its own site's.
var forKeys = map[string]account.Scope{
	gid.Account(0).Prefix():           account.AnyScope,
	gid.Plan(0).Prefix():              account.AnyScope,
	gid.Industry(0).Prefix():          account.AnyScope,
	gid.IndustrySector(0).Prefix():    account.AnyScope,
	gid.APIKey(0).Prefix():            account.AnyScope,
	gid.Site(0).Prefix():              account.SitesRead,
	gid.Sector(0).Prefix():            account.SitesRead,
	gid.CreditTransaction(0).Prefix(): account.Credits,
	gid.CreditHold(0).Prefix():        account.Credits,
	gid.SyncEvent(0).Prefix():         account.Sync,
}

// findable says whether the actor may find things of the type at all.
func findable(a account.Actor, prefix string) bool {
	if a.Key == nil {
		return true
	}
	scope, ok := forKeys[prefix]
	return ok && a.Key.Has(scope)
}

// finder reads the things of one type that the caller may see, by their numbers.
type finder func(ctx context.Context, r *Resolver, numbers []int64) (map[int64]Node, error)

// finders are the types that have global ids, by prefix.
var finders = map[string]finder{
	gid.Account(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.Account) ([]*account.Account, error) {
		own := actor(ctx).AccountID()
		if !slices.Contains(ids, own) {
			return nil, nil
		}
		return account.ByIDs(ctx, r.DB, []gid.Account{own})
	}, func(a *account.Account) gid.Account { return a.ID }),
	gid.User(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.User) ([]*account.User, error) {
		// Who may not list people finds nobody but themselves by trying numbers.
		if a := actor(ctx); !a.Role().Reaches(account.Admin) {
			ids = slices.DeleteFunc(ids, func(id gid.User) bool { return a.MemberID() == nil || id != *a.MemberID() })
			if len(ids) == 0 {
				return nil, nil
			}
		}
		return account.UsersByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
	}, func(u *account.User) gid.User { return u.ID }),
	gid.Plan(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.Plan) ([]*plan.Plan, error) {
		return plan.ByIDs(ctx, r.DB, ids)
	}, func(p *plan.Plan) gid.Plan { return p.ID }),
	gid.Industry(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.Industry) ([]*site.Industry, error) {
		return site.IndustriesByIDs(ctx, r.DB, ids)
	}, func(i *site.Industry) gid.Industry { return i.ID }),
	gid.IndustrySector(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.IndustrySector) ([]*site.IndustrySector, error) {
		return site.IndustrySectorsByIDs(ctx, r.DB, ids)
	}, func(s *site.IndustrySector) gid.IndustrySector { return s.ID }),
	gid.Site(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.Site) ([]*site.Site, error) {
		return site.ByIDs(ctx, r.DB, site.ReachOf(actor(ctx)), ids)
	}, func(s *site.Site) gid.Site { return s.ID }),
	gid.Sector(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.Sector) ([]*site.Sector, error) {
		return site.SectorsByIDs(ctx, r.DB, site.ReachOf(actor(ctx)), ids)
	}, func(s *site.Sector) gid.Sector { return s.ID }),
	gid.Subscription(0).Prefix(): byID(func(ctx context.Context, r *Resolver, _ []gid.Subscription) ([]*billing.Subscription, error) {
		return billing.Subscriptions(ctx, r.DB, []gid.Account{actor(ctx).AccountID()})
	}, func(s *billing.Subscription) gid.Subscription { return s.ID }),
	gid.Period(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.Period) ([]*billing.SubscriptionPeriod, error) {
		return billing.PeriodsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
	}, func(p *billing.SubscriptionPeriod) gid.Period { return p.ID }),
	gid.Grant(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.Grant) ([]*credit.Grant, error) {
		return credit.GrantsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
	}, func(g *credit.Grant) gid.Grant { return g.ID }),
	gid.CreditTransaction(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.CreditTransaction) ([]*credit.Transaction, error) {
		rows, err := credit.TransactionsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
		return concerning(ctx, rows, func(t *credit.Transaction) *gid.Site { return t.SiteID }), err
	}, func(t *credit.Transaction) gid.CreditTransaction { return t.ID }),
	gid.CreditHold(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.CreditHold) ([]*credit.Hold, error) {
		rows, err := credit.HoldsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
		return concerning(ctx, rows, func(h *credit.Hold) *gid.Site { return h.SiteID }), err
	}, func(h *credit.Hold) gid.CreditHold { return h.ID }),
	gid.Session(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.Session) ([]*auth.Device, error) {
		m := actor(ctx).Member()
		if m == nil {
			return nil, nil
		}
		return auth.SessionsByIDs(ctx, r.DB, m.TenantID, m.ID, r.now(), ids)
	}, func(d *auth.Device) gid.Session { return d.ID }),
	gid.SyncEvent(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.SyncEvent) ([]*wordpress.SyncEvent, error) {
		return wordpress.EventsByIDs(ctx, r.DB, site.ReachOf(actor(ctx)), ids)
	}, func(e *wordpress.SyncEvent) gid.SyncEvent { return e.ID }),
	gid.APIKey(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.APIKey) ([]*account.Key, error) {
		// A key finds itself, people what they may see of all.
		if own := actor(ctx).Key; own != nil {
			if ids = slices.DeleteFunc(ids, func(id gid.APIKey) bool { return id != own.ID }); len(ids) == 0 {
				return nil, nil
			}
		} else if !actor(ctx).Role().Reaches(account.Admin) {
			return nil, nil
		}
		return apikey.ByIDs(ctx, r.DB, site.ReachOf(actor(ctx)), ids)
	}, func(k *account.Key) gid.APIKey { return k.ID }),
	gid.Invitation(0).Prefix(): forAdmins(account.Read, byID(
		func(ctx context.Context, r *Resolver, ids []gid.Invitation) ([]*account.Invitation, error) {
			return account.InvitationsByIDs(ctx, r.DB, actor(ctx).AccountID(), r.now(), ids)
		}, func(i *account.Invitation) gid.Invitation { return i.ID })),
	gid.Impersonation(0).Prefix(): forAdmins(account.Read, byID(
		func(ctx context.Context, r *Resolver, ids []gid.Impersonation) ([]*account.Impersonation, error) {
			return staff.ImpersonationsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
		}, func(i *account.Impersonation) gid.Impersonation { return i.ID })),
	gid.Payment(0).Prefix(): forAdmins(account.Billing, byID(
		func(ctx context.Context, r *Resolver, ids []gid.Payment) ([]*billing.Payment, error) {
			return billing.PaymentsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
		}, func(p *billing.Payment) gid.Payment { return p.ID })),
	gid.Receipt(0).Prefix(): forAdmins(account.Billing, byID(
		func(ctx context.Context, r *Resolver, ids []gid.Receipt) ([]*billing.Receipt, error) {
			rows, err := billing.ReceiptsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
			return load(ctx).sawReceipts(rows), err
		}, func(r *billing.Receipt) gid.Receipt { return r.ID })),
	gid.Invoice(0).Prefix(): forAdmins(account.Billing, byID(
		func(ctx context.Context, r *Resolver, ids []gid.Invoice) ([]*billing.Invoice, error) {
			rows, err := billing.InvoicesByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
			return load(ctx).sawInvoices(rows), err
		}, func(i *billing.Invoice) gid.Invoice { return i.ID })),
	gid.StripeEvent(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.StripeEvent) ([]*stripe.Event, error) {
		if !actor(ctx).Staff() {
			return nil, nil
		}
		rows, err := stripe.EventsByIDs(ctx, r.DB, ids)
		// What is another account's is found in the list for staff, and nowhere by its number.
		return slices.DeleteFunc(rows, func(e *stripe.Event) bool {
			return e.TenantID != nil && *e.TenantID != actor(ctx).AccountID()
		}), err
	}, func(e *stripe.Event) gid.StripeEvent { return e.ID }),
	gid.AuditEvent(0).Prefix(): forAdmins(account.Read, byID(
		func(ctx context.Context, r *Resolver, ids []gid.AuditEvent) ([]*audit.Event, error) {
			return audit.ByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
		}, func(e *audit.Event) gid.AuditEvent { return e.ID })),
}

// concerning leaves an API key the rows of its own site.
func concerning[V any](ctx context.Context, rows []V, siteOf func(V) *gid.Site) []V {
	key := actor(ctx).Key
	if key == nil {
		return rows
	}
	return slices.DeleteFunc(rows, func(row V) bool {
		id := siteOf(row)
		return id == nil || *id != key.SiteID
	})
}

// byID makes a finder of a read by ids.
func byID[K gid.ID, V Node](
	read func(ctx context.Context, r *Resolver, ids []K) ([]V, error), key func(V) K,
) finder {
	return func(ctx context.Context, r *Resolver, numbers []int64) (map[int64]Node, error) {
		ids := make([]K, len(numbers))
		for i, n := range numbers {
			ids[i] = K(n)
		}
		rows, err := read(ctx, r, ids)
		if err != nil {
			return nil, err
		}
		found := make(map[int64]Node, len(rows))
		for _, row := range rows {
			found[int64(key(row))] = row
		}
		return found, nil
	}
}

// forAdmins finds nothing for those who may not read the type.
func forAdmins(purpose account.Access, find finder) finder {
	return func(ctx context.Context, r *Resolver, numbers []int64) (map[int64]Node, error) {
		if refused := actor(ctx).Enter(account.Door{Minimum: account.Admin, For: purpose}); refused != nil {
			return nil, nil //nolint:nilerr // what one may not see is not there
		}
		return find(ctx, r, numbers)
	}
}
