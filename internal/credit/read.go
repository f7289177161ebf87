package credit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/plan"
	"igny8.com/accounts/internal/postgres"
)

// errNoLedger is that an account has no row in igny8_credit_accounts.
var errNoLedger = errors.New("it has none")

// needs is what is to be read behind the lock for all movements of a group together.
type needs struct {
	// earliest and latest are between which the movements' times are.
	earliest, latest time.Time
	keys             []requestKey
	operations       []Operation
	sites            []gid.Site
	holds            []gid.CreditHold
	refunds          []gid.CreditTransaction
	// lineIDs, holdIDs and grantIDs are how many new ones there will be, or about as many.
	lineIDs, holdIDs, grantIDs int
	// alone says that nothing is needed but the lock and ids.
	alone bool
}

// distinct leaves out what is asked for more than once.
func (n *needs) distinct() {
	n.operations = unique(n.operations)
	n.sites = unique(n.sites)
	n.holds = unique(n.holds)
	n.refunds = unique(n.refunds)
	seen := make(map[requestKey]bool, len(n.keys))
	n.keys = slices.DeleteFunc(n.keys, func(k requestKey) bool {
		again := seen[k]
		seen[k] = true
		return again
	})
}

func unique[T cmp.Ordered](values []T) []T {
	slices.Sort(values)
	return slices.Compact(values)
}

// reading is what was read besides what the book changes.
type reading struct {
	owner     owner
	costs     []*Cost
	budgets   []*monthBudget
	refunding map[gid.CreditTransaction]*refundable
	// asked are the keys that were used before.
	asked map[requestKey]*request
	// readOpen says that all open holds are among the book's.
	readOpen bool

	lineIDs, holdIDs, grantIDs ids
}

// owner is the account as it is behind the lock.
type owner struct {
	Status  account.Status `json:"status"`
	Deleted bool           `json:"deleted"`
	Plan    struct {
		Slug     string         `json:"slug"`
		Name     string         `json:"name"`
		Features []plan.Feature `json:"features"`
		Active   bool           `json:"active"`
	} `json:"plan"`
}

// monthBudget is a site's budget with its use in one month and what was held when it was read.
type monthBudget struct {
	SiteID         gid.Site `json:"site_id"`
	Month          string   `json:"month"`
	MonthlyCredits int64    `json:"monthly_credits"`
	Used           int64    `json:"used"`
	Held           int64    `json:"held"`
}

