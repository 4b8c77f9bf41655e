// Package types has the types of the interface that Go does not have itself.
package types

// Unit is the value of a result without a value.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[A any, B any] struct {
	F0 A
	F1 B
}

const (
	OptionNone = 0
	OptionSome = 1
)

// Option is a value that may be missing.
type Option[T any] struct {
	tag   uint8
	value T
}

// None is a missing value.
func None[T any]() Option[T] {
	return Option[T]{}
}

// Some is a value that is there.
func Some[T any](value T) Option[T] {
	return Option[T]{OptionSome, value}
}

// Tag is OptionNone or OptionSome.
func (o Option[T]) Tag() uint8 {
	return o.tag
}

// IsSome says whether the value is there.
func (o Option[T]) IsSome() bool {
	return o.tag == OptionSome
}

// IsNone says whether the value is missing.
func (o Option[T]) IsNone() bool {
	return o.tag == OptionNone
}

// Some returns the value, and panics if it is missing.
func (o Option[T]) Some() T {
	if o.tag != OptionSome {
		panic("the option has no value")
	}
	return o.value
}

// SomeOr returns the value, or another one if it is missing.
func (o Option[T]) SomeOr(other T) T {
	if o.tag != OptionSome {
		return other
	}
	return o.value
}

const (
	ResultOk  = 0
	ResultErr = 1
)

// Result is a value or an error.
type Result[T any, E any] struct {
	tag uint8
	ok  T
	err E
}

// Ok is the result of a call that succeeded.
func Ok[T any, E any](value T) Result[T, E] {
	return Result[T, E]{tag: ResultOk, ok: value}
}

// Err is the result of a call that failed.
func Err[T any, E any](err E) Result[T, E] {
	return Result[T, E]{tag: ResultErr, err: err}
}

// Tag is ResultOk or ResultErr.
func (r Result[T, E]) Tag() uint8 {
	return r.tag
}

// IsOk says whether the call succeeded.
func (r Result[T, E]) IsOk() bool {
	return r.tag == ResultOk
}

// IsErr says whether the call failed.
func (r Result[T, E]) IsErr() bool {
	return r.tag == ResultErr
}

// Ok returns the value, and panics if the call failed.
func (r Result[T, E]) Ok() T {
	if r.tag != ResultOk {
		panic("the result is an error")
	}
	return r.ok
}

// Err returns the error, and panics if the call succeeded.
func (r Result[T, E]) Err() E {
	if r.tag != ResultErr {
		panic("the result is no error")
	}
	return r.err
}
