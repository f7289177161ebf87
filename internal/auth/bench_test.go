package auth_test

import (
	"net/http/httptest"
	"testing"
)

// What telling who makes a request costs each of them: a signature and one statement.
func BenchmarkAuthenticate(b *testing.B) {
	f := newFixture(b)
	token := f.logIn(b, f.person(b, "ann@example.com")).AccessToken
	r := httptest.NewRequestWithContext(b.Context(), "POST", "/graphql", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	for b.Loop() {
		actor, err := f.auth.Authenticate(r)
		if err != nil || !actor.SignedIn() {
			b.Fatal(actor, err)
		}
	}
}
