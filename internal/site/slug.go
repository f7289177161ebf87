package site

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/slug"
)

// slugKey is the index that keeps slugs unique within an account, and slugTaken what its refusal
// means. Commands look before they write, under the account's lock; the index is for what they
// cannot see.
const slugKey = "igny8_sites_slug_key"

// What inputs and the audit log call the name of a site or a sector, and whether it is in use.
const (
	nameField   = "name"
	activeField = "active"
)

// fallbackSlug is for a name that holds nothing of ASCII.
const fallbackSlug = "site"

func slugTaken() *fault.Error {
	return fault.New(fault.Taken, "another site of the account has this slug").At("slug")
}

// cleanSlug judges a slug that somebody chose. Faults, at slug: REQUIRED, TOO_LONG, INVALID.
func cleanSlug(text string) (string, *fault.Error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fault.New(fault.Required, "a slug is not empty").At("slug")
	case utf8.RuneCountInString(text) > MaxSlug:
		return "", fault.New(fault.TooLong, "a slug has at most %d characters", MaxSlug).At("slug")
	case !slug.Valid(text):
		return "", fault.New(fault.Invalid, "a slug is of lower-case letters, digits and single hyphens between them").At("slug")
	}
	return text, nil
}

// cleanName judges the name of a site or a sector. Faults, at name: REQUIRED, TOO_LONG, INVALID.
func cleanName(text string) (string, *fault.Error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", fault.New(fault.Required, "a name is not empty").At(nameField)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return "", fault.New(fault.Invalid, "a name is one line of text").At(nameField)
	case utf8.RuneCountInString(text) > MaxName:
		return "", fault.New(fault.TooLong, "a name has at most %d characters", MaxName).At(nameField)
	}
	return text, nil
}

// freeSlug makes a slug from a site's name that no site of the account has. The account must be
// locked.
func freeSlug(ctx context.Context, tx bun.Tx, tenant gid.Account, name string) (string, error) {
	base := slug.Make(name, fallbackSlug, MaxSlug)
	// Whatever number is put after the base, this much of it stays.
	const numberRoom = len("-1234567890")
	prefix := base[:min(len(base), MaxSlug-numberRoom)]
	slugs := []string{}
	err := scoped(tx, everything(tenant), &[]*Site{}).Column("slug").Where("starts_with(site.slug, ?)", prefix).Scan(ctx, &slugs)
	if err != nil {
		return "", fmt.Errorf("read slugs: %w", err)
	}
	taken := make(map[string]bool, len(slugs))
	for _, s := range slugs {
		taken[s] = true
	}
	return slug.Unique(base, MaxSlug, func(s string) bool { return taken[s] }), nil
}

// checkSlug judges whether no site of the account has the slug. The account must be locked. Fault:
// TAKEN at slug.
func checkSlug(ctx context.Context, tx bun.Tx, tenant gid.Account, s string) error {
	found, err := scoped(tx, everything(tenant), &[]*Site{}).Where("site.slug = ?", s).Exists(ctx)
	if err != nil {
		return fmt.Errorf("look for a slug: %w", err)
	}
	if found {
		return slugTaken()
	}
	return nil
}
