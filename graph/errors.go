package graph

import (
	"errors"

	"igny8.com/accounts/internal/credit"
	"igny8.com/accounts/internal/fault"
	"igny8.com/accounts/internal/gid"
)

// outcome parts what a command returned into what belongs into the payload's userErrors and what
// is a top-level error. Paths start at the mutation's argument.
func outcome(err error) ([]UserError, error) {
	faults := fault.Of(err)
	if len(faults) == 0 {
		return []UserError{}, err
	}
	shown := make([]UserError, 0, len(faults))
	for _, f := range faults {
		if !f.Correctable() {
			return nil, err
		}
		shown = append(shown, userError(f))
	}
	return shown, nil
}

func userError(f *fault.Error) UserError {
	path := []string{}
	if len(f.Field) > 0 {
		path = append([]string{"input"}, f.Field...)
	}
	shown := f.At(path...)
	if f.Code == fault.PlanLimitReached {
		limit, _ := f.Details["limit"].(int)
		used, _ := f.Details["used"].(int)
		return &fault.LimitError{Error: shown, Limit: limit, Used: used}
	}
	if f.Code == fault.InsufficientCredits {
		return credit.Insufficient(shown)
	}
	if f.Code == fault.BudgetExceeded {
		return credit.Budget(shown)
	}
	return shown
}

// under puts the path of a nested input before a fault's own.
func under(err error, field string) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.At(append([]string{field}, f.Field...)...)
	}
	return err
}

// onID runs a command on the thing that a global id names; a malformed id or one of another type is
// the input's fault, before any query.
func onID[K gid.ID, V any](text, field string, command func(K) (V, error)) (result V, errs []UserError, err error) {
	id, f := requiredID[K](text, field)
	if f != nil {
		return result, []UserError{userError(f)}, nil
	}
	result, err = command(id)
	errs, err = outcome(err)
	return result, errs, err
}
