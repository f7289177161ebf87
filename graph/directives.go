package graph

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"igny8.com/accounts/internal/account"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
	"igny8.com/accounts/internal/postgres"
)

// owned is a value that belongs to one account.
type owned interface{ Tenant() gid.Account }

// public is the door that stands open.
func public(ctx context.Context, _ any, next graphql.Resolver) (any, error) { return next(ctx) }

// role is the door of a field: on a root field it judges the actor; on a field of a value that
// belongs to an account, the actor's role in that account, where staff have none.
func role(
	ctx context.Context, obj any, next graphql.Resolver,
	minimum account.Role, purpose account.Access, key *account.Scope, personal bool,
) (any, error) {
	a := actor(ctx)
	door := account.Door{Minimum: minimum, For: purpose, Personal: personal}
	if key != nil {
		door.Key = *key
	}
	if err := a.Enter(door); err != nil {
		return nil, err
	}
	if value, ok := obj.(owned); ok && value.Tenant() != a.AccountID() {
		return nil, fault.New(fault.Forbidden, "this is for the members of the account")
	}
	return next(ctx)
}

// tenant is the net between accounts, under every field that answers a tenant-owned type or a list
// of it: what does not belong to the caller's account is answered like nothing.
func (r *Resolver) tenant(ctx context.Context, _ any, next graphql.Resolver, staff bool) (any, error) {
	result, err := next(ctx)
	if err != nil || result == nil {
		return nil, err
	}
	if value, ok := result.(owned); ok {
		if r.caught(ctx, value, staff) {
			return nil, nil
		}
		return result, nil
	}
	list := reflect.ValueOf(result)
	if list.Kind() == reflect.Chan {
		return r.netUnder(ctx, list, staff)
	}
	if list.Kind() != reflect.Slice {
		return nil, fmt.Errorf("%T says no account that it belongs to", result)
	}
	kept := reflect.MakeSlice(list.Type(), 0, list.Len())
	for i := range list.Len() {
		element := list.Index(i)
		value, ok := reflect.TypeAssert[owned](element)
		if !ok {
			return nil, fmt.Errorf("%s says no account that it belongs to", element.Type())
		}
		if !r.caught(ctx, value, staff) {
			kept = reflect.Append(kept, element)
		}
	}
	return kept.Interface(), nil
}

// netUnder is the net under what a field of live events tells: a channel that is closed and holds the values
// of one turn.
func (r *Resolver) netUnder(ctx context.Context, told reflect.Value, staff bool) (any, error) {
	kept := reflect.MakeChan(reflect.ChanOf(reflect.BothDir, told.Type().Elem()), told.Cap())
	for {
		element, ok := told.Recv()
		if !ok {
			break
		}
		value, isOwned := reflect.TypeAssert[owned](element)
		if !isOwned {
			return nil, fmt.Errorf("%s says no account that it belongs to", element.Type())
		}
		if !r.caught(ctx, value, staff) {
			kept.Send(element)
		}
	}
	kept.Close()
	return kept.Convert(told.Type()).Interface(), nil
}

// caught says whether a value must not leave. One that is caught got past the query's own scope and
// past the database's policies, so it is reported.
func (r *Resolver) caught(ctx context.Context, value owned, staff bool) bool {
	if reflect.ValueOf(value).IsNil() || r.mayLeave(ctx, value.Tenant(), staff) {
		return false
	}
	r.Log.LogAttrs(ctx, slog.LevelError, "a value of another account was caught on its way out",
		slog.String("type", reflect.TypeOf(value).String()), slog.String("path", graphql.GetPath(ctx).String()))
	return true
}

// ownOrStaffs is the rule of the net: the caller's own account's values leave, and, where the type is
// open to staff, those that an operation of staff answers.
func ownOrStaffs(ctx context.Context, tenant gid.Account, staff bool) bool {
	a := actor(ctx)
	return tenant != 0 && (tenant == a.AccountID() || (staff && a.Staff() && postgres.Staff(ctx)))
}

// enterAsStaff gives an operation of staff the scope of staff: one that holds a root field behind
// a door for developers, asked by a developer.
func enterAsStaff(ctx context.Context, op *graphql.OperationContext) (context.Context, error) {
	if !actor(ctx).Staff() {
		return ctx, nil
	}
	for _, field := range graphql.CollectFields(op, op.Operation.SelectionSet, nil) {
		if forStaff(field.Definition) {
			return postgres.WithStaff(ctx), nil
		}
	}
	return ctx, nil
}

func forStaff(field *ast.FieldDefinition) bool {
	door := field.Directives.ForName("role")
	return door != nil && door.Arguments.ForName("min").Value.Raw == "DEVELOPER"
}