// The parts of what is read, each one value of JSON. $1 is the account, $2 the latest time.
const (
	readOwner = `(SELECT json_build_object('status', a.status, 'deleted', a.deleted_at IS NOT NULL,
		'plan', json_build_object('slug', p.slug, 'name', p.name, 'features', p.features, 'active', p.is_active))
		FROM igny8_tenants AS a JOIN igny8_plans AS p ON p.id = a.plan_id WHERE a.id = $1)`
	readGrants = `(SELECT json_agg(g) FROM igny8_credit_grants AS g WHERE g.tenant_id = $1 AND g.remaining > 0)`
	readOver   = `(SELECT json_agg(h) FROM igny8_credit_holds AS h WHERE h.tenant_id = $1 AND h.status = 'open' AND h.expires_at <= $2)`
	// The rows are looked up one by one, whatever the planner thinks of how many there are. A limit that it cannot
	// know has it think of few: else it finds a plan for any arguments too dear and makes a new one each time, which
	// takes three times as long as reading does.
	readAsked = `(SELECT json_agg(r)
		FROM (SELECT k.operation, k.key FROM unnest(%[1]s::text[], %[2]s::text[]) AS k (operation, key) LIMIT cardinality(%[1]s::text[])) AS k
		CROSS JOIN LATERAL (SELECT q.tenant_id, q.operation, q.key, q.fingerprint, q.transaction_id, q.hold_id, q.balance, q.held, q.last_seq,
			q.debt, q.created_at
			FROM igny8_credit_requests AS q
			WHERE q.tenant_id = $1 AND q.operation = k.operation AND q.key = k.key OFFSET 0) AS r)`
	// Those in effect at the earliest time, and those that took effect since.
	readCosts = `(SELECT json_agg(c) FROM (SELECT of.operation FROM unnest(%[1]s::text[]) AS of (operation) LIMIT cardinality(%[1]s::text[])) AS of
		CROSS JOIN LATERAL (SELECT c.operation, c.effective_from, c.credits, c.unit_size FROM igny8_credit_cost_config AS c
			WHERE c.operation = of.operation AND c.effective_from <= $2 AND c.effective_from >= coalesce(
				(SELECT max(o.effective_from) FROM igny8_credit_cost_config AS o
				 WHERE o.operation = of.operation AND o.effective_from <= %[2]s), '-infinity') OFFSET 0) AS c)`
	readHolds   = `(SELECT json_agg(h) FROM igny8_credit_holds AS h WHERE h.tenant_id = $1 AND h.id = ANY (%s::bigint[]))`
	readBudgets = `(SELECT json_agg(s) FROM (SELECT s.site_id, m.month, s.monthly_credits,
		(SELECT coalesce(sum(deducted - refunded), 0) FROM igny8_credit_usage_days AS u
		 WHERE u.tenant_id = $1 AND u.day >= m.month AND u.day < m.month + interval '1 month' AND u.site_id = s.site_id) AS used,
		(SELECT coalesce(sum(h.amount), 0) FROM igny8_credit_holds AS h
		 WHERE h.tenant_id = $1 AND h.status = 'open' AND h.site_id = s.site_id) AS held
		FROM (SELECT of.site_id FROM unnest(%[2]s::bigint[]) AS of (site_id) LIMIT cardinality(%[2]s::bigint[])) AS of
		JOIN igny8_site_budgets AS s ON s.tenant_id = $1 AND s.site_id = of.site_id
		CROSS JOIN (SELECT m.month FROM unnest(%[1]s::date[]) AS m (month) LIMIT cardinality(%[1]s::date[])) AS m) AS s)`
	readLines   = `(SELECT json_agg(l) FROM igny8_credit_transactions AS l WHERE l.tenant_id = $1 AND l.id = ANY (%s::bigint[]))`
	readSources = `(SELECT json_agg(s) FROM (SELECT part.transaction_id, -part.amount AS taken, g.* FROM igny8_credit_transaction_grants AS part
		JOIN igny8_credit_grants AS g ON g.tenant_id = part.tenant_id AND g.id = part.grant_id
		WHERE part.tenant_id = $1 AND g.tenant_id = $1 AND part.transaction_id = ANY (%s::bigint[])) AS s)`
	readGiven = `(SELECT json_agg(s) FROM (SELECT l.refunds_id AS id, sum(l.amount) AS given FROM igny8_credit_transactions AS l
		WHERE l.tenant_id = $1 AND l.refunds_id = ANY (%s::bigint[]) GROUP BY l.refunds_id) AS s)`
	readIDs = `(SELECT json_agg(nextval('%s')) FROM (SELECT FROM generate_series(1, %[1]s::int) LIMIT %[1]s::int) AS n)`
)

// reader puts a statement together.
type reader struct {
	names []string
	parts []string
	args  []any
}

func (r *reader) add(name, part string, args ...any) {
	numbers := make([]any, len(args))
	for i, arg := range args {
		r.args = append(r.args, arg)
		numbers[i] = fmt.Sprintf("$%d", len(r.args))
	}
	r.names = append(r.names, name)
	r.parts = append(r.parts, fmt.Sprintf(part, numbers...))
}

// statement reads all that is needed. Its text depends on what kinds of things are, not on how many.
func (n *needs) statement(tenant gid.Account, raw *[]byte) postgres.Statement {
	r := &reader{}
	if !n.alone {
		r.args = []any{int64(tenant), n.latest}
		r.add("owner", readOwner)
		r.add("grants", readGrants)
		r.add("over", readOver)
	}
	if len(n.keys) > 0 {
		operations, keys := make([]string, len(n.keys)), make([]string, len(n.keys))
		for i, k := range n.keys {
			operations[i], keys[i] = k.operation, k.key
		}
		r.add("asked", readAsked, operations, keys)
	}
	if len(n.operations) > 0 {
		operations := make([]string, len(n.operations))
		for i, o := range n.operations {
			operations[i] = string(o)
		}
		r.add("costs", readCosts, operations, n.earliest)
	}
	if len(n.holds) > 0 {
		r.add("holds", readHolds, numbers(n.holds))
	}
	if len(n.sites) > 0 {
		var months []string
		for m := monthOf(n.earliest); !m.After(n.latest); m = m.AddDate(0, 1, 0) {
			months = append(months, date(m))
		}
		r.add("budgets", readBudgets, months, numbers(n.sites))
	}
	if len(n.refunds) > 0 {
		lines := numbers(n.refunds)
		r.add("lines", readLines, lines)
		r.add("sources", readSources, lines)
		r.add("given", readGiven, lines)
	}
	for _, more := range []struct {
		name, sequence string
		n              int
	}{{"lineIds", lineSequence, n.lineIDs}, {"holdIds", holdSequence, n.holdIDs}, {"grantIds", grantSequence, n.grantIDs}} {
		if more.n > 0 {
			r.add(more.name, strings.Replace(readIDs, "%s", more.sequence, 1), more.n)
		}
	}
	var text strings.Builder
	text.WriteString("SELECT json_build_object(")
	for i, name := range r.names {
		if i > 0 {
			text.WriteString(",\n")
		}
		text.WriteString("'" + name + "', " + r.parts[i])
	}
	text.WriteString(")")
	return postgres.Statement{SQL: text.String(), Args: r.args, Scan: scanJSON(raw)}
}

