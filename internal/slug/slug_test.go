package slug_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/slug"
)

// check is the database's CHECK on slugs.
var check = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func TestMake_FoldsWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Home & Garden Site":   "home-garden-site",
		"Home G8":              "home-g8",
		"  Massagers   Mart  ": "massagers-mart",
		"Bob's Cars":           "bobs-cars",
		"Bob’s Cars":           "bobs-cars",
		"Müller & Söhne":       "muller-sohne",
		"Straße":               "strasse",
		"ÆØÅ Łódź":             "aeoa-lodz",
		"İstanbul ısı":         "istanbul-isi",
		"ｆｕｌｌ　ｗｉｄｔｈ":           "full-width",
		"ﬁnance":               "finance",
		"--a--b--":             "a-b",
		"a_b.c/d":              "a-b-c-d",
		"日本語":                  "site",
		"日本語 blog":             "blog",
		"":                     "site",
		"!!!":                  "site",
		"\x00\xff":             "site",
	} {
		if got := slug.Make(text, "site", 60); got != want {
			t.Errorf("Make(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestMake_CutsWithoutATrailingHyphen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		max  int
		want string
	}{
		{"abc def", 7, "abc-def"},
		{"abc def", 6, "abc-de"},
		{"abc def", 4, "abc"},
		{"abcß", 4, "abcs"},
		{"日本", 3, "fal"},
	} {
		if got := slug.Make(test.text, "fallback", test.max); got != test.want {
			t.Errorf("Make(%q, %d) = %q, want %q", test.text, test.max, got, test.want)
		}
	}
}

func TestMake_AlwaysPassesTheCheck(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9 \-'_éßŁ]{0,80}`)).Draw(t, "text")
		limit := rapid.IntRange(1, 80).Draw(t, "max")
		got := slug.Make(text, "site", limit)
		if !check.MatchString(got) || len(got) > limit {
			t.Fatalf("Make(%q, %d) = %q", text, limit, got)
		}
		if again := slug.Make(got, "other", limit); again != got {
			t.Fatalf("Make(%q) = %q: a slug is not its own", got, again)
		}
	})
}

func TestValid_AgreesWithTheCheck(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[a-z0-9\-]{0,12}`), rapid.StringMatching(`[a-zA-Z0-9é \-_\n]{0,12}`)).Draw(t, "s")
		if slug.Valid(s) != check.MatchString(s) {
			t.Fatalf("Valid(%q) = %v", s, slug.Valid(s))
		}
	})
}

func TestUnique_TakesTheFirstFreeNumber(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{}
	next := func(base string, limit int) string {
		s := slug.Unique(base, limit, func(s string) bool { return taken[s] })
		taken[s] = true
		return s
	}
	for i, want := range []string{"shop", "shop-2", "shop-3"} {
		if got := next("shop", 60); got != want {
			t.Errorf("the slug of shop %d is %q, want %q", i+1, got, want)
		}
	}
	delete(taken, "shop-2")
	if got := next("shop", 60); got != "shop-2" {
		t.Errorf("a slug that came free again is not used: %q", got)
	}
}

func TestUnique_NeverRepeatsAndKeepsTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(6, 20).Draw(t, "max")
		base := slug.Make(rapid.StringMatching(`[a-z0-9 ]{1,30}`).Draw(t, "text"), "site", limit)
		taken := map[string]bool{}
		for range rapid.IntRange(1, 130).Draw(t, "times") {
			s := slug.Unique(base, limit, func(s string) bool { return taken[s] })
			if taken[s] || !check.MatchString(s) || len(s) > limit {
				t.Fatalf("Unique(%q, %d) = %q", base, limit, s)
			}
			taken[s] = true
		}
	})
}
