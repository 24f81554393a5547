package stream

// aggregation feeds elements into a store.
type aggregation[K comparable, T, A any] struct {
	store *store[K, A]
	fns   aggregator[T, A]
	env   *Env
	key   func(m *meta, v T) K
}

// process is the operator for the kind of window.
func (a *aggregation[K, T, A]) process() push[T] {
	switch a.store.window.kind {
	case tumbling, hopping:
		return a.aligned
	case sliding:
		return a.sliding
	case session:
		return a.session
	}
	return a.whole
}

// whole aggregates without windows.
func (a *aggregation[K, T, A]) whole(m *meta, v T) error {
	k := a.key(m, v)
	e := a.store.find(k, 0)
	if e == nil {
		e = a.store.insert(k, 0, 0, a.fns.init(), m.time)
	}
	return a.update(m, e, v)
}

// update adds an element to a window and, where updates are wanted, emits the result.
func (a *aggregation[K, T, A]) update(m *meta, e *entry[K, A], v T) error {
	a.store.change(e, a.fns.add(e.value, v), m.time)
	return a.store.updated(e)
}

func (a *aggregation[K, T, A]) aligned(m *meta, v T) error {
	k, w, taken := a.key(m, v), a.store.window, false
	now := a.store.now()
	for start := range w.starts(m.time) {
		if !w.takes(start+w.size, now) {
			continue
		}
		taken = true
		e := a.store.find(k, start)
		if e == nil {
			e = a.store.insert(k, start, start+w.size, a.fns.init(), m.time)
		}
		if err := a.update(m, e, v); err != nil {
			return err
		}
	}
	return a.late(m, v, taken)
}

func (a *aggregation[K, T, A]) late(m *meta, v T, taken bool) error {
	if taken {
		return nil
	}
	return a.store.task.late(a.env, m, v)
}

// session merges all sessions that the element is within the gap of.
func (a *aggregation[K, T, A]) session(m *meta, v T) error {
	k, w := a.key(m, v), a.store.window
	start, end := m.time, m.time
	var touched []*entry[K, A]
	for _, e := range a.store.of(k) {
		if e.end >= m.time-w.size && e.start <= m.time+w.size {
			touched = append(touched, e)
			start, end = min(start, e.start), max(end, e.end)
		}
	}
	if !w.takes(end, a.store.now()) {
		return a.late(m, v, false)
	}
	value := a.fns.init()
	for i, e := range touched {
		if i == 0 {
			value = e.value
		} else {
			value = a.fns.merge(value, e.value)
		}
	}
	value = a.fns.add(value, v)
	if len(touched) == 1 && touched[0].start == start && touched[0].end == end {
		a.store.change(touched[0], value, m.time)
		return a.store.updated(touched[0])
	}
	for _, e := range touched {
		a.store.remove(e)
	}
	return a.store.updated(a.store.insert(k, start, end, value, end))
}

// sliding keeps, for each element at a time t, the window [t-d, t] and, when there are elements in it, [t+1, t+1+d].
// This is the procedure of Kafka Streams' KStreamSlidingWindowAggregate: a window that comes about begins with the
// aggregate of the one it overlaps with.
func (a *aggregation[K, T, A]) sliding(m *meta, v T) error {
	k, t, w, now := a.key(m, v), m.time, a.store.window, a.store.now()
	if now >= t+1+w.size+w.grace { // not even the window behind it is open
		return a.late(m, v, false)
	}
	around := a.around(k, t)
	create, err := a.missing(around, t)
	if err != nil {
		return err
	}
	for _, e := range around {
		if e.start <= t && e.end >= t && w.takes(e.end, now) {
			if err := a.update(m, e, v); err != nil {
				return err
			}
		}
	}
	for _, c := range create {
		if !w.takes(c.start+w.size, now) {
			continue
		}
		if c.start <= t {
			c.value = a.fns.add(c.value, v)
		}
		if err := a.store.updated(a.store.insert(k, c.start, c.start+w.size, c.value, c.time)); err != nil {
			return err
		}
	}
	return nil
}

// around is the windows of a key that an element at t can belong to or take an aggregate from, the earliest first.
func (a *aggregation[K, T, A]) around(k K, t int64) (around []*entry[K, A]) {
	for _, e := range a.store.of(k) {
		if e.start >= t-2*a.store.window.size && e.start <= t+1 {
			around = append(around, e)
		}
	}
	return around
}

// fresh is a sliding window that comes about, as it is before the element is added.
type fresh[A any] struct {
	start int64
	value A
	time  int64
}

// missing is the windows that come about with an element at t: the one behind the element before, the one that ends at
// t and the one behind t.
func (a *aggregation[K, T, A]) missing(around []*entry[K, A], t int64) (create []fresh[A], err error) {
	d := a.store.window.size
	var before, behind *entry[K, A] // the last one that ends before t, the last one that t is in but does not end
	previous, hasPrevious, hasLeft, hasRight := int64(0), false, false, false
	starts := map[int64]bool{}
	for _, e := range around {
		starts[e.start] = true
		switch {
		case e.end < t:
			before, previous, hasPrevious = e, e.time, true
		case e.end == t:
			hasLeft = true
			if e.time < t {
				previous, hasPrevious = e.time, true
			}
		case e.start <= t:
			behind = e
		default:
			hasRight = true
		}
	}
	if hasPrevious && !starts[previous+1] && previous+1+d >= t {
		create = append(create, fresh[A]{previous + 1, a.fns.init(), t})
		hasLeft = hasLeft || previous+1 == t-d // it is the same window
	}
	if !hasLeft {
		value := a.fns.init()
		if before != nil && previous >= t-d {
			if value, err = a.store.duplicate(before); err != nil {
				return nil, err
			}
		}
		create = append(create, fresh[A]{t - d, value, t})
	}
	if !hasRight && behind != nil && behind.time > t {
		value, err := a.store.duplicate(behind)
		if err != nil {
			return nil, err
		}
		create = append(create, fresh[A]{t + 1, value, behind.time})
	}
	return create, nil
}
