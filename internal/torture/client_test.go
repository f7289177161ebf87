//go:build linux

package torture_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"igny8.com/accounts/internal/audit"
	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// client sends operations and keeps its connections open, as a backend of a customer does.
type client struct {
	http   *http.Client
	url    string
	header map[string]string
}

func newClient(url string) *client {
	const limit = 20 * time.Second // the server's own is shorter
	return &client{
		http: &http.Client{Timeout: limit, Transport: &http.Transport{}},
		url:  url + "/graphql", header: map[string]string{},
	}
}

// unanswered is the outcome of a request whose answer did not come, or not whole.
const unanswered = "NO_ANSWER"

// post sends an operation and returns its data as the bytes that came; where there is none, the code of
// the refusal, or unanswered.
func (c *client) post(ctx context.Context, query string, input map[string]any) (data json.RawMessage, code string) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": input}})
	if err != nil {
		return nil, err.Error()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err.Error()
	}
	// A request that can be sent again must be sent again by us, where it is counted.
	r.GetBody = nil
	r.Header.Set("Content-Type", "application/json")
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, unanswered
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Message    string `json:"message"`
			Extensions struct {
				Code string `json:"code"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, unanswered
	}
	if len(answer.Errors) > 0 {
		return nil, answer.Errors[0].Extensions.Code
	}
	return answer.Data, ""
}

// must sends an operation that has to succeed and returns its payload.
func (c *client) must(t *testing.T, field, query string, input map[string]any) map[string]any {
	t.Helper()
	data, code := c.post(t.Context(), query, input)
	var answer map[string]map[string]any
	if code != "" || json.Unmarshal(data, &answer) != nil || answer[field] == nil {
		t.Fatalf("%s: %s %s", field, data, code)
	}
	if errs, _ := answer[field]["userErrors"].([]any); len(errs) > 0 {
		t.Fatalf("%s: %v", field, errs)
	}
	return answer[field]
}

// customer is an account whose credits are spent by a site's API key.
type customer struct {
	id  gid.Account
	key string
}

// endowment is more credits than any torture spends.
const endowment = 1_000_000_000

// signUp makes a customer as customers are made, puts it on the plan with the widest bucket of requests, and
// sells it credits.
func signUp(t *testing.T, url string, admin *postgres.DB, n int) *customer {
	t.Helper()
	c := newClient(url)
	email := fmt.Sprintf("owner%d@customer.example", n)
	session, _ := c.must(t, "signUp", `mutation ($input: SignUpInput!) { signUp(input: $input) { session { accessToken } userErrors { message } } }`,
		map[string]any{"email": email, "password": "a long enough pass phrase", "name": "Owner"})["session"].(map[string]any)
	token, _ := session["accessToken"].(string)
	c.header["Authorization"] = "Bearer " + token
	site, _ := c.must(t, "createSite", `mutation ($input: CreateSiteInput!) { createSite(input: $input) { site { id } userErrors { message } } }`,
		map[string]any{"name": "Site", "domain": fmt.Sprintf("site%d.example.com", n)})["site"].(map[string]any)
	secret, _ := c.must(t, "createSiteApiKey", `mutation ($input: CreateSiteApiKeyInput!) { createSiteApiKey(input: $input) { secret userErrors { message } } }`,
		map[string]any{"siteId": site["id"], "name": "Pipeline", "scopes": []string{"CREDITS"}})["secret"].(string)

	who := &customer{key: secret}
	if err := admin.Pool.QueryRow(t.Context(), "SELECT tenant_id FROM igny8_login_directory WHERE email = $1", email).Scan(&who.id); err != nil {
		t.Fatal(err)
	}
	const widest = "UPDATE igny8_tenants SET plan_id = (SELECT id FROM igny8_plans WHERE slug = 'enterprise') WHERE id = $1"
	if _, err := admin.Pool.Exec(t.Context(), widest, int64(who.id)); err != nil {
		t.Fatal(err)
	}
	err := postgres.InTx(postgres.WithTenant(t.Context(), int64(who.id)), admin.DB, func(ctx context.Context, tx bun.Tx) error {
		_, err := credit.Add(ctx, tx, credit.Incoming{
			Tenant: who.id, Kind: credit.Purchase, Amount: endowment, IdempotencyKey: "bought:1",
			By: audit.By{Kind: audit.System}, At: time.Now().UTC().Truncate(time.Microsecond),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// spender is a client of the customer, by its API key.
func (who *customer) client(url string) *client {
	c := newClient(url)
	c.header["X-API-Key"] = who.key
	return c
}
