package gqlhttp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"igny8.com/accounts/internal/gqlhttp"
	"igny8.com/accounts/internal/nodetest"
)

// sent is a request as the real client made it.
type sent struct {
	Method     string
	Text, Hash bool
	Status     int
}

// The npm packages of Apollo Client and urql, as they are: the hash alone, then the document with its
// hash, and from then on the hash alone.
func TestPersisted_WorksWithRealClients(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "GET"} {
		for _, client := range []string{"apollo", "urql"} {
			for _, edition := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s by %s, edition of 2026: %v", client, method, edition), func(t *testing.T) {
					t.Parallel()
					refused, partial := http.StatusBadRequest, http.StatusOK
					if edition {
						refused, partial = http.StatusUnprocessableEntity, 294
					}
					server := httptest.NewServer(serve(gqlhttp.Config{Edition2026: edition}))
					t.Cleanup(server.Close)
					out := nodetest.Run(t, nodetest.Tools, false, "persisted.mjs", client, server.URL, method)
					var got struct {
						Outcomes []struct {
							Data   map[string]any
							Errors []string
						}
						Wire []sent
					}
					if err := json.Unmarshal(out, &got); err != nil {
						t.Fatalf("%v in %s", err, out)
					}
					for i, want := range []string{"", "", "GRAPHQL_VALIDATION_FAILED", "NOT_FOUND"} {
						o := got.Outcomes[i]
						code := ""
						if len(o.Errors) > 0 {
							code = o.Errors[0]
						}
						if hasData := o.Data["hello"] == "world"; code != want || hasData != (want != "GRAPHQL_VALIDATION_FAILED") {
							t.Errorf("query %d: data %v, errors %v, want %q", i+1, o.Data, o.Errors, want)
						}
					}
					// The known hash stands alone in the third request; the others were not known.
					full := method
					if client == "apollo" {
						full = http.MethodPost // urql sends short documents by GET too
					}
					want := []sent{
						{method, false, true, refused},
						{full, true, true, http.StatusOK},
						{method, false, true, http.StatusOK},
						{method, false, true, refused},
						{full, true, true, refused},
						{method, false, true, refused},
						{full, true, true, partial},
					}
					if !slices.Equal(got.Wire, want) {
						t.Errorf("on the wire: %+v, want %+v", got.Wire, want)
					}
				})
			}
		}
	}
}
