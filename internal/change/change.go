// Package change tells what an update leaves alone from what it takes away: a field that is absent from
// one that is null.
package change

import "igny8.com/accounts/internal/fault"

// Field is a field of an update. The zero Field is absent: what it stands for stays as it is. One that is
// Set and without Value is null.
type Field[T any] struct {
	Set   bool
	Value *T
}

// To is a change to v.
func To[T any](v T) Field[T] { return Field[T]{Set: true, Value: &v} }

// ToNull is a change to null.
func ToNull[T any]() Field[T] { return Field[T]{Set: true} }

// Apply puts the value of a field that cannot be null into target once clean has judged it. Fault, at the
// field's name: REQUIRED for null; and those of clean.
func (f Field[T]) Apply(target *T, faults *fault.List, name string, clean func(T) (T, *fault.Error)) {
	if !f.Set {
		return
	}
	if f.Value == nil {
		faults.Add(fault.New(fault.Required, "this can be changed but not taken away; leave it out to keep it as it is").At(name))
		return
	}
	v, bad := clean(*f.Value)
	if bad != nil {
		faults.Add(bad.At(name))
		return
	}
	*target = v
}
