package kafka

import "iter"

// Filter is the elements of seq that fn accepts.
func Filter[T any](seq iter.Seq[T], fn func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v := range seq {
			if fn(v) && !yield(v) {
				return
			}
		}
	}
}

// Map is what fn makes of the elements of seq.
func Map[T, U any](seq iter.Seq[T], fn func(T) U) iter.Seq[U] {
	return func(yield func(U) bool) {
		for v := range seq {
			if !yield(fn(v)) {
				return
			}
		}
	}
}

// Take is the first n elements of seq, which is not asked for a further one. A consumer with auto-commit therefore cannot
// tell it from a break at the nth message, which it leaves uncommitted; commit that one by hand.
func Take[T any](seq iter.Seq[T], n int) iter.Seq[T] {
	return func(yield func(T) bool) {
		if n <= 0 {
			return
		}
		left := n
		for v := range seq {
			left--
			if !yield(v) || left == 0 {
				return
			}
		}
	}
}

// Chunk is the elements of seq in new slices of n, the last of which may be shorter. It waits for n elements, however
// long that takes: [Consumer.Batches] does not. It panics when n is less than 1.
func Chunk[T any](seq iter.Seq[T], n int) iter.Seq[[]T] {
	if n < 1 {
		panic("kafka: Chunk of less than one element")
	}
	return func(yield func([]T) bool) {
		var chunk []T
		for v := range seq {
			if chunk = append(chunk, v); len(chunk) == n {
				if !yield(chunk) {
					return
				}
				chunk = nil
			}
		}
		if len(chunk) > 0 {
			yield(chunk)
		}
	}
}
