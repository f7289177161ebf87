package demo_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"igny8.com/accounts/internal/demo"
)

func TestLoad_WritesTheAccountsThatProductionHad(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	check(t, db, `
		SELECT a.id, a.slug, a.name, p.slug, a.status, c.balance, c.held, a.is_system, u.email
		FROM igny8_tenants a
		JOIN igny8_plans p ON p.id = a.plan_id
		JOIN igny8_credit_accounts c ON c.tenant_id = a.id
		JOIN igny8_users u ON u.tenant_id = a.id AND u.id = a.owner_id
		ORDER BY a.id`,
		"5 | aws-admin | AWS Admin | enterprise | active | 454 | 0 | true | dev@igny8.com",
		"14 | scale-account | Scale Account | scale | active | 8000 | 0 | false | scale@igny8.com",
		"28 | auto-remote | Auto Remote | enterprise | trial | 0 | 0 | false | auto+remote0003@example.com",
		"29 | home-g8 | Home G8 | starter | active | 8000 | 0 | false | admin@homeg8.com",
		"30 | tacbit | TacBit | free | trial | 100 | 0 | false | payments@tacbit.net",
	)
	check(t, db, `SELECT count(*) FROM igny8_tenants`, "5") // the joins hide nobody
	check(t, db, `SELECT slug, tenant_id FROM igny8_slug_directory ORDER BY tenant_id`,
		"aws-admin | 5", "scale-account | 14", "auto-remote | 28", "home-g8 | 29", "tacbit | 30")
	check(t, db, `SELECT DISTINCT created_at, updated_at, deleted_at IS NULL, status_reason FROM igny8_tenants`,
		"2027-01-31T12:30:15.123456Z | 2027-01-31T12:30:15.123456Z | true | ")
}

func TestLoad_WritesTheDemoUsersAndNobodyElse(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	check(t, db, `SELECT tenant_id, id, email, role, name, password_hash FROM igny8_users ORDER BY id`,
		"5 | 3 | dev@igny8.com | developer |  | hash of igny8-demo-password",
		"14 | 43 | scale@igny8.com | owner |  | hash of igny8-demo-password",
		"29 | 57 | admin@homeg8.com | owner |  | hash of igny8-demo-password",
		"30 | 58 | payments@tacbit.net | owner |  | hash of igny8-demo-password",
		"28 | 59 | auto+remote0003@example.com | owner |  | hash of igny8-demo-password",
	)
	// One user of production is a private person: neither that id nor an account of theirs is here.
	check(t, db, `SELECT count(*) FROM igny8_users WHERE id = 53`, "0")
	check(t, db, `SELECT tenant_id, user_id, email FROM igny8_login_directory ORDER BY user_id`,
		"5 | 3 | dev@igny8.com",
		"14 | 43 | scale@igny8.com",
		"29 | 57 | admin@homeg8.com",
		"30 | 58 | payments@tacbit.net",
		"28 | 59 | auto+remote0003@example.com",
	)
	check(t, db, `SELECT count(*) FROM igny8_site_user_access`, "0")
}

func TestLoad_WritesTheSitesWithTheirNumberOfSectors(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	check(t, db, `
		SELECT s.id, s.slug, s.name, a.slug, i.name, count(x.id), s.domain, s.status, s.is_active
		FROM igny8_sites s
		JOIN igny8_tenants a ON a.id = s.tenant_id
		JOIN igny8_industries i ON i.id = s.industry_id
		JOIN igny8_sectors x ON x.tenant_id = s.tenant_id AND x.site_id = s.id AND x.is_active
		GROUP BY s.tenant_id, s.id, a.slug, i.name ORDER BY s.id`,
		"5 | home-garden-site | Home & Garden Site | aws-admin | Home & Garden | 5 |  | active | true",
		"16 | massagers-mart | Massagers Mart | aws-admin | Healthcare & Medical | 3 |  | active | true",
		"18 | new-site | new site | scale-account | Healthcare & Medical | 1 |  | active | true",
		"19 | tester-site | tester site | home-g8 | Healthcare & Medical | 1 |  | active | true",
	)
	check(t, db, `SELECT count(*) FROM igny8_sites`, "4")
	// Which sectors was not recorded: the first of the site's industry, under their own names.
	check(t, db, `
		SELECT count(*) FROM igny8_sectors x JOIN (
			SELECT id, name, industry_id, row_number() OVER (PARTITION BY industry_id ORDER BY id) AS place
			FROM igny8_industry_sectors
		) AS entry ON entry.id = x.industry_sector_id
		WHERE entry.name = x.name AND entry.industry_id = x.industry_id AND entry.place <= (
			SELECT count(*) FROM igny8_sectors y WHERE (y.tenant_id, y.site_id) = (x.tenant_id, x.site_id))`, "10")
	check(t, db, `SELECT count(*) FROM igny8_sectors`, "10")
}

