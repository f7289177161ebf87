package auth

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/gid"
)

func testAccessTokens(t *testing.T, now func() time.Time) *accessTokens {
	t.Helper()
	keys, err := ParseKeys("k1:" + b64.EncodeToString([]byte("first signing key for tests, 32b")))
	if err != nil {
		t.Fatal(err)
	}
	// Characters that JSON escapes must not make our own tokens strangers.
	return newAccessTokens(keys, "https://accounts.test/?a=<1>&b=ü", "igny8 \"api\"", now)
}

func TestAccessToken_IsReadAsItWasWrittenAndInNoOtherText(t *testing.T) {
	t.Parallel()
	tokens := testAccessTokens(t, func() time.Time { return noon })
	rapid.Check(t, func(t *rapid.T) {
		want := bearer{
			user:    gid.User(rapid.Int64Min(1).Draw(t, "user")),
			account: gid.Account(rapid.Int64Min(1).Draw(t, "account")),
			session: gid.Session(rapid.Int64Min(1).Draw(t, "session")),
		}
		if rapid.Bool().Draw(t, "acts for an account") {
			want.impersonation = gid.Impersonation(rapid.Int64Min(1).Draw(t, "impersonation"))
			want.actsFor = gid.Account(rapid.Int64Min(1).Filter(func(n int64) bool { return n != int64(want.account) }).Draw(t, "for"))
		}
		token, expires, err := tokens.issue(want, noon, noon.Add(SessionLifetime))
		if err != nil {
			t.Fatal(err)
		}
		want.expires = expires
		if got, ok := tokens.verify(token); !ok || got != want {
			t.Fatalf("%s is read as %+v, %v, want %+v", token, got, ok, want)
		}
		at := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		other := string(rapid.ByteRange(0, 127).Draw(t, "other"))
		for what, changed := range map[string]string{
			"replaced": token[:at] + other + token[at+1:],
			"inserted": token[:at] + other + token[at:],
			"left out": token[:at] + token[at+1:],
			"appended": token + other,
		} {
			if _, ok := tokens.verify(changed); ok && changed != token {
				t.Fatalf("%q %s at %d: accepted", other, what, at)
			}
		}
	})
}

func TestAccessToken_IsFarShorterThanWhatIsRead(t *testing.T) {
	t.Parallel()
	tokens := testAccessTokens(t, func() time.Time { return noon })
	const most = 1<<63 - 1
	token, _, err := tokens.issue(bearer{user: most, account: most, session: most, actsFor: most, impersonation: most}, noon, noon.Add(SessionLifetime))
	if err != nil {
		t.Fatal(err)
	}
	if len(token) > maxAccessToken/4 || strings.Count(token, ".") != 2 {
		t.Errorf("%d characters: %s", len(token), token)
	}
}
