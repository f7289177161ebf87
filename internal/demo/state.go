package demo

import (
	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
)

// tenant is one account as production had it, with all that is known to hang on it. Only what was
// recorded is here; what a new database needs beyond that is made in load.go and ledger.go.
type tenant struct {
	id     gid.Account
	slug   string
	name   string
	plan   string
	status account.Status
	system bool
	owner  person
	sites  []website
	// granted is what the account was given, balance what is left of it, in credits.
	granted, balance int64
	usage            usage
}

// person is a demo user. An id of 0 was not recorded: the next free one is taken.
type person struct {
	id    gid.User
	email string
	role  account.Role
}

// website is a site; of its sectors only the number was recorded, of its domain nothing.
type website struct {
	id       gid.Site
	slug     string
	name     string
	industry string
	sectors  int
}

// usage is what was recorded of an account's ledger beside the balance. The zero usage is an account of
// which only the balance is known.
type usage struct {
	// lines is the number of lines in the ledger, the grant included.
	lines int
	// last are the newest deductions, oldest first.
	last []deduction
}

// deduction is a ledger line that was recorded in full.
type deduction struct {
	amount    int64
	operation credit.Operation
}

const (
	healthcare = "Healthcare & Medical"
	homeGarden = "Home & Garden"
)

// state is the demo state, staff first.
var state = []tenant{
	{
		id: 5, slug: "aws-admin", name: "AWS Admin", plan: "enterprise", status: account.Active, system: true,
		owner: person{3, "dev@igny8.com", account.Developer},
		sites: []website{
			{5, "home-garden-site", "Home & Garden Site", homeGarden, 5},
			{16, "massagers-mart", "Massagers Mart", healthcare, 3},
		},
		granted: 10000, balance: 454,
		usage: usage{lines: 280, last: []deduction{
			{-2, credit.ImagePromptExtraction},
			{-2, credit.ImagePromptExtraction},
			{-2, credit.ImagePromptExtraction},
		}},
	},
	{
		id: 14, slug: "scale-account", name: "Scale Account", plan: "scale", status: account.Active,
		owner:   person{43, "scale@igny8.com", account.Owner},
		sites:   []website{{18, "new-site", "new site", healthcare, 1}},
		granted: 8000, balance: 8000,
	},
	{
		id: 29, slug: "home-g8", name: "Home G8", plan: "starter", status: account.Active,
		owner:   person{57, "admin@homeg8.com", account.Owner},
		sites:   []website{{19, "tester-site", "tester site", healthcare, 1}},
		granted: 8000, balance: 8000,
	},
	{
		id: 30, slug: "tacbit", name: "TacBit", plan: "free", status: account.Trial,
		owner:   person{58, "payments@tacbit.net", account.Owner},
		granted: 100, balance: 100,
	},
	{
		id: 28, slug: "auto-remote", name: "Auto Remote", plan: "enterprise", status: account.Trial,
		owner: person{0, "auto+remote0003@example.com", account.Owner},
	},
}
