package graph

import (
	"context"
	"slices"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/billing"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/site"
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
		return credit.TransactionsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
	}, func(t *credit.Transaction) gid.CreditTransaction { return t.ID }),
	gid.CreditHold(0).Prefix(): byID(func(ctx context.Context, r *Resolver, ids []gid.CreditHold) ([]*credit.Hold, error) {
		return credit.HoldsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
	}, func(h *credit.Hold) gid.CreditHold { return h.ID }),
	gid.Payment(0).Prefix(): forAdmins(account.Billing, byID(
		func(ctx context.Context, r *Resolver, ids []gid.Payment) ([]*billing.Payment, error) {
			return billing.PaymentsByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
		}, func(p *billing.Payment) gid.Payment { return p.ID })),
	gid.Invoice(0).Prefix(): forAdmins(account.Billing, byID(
		func(ctx context.Context, r *Resolver, ids []gid.Invoice) ([]*billing.Invoice, error) {
			return billing.InvoicesByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
		}, func(i *billing.Invoice) gid.Invoice { return i.ID })),
	gid.AuditEvent(0).Prefix(): forAdmins(account.Read, byID(
		func(ctx context.Context, r *Resolver, ids []gid.AuditEvent) ([]*audit.Event, error) {
			return audit.ByIDs(ctx, r.DB, actor(ctx).AccountID(), ids)
		}, func(e *audit.Event) gid.AuditEvent { return e.ID })),
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
