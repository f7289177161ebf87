package auth_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"igny8.com/accounts/internal/auth"
)

func TestParseKeys_RefusesWhatIsNoKeyAndShowsNone(t *testing.T) {
	t.Parallel()
	good := base64.RawURLEncoding.EncodeToString(seedOne)
	for name, text := range map[string]string{
		"nothing":                   "",
		"no seed":                   "k1",
		"empty seed":                "k1:",
		"no kid":                    ":" + good,
		"a kid with a path":         "../k1:" + good,
		"a kid with a space":        "k 1:" + good,
		"a long kid":                strings.Repeat("k", 65) + ":" + good,
		"a short seed":              "k1:" + good[:40],
		"a long seed":               "k1:" + good + "AAAA",
		"padding":                   "k1:" + good + "=",
		"another alphabet":          "k1:" + strings.Repeat("+", 43),
		"a line break":              "k1:" + good[:20] + "\n" + good[20:],
		"bits beyond the last byte": "k1:" + good[:42] + "j",
		"zeros":                     "k1:" + strings.Repeat("A", 43),
		"one kid twice":             "k1:" + good + ",k1:" + base64.RawURLEncoding.EncodeToString(seedTwo),
		"an empty entry":            "k1:" + good + ",",
	} {
		_, err := auth.ParseKeys(text)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if strings.Contains(err.Error(), good[:20]) {
			t.Errorf("%s: the error shows the seed: %v", name, err)
		}
	}
}

func TestGenerateKey_MakesWhatParseKeysReads(t *testing.T) {
	t.Parallel()
	first, err := auth.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	second, err := auth.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Fatal("two keys are one")
	}
	mustKeys(t, first+", "+second)
}

func TestJWKS_ShowsThePublicKeysAndNoOther(t *testing.T) {
	t.Parallel()
	handler := mustKeys(t, keysText()).JWKS()
	get := func(method, etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "/.well-known/jwks.json", nil)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	w := get(http.MethodGet, "")
	if got := w.Header().Get("Cache-Control"); w.Code != http.StatusOK || got != "public, max-age=300" {
		t.Fatalf("status %d, Cache-Control %q", w.Code, got)
	}
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 {
		t.Fatalf("%d keys, want both that are live", len(set.Keys))
	}
	for i, seed := range [][]byte{seedOne, seedTwo} {
		public, _ := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		key := set.Keys[i]
		if key["x"] != base64.RawURLEncoding.EncodeToString(public) || key["kty"] != "OKP" || key["crv"] != "Ed25519" {
			t.Errorf("key %d is %v", i, key)
		}
		if len(key) != 6 || strings.Contains(w.Body.String(), base64.RawURLEncoding.EncodeToString(seed)) {
			t.Errorf("key %d shows more than a public key: %v", i, key)
		}
	}
	if w := get(http.MethodGet, w.Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("asked again with its ETag: %d, want 304", w.Code)
	}
	if w := get(http.MethodPost, ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, want 405", w.Code)
	}
}
