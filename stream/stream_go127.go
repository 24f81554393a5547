//go:build go1.27

package stream

// Map makes of each element what fn returns. Key, headers and time stay.
func (s *Stream[T]) Map[R any](fn func(T) R) *Stream[R] { return Map(s, fn) }

// FlatMap makes of each element those that fn returns. Key, headers and time stay.
func (s *Stream[T]) FlatMap[R any](fn func(T) []R) *Stream[R] { return FlatMap(s, fn) }