func TestLoad_GivesEachAccountOneSubscriptionAndItsFirstPeriod(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	// January 31st plus one month is the end of February.
	check(t, db, `
		SELECT s.tenant_id, s.status, s.trial_end, s.anchor, s.payment_method, s.cancel_at_period_end,
		       p.kind, p.start_at, p.end_at, p.previous_end, p.payment_id, p.plan_id = a.plan_id
		FROM igny8_subscriptions s
		JOIN igny8_subscription_periods p ON p.tenant_id = s.tenant_id
		JOIN igny8_tenants a ON a.id = s.tenant_id
		ORDER BY s.tenant_id`,
		"5 | active | <nil> | <nil> | <nil> | false | opening | 2027-01-31T12:30:15.123456Z | 2027-02-28T12:30:15.123456Z | <nil> | <nil> | true",
		"14 | active | <nil> | <nil> | <nil> | false | opening | 2027-01-31T12:30:15.123456Z | 2027-02-28T12:30:15.123456Z | <nil> | <nil> | true",
		"28 | trialing | 2027-02-14T12:30:15.123456Z | <nil> | <nil> | false | trial | 2027-01-31T12:30:15.123456Z | 2027-02-14T12:30:15.123456Z | <nil> | <nil> | true",
		"29 | active | <nil> | <nil> | <nil> | false | opening | 2027-01-31T12:30:15.123456Z | 2027-02-28T12:30:15.123456Z | <nil> | <nil> | true",
		"30 | trialing | 2027-02-14T12:30:15.123456Z | <nil> | <nil> | false | trial | 2027-01-31T12:30:15.123456Z | 2027-02-14T12:30:15.123456Z | <nil> | <nil> | true",
	)
	check(t, db, `SELECT count(*) FROM igny8_payments`, "0")
}

func TestLoad_RecordsTheOpeningOfEachAccount(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	check(t, db, `
		SELECT tenant_id, action, subject_type, subject_id, actor_kind, actor_id, after ->> 'credits', created_at
		FROM igny8_audit_events ORDER BY tenant_id`,
		"5 | account.opened | account | 5 | system | <nil> | 454 | 2027-01-31T12:30:15.123456Z",
		"14 | account.opened | account | 14 | system | <nil> | 8000 | 2027-01-31T12:30:15.123456Z",
		"28 | account.opened | account | 28 | system | <nil> | 0 | 2027-01-31T12:30:15.123456Z",
		"29 | account.opened | account | 29 | system | <nil> | 8000 | 2027-01-31T12:30:15.123456Z",
		"30 | account.opened | account | 30 | system | <nil> | 100 | 2027-01-31T12:30:15.123456Z",
	)
}

func TestEmails_AreThoseThatSignIn_StaffFirst(t *testing.T) {
	t.Parallel()
	db := loaded(t)
	emails := demo.Emails()
	if emails[0] != "dev@igny8.com" {
		t.Errorf("the first is %s, want staff", emails[0])
	}
	slices.Sort(emails)
	if diff := cmp.Diff(rows(t, t.Context(), db.Admin, `SELECT email FROM igny8_login_directory ORDER BY email COLLATE "C"`), emails); diff != "" {
		t.Error(diff)
	}
}