func numbers[T ~int64](ids []T) []int64 {
	n := make([]int64, len(ids))
	for i, id := range ids {
		n[i] = int64(id)
	}
	return n
}

// source is a grant that a deduction took from, and how much.
type source struct {
	Grant

	TransactionID gid.CreditTransaction `json:"transaction_id"`
	Took          int64                 `json:"taken"`
}

// take puts what was read into the book.
func (b *book) take(raw []byte) error {
	var read struct {
		Owner   *owner         `json:"owner"`
		Grants  []*Grant       `json:"grants"`
		Over    []*Hold        `json:"over"`
		Asked   []*request     `json:"asked"`
		Costs   []*Cost        `json:"costs"`
		Holds   []*Hold        `json:"holds"`
		Budgets []*monthBudget `json:"budgets"`
		Lines   []*Transaction `json:"lines"`
		Sources []*source      `json:"sources"`
		Given   []struct {
			ID    gid.CreditTransaction `json:"id"`
			Given int64                 `json:"given"`
		} `json:"given"`
		LineIDs  []int64 `json:"lineIds"`
		HoldIDs  []int64 `json:"holdIds"`
		GrantIDs []int64 `json:"grantIds"`
	}
	if err := decode(raw, &read); err != nil {
		return err
	}
	if read.Owner != nil {
		b.owner = *read.Owner
	} else {
		b.owner.Deleted = true
	}
	for _, g := range read.Grants {
		b.known[g.ID] = g
		b.put(g, g.Remaining)
	}
	b.takeHolds(read.Over)
	b.takeHolds(read.Holds)
	b.asked = make(map[requestKey]*request, len(read.Asked))
	for _, r := range read.Asked {
		b.asked[requestKey{r.Operation, r.Key}] = r
	}
	b.costs, b.budgets = read.Costs, read.Budgets
	b.refunding = make(map[gid.CreditTransaction]*refundable, len(read.Lines))
	for _, line := range read.Lines {
		b.refunding[line.ID] = &refundable{line: line}
	}
	for _, s := range read.Sources {
		g, there := b.known[s.ID]
		if !there {
			g = &s.Grant
			b.known[g.ID] = g
		}
		if r := b.refunding[s.TransactionID]; r != nil {
			r.sources = append(r.sources, move{g, s.Took})
		}
	}
	for _, given := range read.Given {
		if r := b.refunding[given.ID]; r != nil {
			r.given = given.Given
		}
	}
	b.lineIDs = ids{lineSequence, read.LineIDs}
	b.holdIDs = ids{holdSequence, read.HoldIDs}
	b.grantIDs = ids{grantSequence, read.GrantIDs}
	return nil
}

// takeHolds adds holds that the book does not know yet.
func (b *book) takeHolds(holds []*Hold) {
	for _, h := range holds {
		if _, there := b.holds[h.ID]; !there {
			b.holds[h.ID] = h
			b.before[h.ID] = *h
		}
	}
}

// The sequences that number what is new.
const (
	lineSequence  = "igny8_credit_transactions_id_seq"
	holdSequence  = "igny8_credit_holds_id_seq"
	grantSequence = "igny8_credit_grants_id_seq"
)

// ids are numbers of a sequence that were taken and not used yet. What is never used is a gap in the ids,
// as a refused insertion leaves one.
type ids struct {
	sequence string
	left     []int64
}

func (s *ids) next(ctx context.Context, t postgres.Trips) (int64, error) {
	const more = 8
	if len(s.left) == 0 {
		var raw []byte
		err := t.Send(ctx, postgres.Statement{
			SQL:  `SELECT json_agg(nextval('` + s.sequence + `')) FROM generate_series(1, $1::int)`,
			Args: []any{more}, Scan: scanJSON(&raw),
		})
		if err != nil {
			return 0, fmt.Errorf("take ids: %w", err)
		}
		if err := decode(raw, &s.left); err != nil {
			return 0, err
		}
	}
	id := s.left[0]
	s.left = s.left[1:]
	return id, nil
}
