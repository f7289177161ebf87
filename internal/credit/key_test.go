package credit_test

import (
	"context"
	"testing"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres/pgtest"
)

// An API key spends on its own site, and what was set aside or paid for on another is not there for it.
func TestKey_MovesTheCreditsOfItsOwnSiteAlone(t *testing.T) {
	t.Parallel()
	a := newTenant(t, pgtest.New(t))
	a.give(credit.Purchase, 100, now, nil)
	var own, other gid.Site
	for i, id := range []*gid.Site{&own, &other} {
		a.scan(id, `INSERT INTO igny8_sites (tenant_id, name, slug) VALUES (?, 'Site', ?) RETURNING id`, a.id, []string{"own", "other"}[i])
	}
	key := account.Actor{Key: &account.Key{TenantID: a.id, ID: 7, SiteID: own}, Account: a.owner.Account, Plan: a.owner.Plan}
	onlyOwn := func(_ context.Context, id gid.Site) (bool, error) { return id == own, nil }

	paid := did2(t)(credit.Spend(a.ctx(), a.db.App, key, now, onlyOwn, credit.Spending{Operation: credit.Clustering, IdempotencyKey: "k"}))
	if line := paid.Transaction; line.SiteID == nil || *line.SiteID != own || line.ActorKind != "api_key" || *line.ActorID != 7 {
		t.Errorf("%+v", line)
	}
	_, err := credit.Spend(a.ctx(), a.db.App, key, now, onlyOwn,
		credit.Spending{Operation: credit.Clustering, SiteID: &other, IdempotencyKey: "l"})
	refused(t, err, fault.NotFound, "siteId")

	for _, site := range []*gid.Site{nil, &other} {
		in := credit.Reservation{Operation: credit.Clustering, Quantity: 1, SiteID: site, IdempotencyKey: "r" + gidText(site)}
		held := did2(t)(credit.Reserve(a.ctx(), a.db.App, a.owner, now, anySite, in)).Hold.ID
		spent := did2(t)(credit.Spend(a.ctx(), a.db.App, a.owner, now, anySite,
			credit.Spending{Operation: credit.Clustering, SiteID: site, IdempotencyKey: "s" + gidText(site)})).Transaction.ID
		before := a.rows()
		_, err = credit.CaptureHold(a.ctx(), a.db.App, key, now, credit.Capture{HoldID: held, IdempotencyKey: "c"})
		refused(t, err, fault.NotFound, "holdId")
		_, err = credit.ReleaseHold(a.ctx(), a.db.App, key, now, credit.Release{HoldID: held, IdempotencyKey: "c"})
		refused(t, err, fault.NotFound, "holdId")
		_, err = credit.RefundLine(a.ctx(), a.db.App, key, now, credit.Refunding{TransactionID: spent, Reason: "failed", IdempotencyKey: "c"})
		refused(t, err, fault.NotFound, "transactionId")
		if after := a.rows(); after != before {
			t.Errorf("refused movements wrote\n%s\nbefore\n%s", after, before)
		}
		// Nor does it learn what became of somebody else's request by the key of that.
		did2(t)(credit.ReleaseHold(a.ctx(), a.db.App, a.owner, now, credit.Release{HoldID: held, IdempotencyKey: "o" + gidText(site)}))
		_, err = credit.ReleaseHold(a.ctx(), a.db.App, key, now, credit.Release{HoldID: held, IdempotencyKey: "o" + gidText(site)})
		refused(t, err, fault.IdempotencyConflict, "idempotencyKey")
	}

	held := did2(t)(credit.Reserve(a.ctx(), a.db.App, key, now, onlyOwn,
		credit.Reservation{Operation: credit.Clustering, Quantity: 1, IdempotencyKey: "r3"})).Hold
	did2(t)(credit.CaptureHold(a.ctx(), a.db.App, key, now, credit.Capture{HoldID: held.ID, IdempotencyKey: "c3"}))
	did2(t)(credit.RefundLine(a.ctx(), a.db.App, key, now,
		credit.Refunding{TransactionID: paid.Transaction.ID, Reason: "failed", IdempotencyKey: "b3"}))
	a.sound()
}

func gidText(id *gid.Site) string {
	if id == nil {
		return "nowhere"
	}
	return gid.Format(*id)
}
