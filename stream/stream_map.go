//go:build !go1.27

package stream

// Map makes of each element what fn returns. Key, headers and time stay. The function [Map] keeps the type; from Go 1.27
// on this method does, too.
func (s *Stream[T]) Map(fn func(T) any) *Stream[any] { return Map(s, fn) }

// FlatMap makes of each element those that fn returns. Key, headers and time stay. The function [FlatMap] keeps the type.
func (s *Stream[T]) FlatMap(fn func(T) []any) *Stream[any] { return FlatMap(s, fn) }
