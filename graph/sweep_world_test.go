package graph

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"strings"
	"sync"
	"testing"

	gql "github.com/vektah/gqlparser/v2/ast"

	"igny8.com/accounts/internal/auth"
	"igny8.com/accounts/internal/mail"
	"igny8.com/accounts/internal/postgres"
	"igny8.com/accounts/internal/postgres/pgtest"
	"igny8.com/accounts/internal/vault"
)

// The words that stand in each text of an account, and in no other's: of the one that asks, of its
// neighbour, which came about as any account does, and of its mirror.
const (
	ownWord    = "second"
	mirrorWord = "mirror"
)

// neighbourhood is where the sweep takes place: three databases, of which each run of it gets copies.
//
// In all of them are a caller, who asks, and a neighbour, who has one of everything too. In two of them
// the caller has a mirror as well: an account that has each of the caller's rows once more, under the
// same numbers, as the primary keys allow, with another word in the texts. Whatever statement forgets the
// account finds the mirror's row beside the caller's, also where ids would tell accounts apart.
type neighbourhood struct {
	t      *testing.T
	schema *gql.Schema
	// alone has no mirror; in before its rows stand before the caller's, in behind they follow them.
	alone, before, behind *pgtest.DB

	caller, neighbour, mirror, staff int64

	keys  *auth.Keys
	vault *vault.Vault
	nanos int64
	// headers say who asks, by the name of who it is.
	headers map[string]map[string]string
	// own and theirs are ids of the caller's and of the neighbour's, by what they name.
	own, theirs map[string][]string
	// tokens were mailed or told to the caller, forged ones name what is the neighbour's.
	tokens map[string]string
	// cursors are the neighbour's and the caller's, by the field whose pages they are of.
	cursors, ownCursors map[string][]string
	// canaries stand in what is the neighbour's or the mirror's and nowhere else.
	canaries []string
}

// The people and others who ask. Staff are in their own account.
var askers = []string{"owner", "admin", "editor", "viewer", "key", "impersonator", "staff", "nobody"}

func newNeighbourhood(t *testing.T) *neighbourhood {
	t.Helper()
	w := &neighbourhood{
		t: t, schema: parsed(t, SDL()), headers: map[string]map[string]string{"nobody": nil}, tokens: map[string]string{},
		cursors: map[string][]string{}, ownCursors: map[string][]string{},
	}
	w.share()
	db := pgtest.New(t)
	w.alone = db
	a := w.open(t, db, allWalls)
	// The mirror's number comes before all others', so that what takes the first of all takes its.
	w.mirror = scan[int64](a.api, `SELECT nextval('igny8_tenants_id_seq')`)
	staff := a.staff()
	w.bear("staff", staff.token)
	w.staff = staff.accountNumber()
	a.exec(`UPDATE igny8_plans SET max_sites = 21, max_users = 21 WHERE slug = 'starter'`)

	theirs := a.signUp(canary+"@example.com", canary+" owner")
	w.neighbour = theirs.accountNumber()
	opened := furnish(staff, theirs, canary)
	w.enrich(a, theirs, canary)
	w.canaries = append(w.canaries, canary, mirrorWord, opened.key)
	for _, name := range []string{"shop", "market", "fair"} {
		theirs.do(createSite, input(map[string]any{"name": canary + " " + name, "domain": canary + "-" + name + ".example.com"})).ok()
	}
	theirs.do(requestTransfer, input(map[string]any{"planSlug": "starter", "months": 1, "idempotencyKey": canary + " again"})).ok()
	// A ledger's cursor is a line's number within it: some that the caller's own never reaches.
	for i := range 30 {
		theirs.do(spend, input(map[string]any{"operation": "CLUSTERING", "idempotencyKey": fmt.Sprintf("%s %d", canary, i)})).ok()
	}
	w.useKeys(theirs)
	a.exec(`UPDATE igny8_subscriptions SET stripe_subscription_id = ? WHERE tenant_id = ?`, canary, w.neighbour)
	// What takes the first of all subscriptions takes theirs.
	a.exec(`UPDATE igny8_subscriptions SET id = id + 500 WHERE tenant_id <> ?`, w.neighbour)
	w.theirs = w.inventory(a, w.neighbour)
	a.do("", bareMutation("requestPasswordReset"), input(map[string]any{"email": canary + "@example.com"})).ok()
	left := a.signUp(canary+"-left@example.com", canary+" left")
	left.do(bareMutation("deleteAccount"), input(map[string]any{"confirm": canary + "-left"})).ok().want("deleteAccount.userErrors", "[]")
	w.tokens["their refresh token"] = theirs.refresh
	// From here on numbers leave room for those that never were.
	a.exec(`SELECT setval(c.oid::regclass, nextval(c.oid::regclass) + 1000) FROM pg_class AS c WHERE c.relkind = 'S' AND c.relname LIKE 'igny8_%'
		AND c.relname NOT SIMILAR TO 'igny8_(plans|industries|industry_sectors|credit_cost_config)_id_seq'`)
	maps.Copy(w.cursors, w.pages(a, theirs.token, staff.token, w.theirs))

	w.settle(a, staff)
	w.nanos = a.clock.nanos.Load()
	w.canaries = append(w.canaries, strings.Fields(scan[string](a.api, `SELECT concat_ws(' ',
		(SELECT string_agg(reference, ' ') FROM igny8_payments WHERE tenant_id = ?0), (SELECT string_agg(public_id, ' ') FROM igny8_site_api_keys WHERE tenant_id = ?0))`, w.neighbour))...)
	db.Freeze(t)
	w.before, w.behind = w.reflect(true), w.reflect(false)
	return w
}

