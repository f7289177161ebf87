// Command go shows how a Go service uses the API with a site's API key: types by genqlient, errors by code,
// retries by idempotency key.
//
//	go run . http://127.0.0.1:8080/graphql IDEMPOTENCY-KEY    # the API key is in IGNY8_API_KEY
//
// It tells each step in a line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

//go:generate go tool genqlient

func main() {
	if len(os.Args) != 3 || os.Getenv("IGNY8_API_KEY") == "" {
		fmt.Fprintln(os.Stderr, "usage: IGNY8_API_KEY=… go run . URL IDEMPOTENCY-KEY")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1], os.Getenv("IGNY8_API_KEY"), os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, key, idempotencyKey string) error {
	client := graphql.NewClient(url, &http.Client{Timeout: 15 * time.Second, Transport: keyed{key}})

	me, err := Me(ctx, client)
	if err != nil {
		return fmt.Errorf("ask who this is: %w", err)
	}
	tell("viewer", me.Viewer)

	estimate, err := Estimate(ctx, client, CreditOperationImageGeneration, new(2))
	if err != nil {
		return fmt.Errorf("estimate: %w", err)
	}
	tell("estimate", estimate.EstimateCredits)

	// The key stands for what is paid for, e.g. the job's own id, so that a job that is run again pays once.
	input := SpendCreditsInput{Operation: CreditOperationImageGeneration, Quantity: new(2), IdempotencyKey: idempotencyKey}
	spent, err := repeatedly(ctx, func() (*SpendResponse, error) { return Spend(ctx, client, input) })
	if err != nil {
		return fmt.Errorf("spend: %w", err)
	}
	tell("spend", spent.SpendCredits.Transaction)

	// What the caller can mend is data, and says more by its type.
	input = SpendCreditsInput{Operation: CreditOperationImageGeneration, Quantity: new(1_000_000), IdempotencyKey: idempotencyKey + "-dear"}
	refused, err := Spend(ctx, client, input)
	if err != nil {
		return fmt.Errorf("spend too much: %w", err)
	}
	for _, problem := range refused.SpendCredits.UserErrors {
		switch p := problem.(type) {
		case *UserErrorInsufficientCreditsError:
			tell("refused", fmt.Sprintf("%s: %d of %d", p.Code, p.Available, p.Required))
		default:
			tell("refused", string(p.GetCode())+": "+p.GetMessage())
		}
	}

	// What nobody can mend by other input is an error with a code: this key has no such scope.
	_, err = Sites(ctx, client, 10, nil)
	tell("error", codes(err))
	return nil
}

// keyed sends the API key with each request.
type keyed struct{ key string }

// RoundTrip sends a request.
func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-API-Key", k.key)
	return http.DefaultTransport.RoundTrip(r)
}

// repeatedly does what may be done again, a query or a mutation with an idempotency key, until it is
// answered: four times at most.
func repeatedly[T any](ctx context.Context, do func() (T, error)) (T, error) {
	pause := 250 * time.Millisecond
	for attempt := 1; ; attempt++ {
		answer, err := do()
		wait, again := retryAfter(err, pause)
		if err == nil || !again || attempt == 4 {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, errors.Join(err, ctx.Err())
		case <-time.After(wait):
		}
		pause *= 2
	}
}

// retryAfter says whether an attempt that ended so may be repeated, and when.
func retryAfter(err error, pause time.Duration) (time.Duration, bool) {
	list := problems(err)
	if list == nil {
		return pause, true // no answer: it may have been carried out or not, and the key makes both well
	}
	for _, e := range list {
		switch e.Extensions["code"] {
		case "THROTTLED":
			if seconds, ok := e.Extensions["retryAfterSeconds"].(float64); ok {
				return time.Duration(seconds * float64(time.Second)), true
			}
			return pause, true
		case "TIMEOUT", "UNAVAILABLE":
			return pause, true
		}
	}
	return 0, false
}

// codes are those of an answer's errors.
func codes(err error) []string {
	var found []string
	for _, e := range problems(err) {
		found = append(found, fmt.Sprint(e.Extensions["code"]))
	}
	return found
}

// problems are an answer's errors, whatever its status; none where there was no answer.
func problems(err error) gqlerror.List {
	var list gqlerror.List
	if errors.As(err, &list) {
		return list
	}
	var status *graphql.HTTPError
	if errors.As(err, &status) {
		return status.Response.Errors
	}
	return nil
}

func tell(step string, result any) {
	line, err := json.Marshal(map[string]any{"step": step, "result": result})
	if err != nil {
		panic(err) // the results are plain data
	}
	fmt.Println(string(line))
}
