package stream

import (
	"encoding/binary"
	"fmt"
)

// joiner is the operator of a join of two streams.
type joiner[L, R any] struct {
	task         *Task
	env          *Env
	place        *placed
	kind         joinKind
	on           Cond[L, R]
	reach, grace int64 // in milliseconds
	left         *side[L]
	right        *side[R]
	out          push[JoinResult[L, R]]
}

func (j *joiner[L, R]) fromLeft(m *meta, v L) error {
	if j.closesAt(m.time) <= j.task.now(j.place) {
		return j.task.late(j.env, m, v)
	}
	key, matched := j.on.left(m, v), false
	for _, o := range j.right.within(key, m.time-j.reach, m.time+j.reach) {
		if j.on.matches != nil && !j.on.matches(v, o.value) {
			continue
		}
		matched = true
		j.right.match(j.task, o)
		if err := j.emit(m, m.key, max(m.time, o.time), JoinResult[L, R]{v, o.value, true, true}); err != nil {
			return err
		}
	}
	j.left.add(j.task, key, m, v, matched)
	return nil
}

func (j *joiner[L, R]) fromRight(m *meta, v R) error {
	if j.closesAt(m.time) <= j.task.now(j.place) {
		return j.task.late(j.env, m, v)
	}
	key, matched := j.on.right(m, v), false
	for _, o := range j.left.within(key, m.time-j.reach, m.time+j.reach) {
		if j.on.matches != nil && !j.on.matches(o.value, v) {
			continue
		}
		matched = true
		j.left.match(j.task, o)
		if err := j.emit(m, o.key, max(m.time, o.time), JoinResult[L, R]{o.value, v, true, true}); err != nil {
			return err
		}
	}
	j.right.add(j.task, key, m, v, matched)
	return nil
}

func (j *joiner[L, R]) emit(from *meta, key []byte, time int64, r JoinResult[L, R]) error {
	m := meta{tp: from.tp, offset: from.offset, time: time, key: key}
	return j.out(&m, r)
}

// closesAt is the stream time at which an element can find no further match.
func (j *joiner[L, R]) closesAt(time int64) int64 { return time + j.reach + j.grace + 1 }

// nextClose implements operator.
func (j *joiner[L, R]) nextClose() (int64, bool) {
	l, hasLeft := j.left.oldest()
	r, hasRight := j.right.oldest()
	switch {
	case hasLeft && hasRight:
		return j.closesAt(min(l, r)), true
	case hasLeft:
		return j.closesAt(l), true
	}
	return j.closesAt(r), hasRight
}

// close implements operator.
func (j *joiner[L, R]) close(time int64) error {
	for {
		at, ok := j.nextClose()
		if !ok || at > time {
			return nil
		}
		var none meta
		if l, ok := j.left.oldest(); ok && j.closesAt(l) == at {
			if o := j.left.pop(j.task); j.left.outer && !o.matched {
				if err := j.emit(&none, o.key, o.time, JoinResult[L, R]{Left: o.value, HasLeft: true}); err != nil {
					return err
				}
			}
			continue
		}
		if o := j.right.pop(j.task); j.right.outer && !o.matched {
			if err := j.emit(&none, o.key, o.time, JoinResult[L, R]{Right: o.value, HasRight: true}); err != nil {
				return err
			}
		}
	}
}

// The sides in the keys of the changelog.
const (
	leftSide  = 'l'
	rightSide = 'r'
)

// flush implements operator.
func (j *joiner[L, R]) flush(write func(key, value []byte)) error {
	if err := j.left.flush(leftSide, write); err != nil {
		return err
	}
	return j.right.flush(rightSide, write)
}

// restore implements operator.
func (j *joiner[L, R]) restore(key, value []byte) error {
	if len(key) != 9 {
		return fmt.Errorf("a changelog key of a join has %d bytes, not 9", len(key))
	}
	serial := binary.BigEndian.Uint64(key[1:])
	if key[0] == leftSide {
		return j.left.restore(serial, value)
	}
	return j.right.restore(serial, value)
}

// restored implements operator.
func (j *joiner[L, R]) restored(int64) {
	j.left.restored(j.on.left)
	j.right.restored(j.on.right)
}