// share makes the secrets that all servers of the world have, so that what one of them signs and seals is
// good at the others.
func (w *neighbourhood) share() {
	w.t.Helper()
	seed, err := auth.GenerateKey()
	if err == nil {
		w.keys, err = auth.ParseKeys(seed)
	}
	if err == nil {
		w.vault, err = vault.Parse(vault.Generate())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *neighbourhood) bear(who, token string) {
	w.headers[who] = map[string]string{"Authorization": "Bearer " + token}
}

// useKeys uses the neighbour's word as the idempotency key of each operation that takes one.
func (w *neighbourhood) useKeys(theirs *session) {
	w.t.Helper()
	done := func(mutation, name string, in map[string]any) *answer {
		w.t.Helper()
		return theirs.do(mutation, input(in)).ok().want(name+".userErrors", "[]")
	}
	held := func(key string) any {
		return done(reserve, "reserveCredits", map[string]any{"operation": "CLUSTERING", "quantity": 1, "idempotencyKey": key}).get("reserveCredits.hold.id")
	}
	done(capture, "captureCredits", map[string]any{"holdId": held(canary + " to capture"), "idempotencyKey": canary})
	done(release, "releaseCredits", map[string]any{"holdId": held(canary + " to release"), "idempotencyKey": canary})
	spent := done(spend, "spendCredits", map[string]any{"operation": "CLUSTERING", "idempotencyKey": canary}).get("spendCredits.transaction.id")
	done(refund, "refundCredits", map[string]any{"transactionId": spent, "amount": 1, "reason": canary, "idempotencyKey": canary})
}

// enrich puts the word where no command of the API does.
func (w *neighbourhood) enrich(a *stage, s *session, word string) {
	w.t.Helper()
	n := s.accountNumber()
	a.exec(`UPDATE igny8_sessions SET user_agent = ? WHERE tenant_id = ?`, word, n)
	a.exec(`UPDATE igny8_tenants SET status_reason = ?, billing_email = ? WHERE id = ?`, word, word+"@example.com", n)
	a.exec(`UPDATE igny8_users SET name = ? WHERE tenant_id = ?`, word, n)
	a.exec(`INSERT INTO igny8_stripe_events (event_id, type, livemode, api_version, object_type, object_id, created, received_at, status, error, tenant_id, updated_at)
		SELECT 'evt_' || id, 'invoice.paid', false, '', 'invoice', 'in_' || id, created_at AS happened, created_at, 'dead', 'another sum', id, created_at FROM igny8_tenants WHERE id = ?`, n)
	a.exec(`INSERT INTO igny8_stripe_drifts (kind, tenant_id, object_id, found_at, seen_at)
		SELECT 'subscription_plan', id, 'sub_' || id, created_at AS found, created_at FROM igny8_tenants WHERE id = ?`, n)
	a.exec(`INSERT INTO igny8_stripe_pushes (tenant_id, kind, subscription_id, status, created_at, updated_at)
		SELECT id, 'cancel', 'sub_' || id, 'failed', created_at AS wished, created_at FROM igny8_tenants WHERE id = ?`, n)
	a.exec(`INSERT INTO igny8_audit_events (tenant_id, action, subject_type, subject_id, actor_kind, actor_id, after, ip, created_at)
		SELECT tenant_id, 'site.updated', 'site', site_id, 'api_key', id, jsonb_build_object('name', ?), '', created_at FROM igny8_site_api_keys WHERE tenant_id = ?`, word, n)
}

// postbox keeps the letters that are sent.
type postbox struct {
	mu      sync.Mutex
	letters []mail.Message
}

// Send implements mail.Sender.
func (p *postbox) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letters = append(p.letters, m)
	return nil
}

var linkToken = regexp.MustCompile(`/([a-z-]+)#token=(\S+)`)

// letters sends what is due and gives the tokens that led somewhere, by page and address.
func (w *neighbourhood) letters(tb testing.TB, r *Resolver, db *postgres.DB) map[string]string {
	tb.Helper()
	found := map[string]string{}
	box := &postbox{}
	now := r.now()
	_, err := r.Auth.WorkResetRequests(tb.Context(), now)
	if err == nil {
		_, err = r.Mail.SendDue(tb.Context(), db, box, slog.New(slog.DiscardHandler), now)
	}
	if err != nil {
		tb.Fatal(err)
	}
	for _, l := range box.letters {
		if link := linkToken.FindStringSubmatch(l.Text); link != nil {
			found[link[1]+" "+l.To] = link[2]
		}
	}
	return found
}

// forgedTicket is a mailed token that names the same row as a good one, and proves nothing.
func forgedTicket(token string) string {
	const secret = 2 * 32 // hexadecimal digits at the end
	return token[:len(token)-secret] + strings.Repeat("0", secret)
}

// unknownTicket is a token that names a row that never was.
func unknownTicket(token string) string {
	const digits = 2 * (16 + 32)
	kind := token[:len(token)-digits]
	return kind + fmt.Sprintf("%016x%016x", 987654321, 987654321) + strings.Repeat("0", 2*32)
}

func (w *neighbourhood) refreshSecret() []byte { return bytes.Repeat([]byte("refresh!secret"), 3) }
