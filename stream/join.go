package stream

import (
	"time"

	"github.com/dot-do/kafka-embedded/engine"
)

// JoinResult is a pair of elements that belong together. In left and outer joins one may be missing.
type JoinResult[L, R any] struct {
	Left     L    `json:"left"`
	Right    R    `json:"right"`
	HasLeft  bool `json:"has_left"`
	HasRight bool `json:"has_right"`
}

// Cond says which elements belong together; see [On] and [Keys]. The zero Cond joins elements of records with the same
// key; one without a key belongs to no other.
type Cond[L, R any] struct {
	left    func(m *meta, v L) any
	right   func(m *meta, v R) any
	matches func(l L, r R) bool
	spread  exchange
}

// On joins elements for which fn is true. Each element is compared with all of the other side's within the window; one
// task has all of them.
func On[L, R any](fn func(L, R) bool) Cond[L, R] {
	return Cond[L, R]{
		left: func(*meta, L) any { return nil }, right: func(*meta, R) any { return nil }, matches: fn, spread: together,
	}
}

// Keys joins elements whose keys are equal.
func Keys[L, R any, K comparable](left func(L) K, right func(R) K) Cond[L, R] {
	return Cond[L, R]{
		left:   func(_ *meta, v L) any { return left(v) },
		right:  func(_ *meta, v R) any { return right(v) },
		spread: byValue,
	}
}

// JoinOption configures a join.
type JoinOption func(*joinConfig)

type joinConfig struct {
	window, grace time.Duration
	on            func(l, r any) bool
	left, right   func(v any) any
	name          string
}

// JoinWindow sets how far apart in time two elements may be, before or after; it must be given.
func JoinWindow(d time.Duration) JoinOption { return func(c *joinConfig) { c.window = d } }

// JoinGrace keeps elements for d of stream time longer than the window asks for, for others that come out of order.
func JoinGrace(d time.Duration) JoinOption { return func(c *joinConfig) { c.grace = d } }

// JoinOn is [On] for the methods of a stream, whose elements are decoded values.
func JoinOn(fn func(l, r any) bool) JoinOption { return func(c *joinConfig) { c.on = fn } }

// JoinKeys is [Keys] for the methods of a stream. Keys must be comparable.
func JoinKeys(left, right func(v any) any) JoinOption {
	return func(c *joinConfig) { c.left, c.right = left, right }
}

// JoinStore names the join's store, as [StoreName] does.
func JoinStore(name string) JoinOption { return func(c *joinConfig) { c.name = name } }

// joinKind says which sides are emitted without a match.
type joinKind int8

const (
	inner joinKind = iota
	leftOuter
	fullOuter
)

func (k joinKind) String() string { return [...]string{"join", "leftJoin", "outerJoin"}[k] }

// Join pairs the elements of two streams that belong together and are within the window of each other. The time of a
// pair is the later one of the two, its key that of the left record. Values of messages are what was decoded.
//
// Without [JoinOn] and [JoinKeys] elements of records with the same key belong together, and those without a key to no
// other. A predicate looks at all pairs within the window, keys are hashed.
func (s *Stream[T]) Join(o AnyStream, opts ...JoinOption) *Stream[JoinResult[any, any]] {
	return joinAny(s, o, inner, opts)
}

// LeftJoin is Join with, in addition, each left element that found no right one, once its window is closed.
func (s *Stream[T]) LeftJoin(o AnyStream, opts ...JoinOption) *Stream[JoinResult[any, any]] {
	return joinAny(s, o, leftOuter, opts)
}

// OuterJoin is LeftJoin with right elements that found no left one, too.
func (s *Stream[T]) OuterJoin(o AnyStream, opts ...JoinOption) *Stream[JoinResult[any, any]] {
	return joinAny(s, o, fullOuter, opts)
}

func joinAny(l, r AnyStream, kind joinKind, opts []JoinOption) *Stream[JoinResult[any, any]] {
	c := joined(opts)
	var on Cond[any, any]
	if c.on != nil {
		on = On(c.on)
	}
	if c.left != nil && c.right != nil {
		on.left = func(_ *meta, v any) any { return c.left(v) }
		on.right = func(_ *meta, v any) any { return c.right(v) }
		on.spread = byValue
	}
	return join(l.values(), r.values(), on, kind, c)
}

// Join is [Stream.Join] with typed elements.
func Join[L, R any](l *Stream[L], r *Stream[R], on Cond[L, R], opts ...JoinOption) *Stream[JoinResult[L, R]] {
	return join(l, r, on, inner, joined(opts))
}

// LeftJoin is [Stream.LeftJoin] with typed elements.
func LeftJoin[L, R any](l *Stream[L], r *Stream[R], on Cond[L, R], opts ...JoinOption) *Stream[JoinResult[L, R]] {
	return join(l, r, on, leftOuter, joined(opts))
}

// OuterJoin is [Stream.OuterJoin] with typed elements.
func OuterJoin[L, R any](l *Stream[L], r *Stream[R], on Cond[L, R], opts ...JoinOption) *Stream[JoinResult[L, R]] {
	return join(l, r, on, fullOuter, joined(opts))
}

func joined(opts []JoinOption) (c joinConfig) {
	for _, o := range opts {
		o(&c)
	}
	return c
}

// recordKey is what an element is joined by unless the condition says otherwise. A record without a key has one that no
// other has.
func recordKey(m *meta) any {
	if m.key == nil {
		return new(byte)
	}
	return string(m.key)
}

func join[L, R any](l *Stream[L], r *Stream[R], on Cond[L, R], kind joinKind, c joinConfig) *Stream[JoinResult[L, R]] {
	if on.left == nil {
		on.spread = byKey
		on.left = func(m *meta, _ L) any { return recordKey(m) }
		on.right = func(m *meta, _ R) any { return recordKey(m) }
	}
	n := &node{
		kind: kind.String(), detail: first(c.name, "within") + " " + c.window.String(), inputs: []*node{l.node, r.node},
		spread: []exchange{on.spread, on.spread}, store: c.name, stateful: true,
	}
	if kind != inner {
		n.delay = (c.window + c.grace).Milliseconds() + 1
	}
	return &Stream[JoinResult[L, R]]{
		node: n, env: l.env, coder: valueCoder[JoinResult[L, R]](l.env),
		connect: func(b *builder, out push[JoinResult[L, R]]) {
			if c.window.Milliseconds() < 1 || c.grace < 0 {
				b.fail(engine.Errorf(engine.ErrInvalidArgument, "a join needs JoinWindow of at least 1 ms, and a grace that is not negative"))
			}
			j := &joiner[L, R]{task: b.task(n), env: l.env, kind: kind, on: on, reach: c.window.Milliseconds(), grace: c.grace.Milliseconds(), out: out}
			j.left = newSide(l.coder, kind != inner)
			j.right = newSide(r.coder, kind == fullOuter)
			j.place = b.add(n, j)
			leftRoute, rightRoute := byAnyKey(l.env, on.left), byAnyKey(r.env, on.right)
			if on.spread == byKey {
				leftRoute, rightRoute = byRecordKey[L](stay), byRecordKey[R](stay)
			}
			connect(b, l, n, 0, leftRoute, j.fromLeft)
			connect(b, r, n, 1, rightRoute, j.fromRight)
		},
	}
}
