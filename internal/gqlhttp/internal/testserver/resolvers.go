package testserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"igny8.com/accounts/internal/fault"
)

// Secret is in the text of every error that clients must not see.
const Secret = "SQLSTATE 42P01 at 10.0.0.7"

// New is the executable schema over its own resolvers.
func New() graphql.ExecutableSchema {
	return NewExecutableSchema(Config{Resolvers: root{}})
}

var _ ResolverRoot = root{}

type (
	root         struct{}
	query        struct{}
	mutation     struct{}
	subscription struct{}
	person       struct{}
	failing      struct{}
)

func (root) Query() QueryResolver               { return query{} }
func (root) Mutation() MutationResolver         { return mutation{} }
func (root) Subscription() SubscriptionResolver { return subscription{} }
func (root) Person() PersonResolver             { return person{} }
func (root) Failing() FailingResolver           { return failing{} }

func (query) Hello(context.Context) (string, error) { return "world", nil }

func (query) Echo(
	_ context.Context, i *int, f *float64, s *string, b *bool, id *string, colour *Colour, ints []int, v *Any, d *Date,
) (string, error) {
	return show(map[string]any{
		"int": i, "float": f, "string": s, "boolean": b, "id": id, "colour": colour, "ints": ints, "any": v, "date": d,
	})
}

func (query) Required(_ context.Context, i int) (string, error) { return strconv.Itoa(i), nil }

func (query) Filter(_ context.Context, filter Filter) (string, error) { return show(filter) }

func (query) Select(_ context.Context, by Selector) (string, error) { return show(by) }

func (query) Node(_ context.Context, id string) (Named, error) {
	if id == "robot" {
		return &Robot{ID: id, Name: "R", Model: "2"}, nil
	}
	return somebody(id), nil
}

func (query) Person(context.Context) (*Person, error) { return somebody("1"), nil }

func (query) People(_ context.Context, first *int) ([]*Person, error) { return crowd(first) }

func (query) Crowd(_ context.Context, first, _ *int) (*Crowd, error) {
	people, err := crowd(first)
	if err != nil {
		return nil, err
	}
	page := &Crowd{Nodes: people, Edges: []*CrowdEdge{}, Tags: []string{}}
	for _, p := range people {
		page.Edges = append(page.Edges, &CrowdEdge{Node: p})
	}
	return page, nil
}

func (query) Fail(ctx context.Context, how Failure) (*string, error) { return nil, fail(ctx, how) }

func (query) FailMany(_ context.Context, count int) ([]*Failing, error) {
	list := make([]*Failing, count)
	for i := range list {
		list[i] = &Failing{}
	}
	return list, nil
}

func (query) StrictFailing(context.Context) (*Failing, error) { return &Failing{}, nil }

func (mutation) Add(_ context.Context, point Point) (int, error) { return point.X + point.Y, nil }

func (mutation) Fail(ctx context.Context, how Failure) (*string, error) { return nil, fail(ctx, how) }

func (subscription) Ticks(ctx context.Context) (<-chan int, error) {
	ticks := make(chan int)
	go func() {
		defer close(ticks)
		for i := 0; ; i++ {
			select {
			case ticks <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ticks, nil
}

func (person) Friends(_ context.Context, _ *Person, first *int) ([]*Person, error) {
	return crowd(first)
}

func (person) Pet(_ context.Context, p *Person) (Pet, error) {
	if p.ID == "1" {
		return &Cat{Name: "Tom", Lives: 9}, nil
	}
	return &Dog{Name: "Rex", Barks: true}, nil
}

func (failing) Boom(ctx context.Context, _ *Failing, how Failure) (*string, error) {
	return nil, fail(ctx, how)
}

func (failing) Strict(ctx context.Context, _ *Failing) (string, error) {
	return "", fail(ctx, FailurePlain)
}

func somebody(id string) *Person { return &Person{ID: id, Name: "P" + id} }

func crowd(first *int) ([]*Person, error) {
	if first == nil || *first < 0 || *first > 100 {
		return nil, fault.New(fault.BadUserInput, "first must lie between 0 and 100.")
	}
	people := make([]*Person, *first)
	for i := range people {
		people[i] = somebody(strconv.Itoa(i + 1))
	}
	return people, nil
}

func show(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func fail(ctx context.Context, how Failure) error {
	stock := fault.New(fault.NotFound, "There is no such thing.").At("input", "thingId").With("kind", "thing")
	switch how {
	case FailureFault:
		return stock
	case FailureFaultWrapped:
		return fmt.Errorf("%s: %w", Secret, stock)
	case FailureFaultList:
		return fault.List{stock, fault.New(fault.TooLong, "The name is too long.").At("input", "name")}
	case FailureFaultInternal:
		return fault.New(fault.Internal, "%s", Secret)
	case FailureThrottled:
		return fault.New(fault.Throttled, "Slow down.").With("retryAfterSeconds", 3)
	case FailurePanic:
		panic(Secret)
	case FailureAbort:
		panic(http.ErrAbortHandler)
	case FailureTimeout:
		<-ctx.Done()
		return fmt.Errorf("%s: %w", Secret, ctx.Err())
	case FailureCoded:
		return &gqlerror.Error{Message: "Own code.", Extensions: map[string]any{"code": "OWN_CODE"}}
	case FailureUncoded:
		return &gqlerror.Error{Message: Secret}
	case FailureNull:
		return nil
	case FailurePlain:
	}
	return errors.New(Secret)
}
