package auth

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"igny8.com/accounts/internal/gid"
)

func testRefreshTokens(t interface{ Fatal(args ...any) }, secret string) *refreshTokens {
	tokens, err := newRefreshTokens([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

const testSecret = "a secret for refresh tokens, in tests"

func anyToken(t *rapid.T) refreshToken {
	token := refreshToken{
		account:    gid.Account(rapid.Int64Min(1).Draw(t, "account")),
		session:    gid.Session(rapid.Int64Min(1).Draw(t, "session")),
		generation: rapid.Int32Range(0, 1<<31-2).Draw(t, "generation"),
	}
	copy(token.seed[:], rapid.SliceOfN(rapid.Byte(), seedSize, seedSize).Draw(t, "seed"))
	return token
}

func TestRefreshToken_IsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	tokens := testRefreshTokens(t, testSecret)
	rapid.Check(t, func(t *rapid.T) {
		token := anyToken(t)
		text := tokens.format(token)
		if read, ok := tokens.parse(text); !ok || read != token {
			t.Fatalf("%s is read as %+v, %v, want %+v", text, read, ok, token)
		}
		if len(text) != refreshLength {
			t.Fatalf("%d characters, want %d", len(text), refreshLength)
		}
	})
}

func TestRefreshToken_RefusesEveryOtherText(t *testing.T) {
	t.Parallel()
	tokens, stranger := testRefreshTokens(t, testSecret), testRefreshTokens(t, testSecret+"!")
	rapid.Check(t, func(t *rapid.T) {
		token := anyToken(t)
		text := tokens.format(token)
		if _, ok := stranger.parse(text); ok {
			t.Fatal("another server's secret accepts it")
		}
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		other := rapid.Byte().Draw(t, "other")
		changed := text[:at] + string(rune(other)) + text[at+1:]
		if _, ok := tokens.parse(changed); ok != (changed == text) {
			t.Fatalf("with %q at %d: accepted %v", other, at, ok)
		}
	})
	text := tokens.format(refreshToken{account: 30, session: 7})
	for _, other := range []string{
		"", refreshPrefix, text + "0", text + "00", text[:len(text)-2], " " + text, text + "\n",
		strings.ToUpper(text), refreshPrefix + strings.ToUpper(text[len(refreshPrefix):]),
		strings.Replace(text, refreshPrefix, "igny8_live_", 1), strings.Repeat("igny8_rt_", 100_000),
	} {
		if _, ok := tokens.parse(other); ok {
			t.Errorf("%.60q was accepted", other)
		}
	}
}

func TestRefreshToken_HasOneSuccessorThatCannotBeGuessed(t *testing.T) {
	t.Parallel()
	tokens, stranger := testRefreshTokens(t, testSecret), testRefreshTokens(t, testSecret+"!")
	rapid.Check(t, func(t *rapid.T) {
		token := anyToken(t)
		next := tokens.successor(token)
		if next != tokens.successor(token) {
			t.Fatal("two successors")
		}
		if next.account != token.account || next.session != token.session || next.generation != token.generation+1 {
			t.Fatalf("%+v follows %+v", next, token)
		}
		if next.seed == token.seed || next.seed == stranger.successor(token).seed {
			t.Fatal("the seed does not depend on the secret")
		}
		// A MAC is shown to clients, a seed derived from the same bytes must not be it.
		if mac := sum(tokens.macKey, token.plain())[:macSize]; bytes.Equal(mac, next.seed[:]) {
			t.Fatal("a token shows its successor's seed")
		}
	})
	first, second := tokens.first(30, 7), tokens.first(30, 7)
	if first.seed == second.seed {
		t.Error("two first tokens have one seed")
	}
}

func TestNewRefreshTokens_RefusesAWeakSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range [][]byte{nil, []byte("short"), make([]byte, 32), bytes.Repeat([]byte("x"), 64), []byte(testSecret)[:31]} {
		if _, err := newRefreshTokens(secret); err == nil {
			t.Errorf("%q was accepted", secret)
		}
	}
}
