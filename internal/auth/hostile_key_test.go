package auth_test

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"
	"time"

	"igny8.com/accounts/internal/postgres/pgtest"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// seal adds the checksum that a key of ours has; anybody can.
func seal(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	digits := make([]byte, 6)
	for i := range digits {
		digits[5-i], sum = base62[sum%62], sum/62
	}
	return body + string(digits)
}

// swapped is a text with its letters' case turned around.
func swapped(text string) string {
	return strings.Map(func(r rune) rune {
		if up := strings.ToUpper(string(r)); up != string(r) {
			return rune(up[0])
		}
		return rune(strings.ToLower(string(r))[0])
	}, text)
}

// malformedKeys are refused by their form, without a statement.
func malformedKeys(good, token string) map[string]string {
	const prefix = "igny8_live_"
	id, secret, sum := good[11:23], good[24:56], good[56:]
	flipped := []byte(good)
	flipped[30] ^= 1
	turned := good[:40] + good[41:42] + good[40:41] + good[42:]
	if turned == good { // two equal letters
		turned = good[:40] + "_" + good[41:]
	}
	return map[string]string{
		"empty":                       "",
		"a space":                     " ",
		"the prefix alone":            prefix,
		"the id alone":                prefix + id,
		"the id and a line":           prefix + id + "_",
		"no checksum":                 good[:56],
		"half a checksum":             good[:59],
		"a letter less":               good[:61],
		"a letter more":               good + "0",
		"twice":                       good + good,
		"two, with a comma":           good + "," + good,
		"two, with a comma and space": good + ", " + good,
		"a space before":              " " + good,
		"a space behind":              good + " ",
		"a tab behind":                good + "\t",
		"a line break behind":         good + "\n",
		"NUL behind":                  good + "\x00",
		"NUL inside":                  good[:30] + "\x00" + good[31:],
		"in another case":             prefix + swapped(good[11:]),
		"the prefix in capitals":      "IGNY8_LIVE_\n" + good[11:],
		"a test key":                  "igny8_test_ " + good[11:],
		"a bit flipped":               string(flipped),
		"two letters changed places":  turned,
		"a checksum of zeros":         good[:56] + "000000",
		"another's checksum":          good[:56] + seal(prefix + "AAAAAAAAAAAA_" + secret)[56:],
		"the checksum of the secret":  prefix + id + "_" + seal(secret),
		"the checksum first":          prefix + sum + id + "_" + secret,
		"hex of the checksum":         good[:56] + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(good[:56]))),
		"no line":                     seal(prefix + id + "0" + secret),
		"a line elsewhere":            seal(prefix + id[:11] + "_" + id[11:] + secret),
		"two lines":                   seal(prefix + id + "_" + secret[:15] + "_" + secret[16:]),
		"a hyphen":                    seal(prefix + id + "_" + secret[:31] + "-"),
		"a dot in the id":             seal(prefix + "../../../etc_" + secret),
		"SQL as the id":               seal(prefix + "' OR 1=1 -- _" + secret),
		"a quote in the secret":       seal(prefix + id + "_" + secret[:31] + "'"),
		"percents":                    seal(prefix + "%%%%%%%%%%%%_" + secret),
		"a letter beyond ASCII":       seal(prefix + id + "_" + secret[:30] + "é"),
		"broken UTF-8":                seal(prefix + id + "_" + secret[:31] + "\xff"),
		"a shorter secret":            seal(prefix + id + "_" + secret[:31]),
		"a longer secret":             seal(prefix + id + "_" + secret + "0"),
		"a shorter id":                seal(prefix + id[:11] + "_" + secret),
		"an empty id":                 seal(prefix + "_" + secret),
		"the scheme before":           "Bearer " + good,
		"base64":                      base64.StdEncoding.EncodeToString([]byte(good)) + "\n",
		"an access token":             token,
		"an access token, Bearer":     "Bearer " + token,
		"fifteen letters":             strings.Repeat("a", 15),
		"129 letters":                 strings.Repeat("a", 129),
		"16 spaces":                   strings.Repeat(" ", 16),
		"a megabyte":                  strings.Repeat("A", 1<<20),
		"a megabyte of a key":         prefix + strings.Repeat("A", 1<<20),
		"a megabyte of lines":         prefix + strings.Repeat("_", 1<<20),
	}
}

// forgedKeys have the form of keys, ours or others, and open nothing; each costs two statements at most.
func forgedKeys(good, other string) map[string]string {
	const prefix = "igny8_live_"
	id, secret := good[11:23], good[24:56]
	first := "A"
	if secret[0] == 'A' {
		first = "B"
	}
	last := "A"
	if secret[31] == 'A' {
		last = "B"
	}
	return map[string]string{
		"an id that is none":             seal(prefix + "000000000000_" + secret),
		"the id in another case":         seal(prefix + swapped(id) + "_" + secret),
		"another secret":                 seal(prefix + id + "_" + strings.Repeat("0", 32)),
		"the first letter wrong":         seal(prefix + id + "_" + first + secret[1:]),
		"the last letter wrong":          seal(prefix + id + "_" + secret[:31] + last),
		"one's id, another's secret":     seal(prefix + id + "_" + other[24:56]),
		"another's id, one's secret":     seal(prefix + other[11:23] + "_" + secret),
		"the secret in another case":     seal(prefix + id + "_" + swapped(secret)),
		"the secret backwards":           seal(prefix + id + "_" + secret[16:] + secret[:16]),
		"a legacy guess":                 "wp-0123456789abcdef",
		"the prefix in capitals":         "IGNY8_LIVE_" + good[11:],
		"a test key":                     "igny8_test_" + good[11:],
		"the secret as a legacy key":     secret,
		"the id and secret, no prefix":   id + "_" + secret,
		"a directory entry":              "legacy:" + strings.Repeat("0", 64),
		"the public id, as if legacy":    id + "0000",
		"SQL":                            "'/**/OR/**/1=1/**/--",
		"a refresh token":                "igny8_rt_" + strings.Repeat("0", 104),
		"an array of Postgres":           `{"` + id + `"}0000`,
		"an ANY of Postgres":             `",` + id + `,"000`,
		"the good key without its front": good[1:],
		"the good key, quoted":           `"` + good + `"`,
		"the good key in another case":   swapped(good),
		"the good key, letter before":    "x" + good,
	}
}

func TestAuthenticate_TakesEveryHostileKeyForNobodys(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	good := p.keys[0]
	if p.as(t, good).Key == nil {
		t.Fatal("the key that the others are made from is not good itself")
	}
	if seal(good[:56]) != good {
		t.Fatal("the checksum is not the one that this test makes")
	}
	token := p.logIn(t, person{email: "ann@example.com"}).AccessToken
	nobody := answer(t, p.fixture, request(t, ""))
	count := 0
	judge := func(name, key string, most int) {
		count++
		ctx, statements := pgtest.CountQueries(t.Context())
		began := time.Now()
		if got := answer(t, p.fixture, withKey(t, key).WithContext(ctx)); got != nobody {
			t.Errorf("%s: answered %s, nobody gets %s", name, got, nobody)
		}
		if statements.N() > most {
			t.Errorf("%s: the database was asked %q", name, statements.Statements())
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
	for name, key := range malformedKeys(good, token) {
		judge(name, key, 0)
	}
	for name, key := range forgedKeys(good, p.keys[1]) {
		judge(name, key, 2)
	}
	if count < 60 {
		t.Errorf("%d hostile keys", count)
	}
}

// A good entry in the directory must not open anything but what belongs together.
func TestAuthenticate_TakesKeysWhoseEntryLeadsElsewhereForNobodys(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	bob := p.person(t, "bob@example.com")
	var theirs int64
	p.scan(t, &theirs, `INSERT INTO igny8_sites (tenant_id, name, slug) VALUES ($1, 'Site', 'site') RETURNING id`, bob.account)
	var key int64
	p.scan(t, &key, `INSERT INTO igny8_site_api_keys (tenant_id, site_id, name, public_id, hash, hash_key_id, scopes, created_at)
		SELECT $1, $2, name, public_id, '\x00', hash_key_id, scopes, created_at FROM igny8_site_api_keys WHERE id = $3 RETURNING id`, bob.account, theirs, p.made.ID)
	p.exec(t, `UPDATE igny8_api_key_directory SET tenant_id = $1, key_id = $2 WHERE lookup = $3`, bob.account, key, p.made.PublicID)
	if actor := p.as(t, p.keys[0]); !nobody(actor) {
		t.Errorf("opened account %d", actor.AccountID())
	}
}

func TestMiddleware_ReadsOneKeyHeaderAndNothingBesideIt(t *testing.T) {
	t.Parallel()
	p := newPartners(t)
	key := p.keys[0]
	token := p.logIn(t, person{email: "ann@example.com"}).AccessToken
	nobody := p.asks(t, request(t, ""))
	somebody := p.asks(t, withKey(t, key))
	if !strings.Contains(somebody, "system_bot") {
		t.Fatalf("the key alone answers %s", somebody)
	}
	for name, c := range map[string]struct {
		change func(r *http.Request)
		good   bool
	}{
		"in small letters": {func(r *http.Request) { r.Header.Set("x-api-key", key) }, true},
		"beside a cookie": {func(r *http.Request) {
			r.Header.Set("X-API-Key", key)
			r.AddCookie(&http.Cookie{Name: "Authorization", Value: token})
		}, true},
		"the header twice": {func(r *http.Request) { r.Header["X-Api-Key"] = []string{key, key} }, false},
		"two keys":         {func(r *http.Request) { r.Header["X-Api-Key"] = p.keys[:] }, false},
		"two keys beside a token": {func(r *http.Request) {
			r.Header["X-Api-Key"] = p.keys[:]
			r.Header.Set("Authorization", "Bearer "+token)
		}, false},
		"an empty one beside":   {func(r *http.Request) { r.Header["X-Api-Key"] = []string{"", key} }, false},
		"beside a token":        {func(r *http.Request) { r.Header.Set("X-API-Key", key); r.Header.Set("Authorization", "Bearer "+token) }, false},
		"beside a broken token": {func(r *http.Request) { r.Header.Set("X-API-Key", key); r.Header.Set("Authorization", "Bearer x") }, false},
		"beside Basic":          {func(r *http.Request) { r.Header.Set("X-API-Key", key); r.Header.Set("Authorization", "Basic eA==") }, false},
		"beside an empty one":   {func(r *http.Request) { r.Header.Set("X-API-Key", key); r.Header["Authorization"] = []string{""} }, false},
		"a token beside an empty key": {func(r *http.Request) {
			r.Header["X-Api-Key"] = []string{""}
			r.Header.Set("Authorization", "Bearer "+token)
		}, false},
		"as a bearer":    {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }, false},
		"another header": {func(r *http.Request) { r.Header.Set("Api-Key", key); r.Header.Set("X-Igny8-Key", key) }, false},
		"a cookie":       {func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "X-API-Key", Value: key}) }, false},
		"the query":      {func(r *http.Request) { r.URL.RawQuery = "api_key=" + key + "&X-API-Key=" + key }, false},
	} {
		r := request(t, "")
		c.change(r)
		want := nobody
		if c.good {
			want = somebody
		}
		if got := p.asks(t, r); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
