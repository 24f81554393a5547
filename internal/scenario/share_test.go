package scenario

import (
	"context"
	"errors"
	"slices"
	"sync"

	kafka "github.com/dot-do/kafka-embedded"
)

// sharing is members of a group that read a topic at the same time.
type sharing struct {
	p  *player
	op op

	mu  sync.Mutex
	out *outcome
}

// share lets a member read, and commit by itself. When it has its first message the others join, which takes partitions from
// it with finished work that is not committed yet; they commit each message. At its nth message the first member leaves, in
// the middle of it. When all have come to the end, one more reads what is left.
func (p *player) share(ctx context.Context, o op, out *outcome) {
	s := &sharing{p: p, op: o, out: out}
	var work sync.WaitGroup
	begin := sync.OnceFunc(func() {
		for range o.Members - 1 {
			k := s.member()
			// There is no such partition, but it joins the group.
			if err := k.Seek(ctx, o.Topic, 1<<20, 0); !errors.Is(err, kafka.ErrInvalidArgument) {
				s.fail(err)
			}
			work.Go(func() { s.readAll(ctx, k) })
		}
	})
	first := s.member(kafka.WithAutoCommit(true), kafka.WithMaxPollRecords(1))
	n := 0
	for m := range first.Messages(ctx) {
		n++
		s.note(m, n == o.N)
		begin()
		if n == o.N {
			break
		}
	}
	s.end(first)
	begin()
	work.Wait()
	s.readAll(ctx, s.member())
}

func (s *sharing) member(opts ...kafka.ConsumerOption) *kafka.Consumer {
	return s.p.client.Consumer(s.op.Topic, s.op.Group, append(opts, kafka.WithUntilEnd())...)
}

// readAll reads to the end and commits each message.
func (s *sharing) readAll(ctx context.Context, k *kafka.Consumer) {
	for m := range k.Messages(ctx) {
		s.note(m, false)
		if err := m.Commit(ctx); err != nil {
			s.fail(err)
			break
		}
	}
	s.end(k)
}

func (s *sharing) end(k *kafka.Consumer) {
	s.fail(k.Err())
	s.fail(k.Close())
}

// note keeps what a member was given. Those of a partition are in the order in which they were given out, because whoever
// reads it next begins after the member before has taken note.
func (s *sharing) note(m *kafka.Message, again bool) {
	g := incoming(m)
	g.Again = again
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Got = append(s.out.Got, g)
}

func (s *sharing) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.fail(err)
}

// share judges that together the members were given each message once, in order, but for the one at which one left.
func (m *model) share(v verb) *step {
	t, g := m.usable(v.args[0]), v.args[1]
	if t == nil || t.fed != "" || m.taken(g) {
		return nil
	}
	for _, p := range t.parts {
		c := t.group(g, p.number)
		c.tried = append(c.tried, anywhere)
	}
	o := op{Do: "share", Topic: t.name, Group: g, Members: v.number("members", 2), N: v.number("n", 1)}
	return &step{op: o, failed: func(outcome) {}, end: func(out outcome) (*step, error) {
		for _, p := range t.parts {
			c := t.group(g, p.number)
			c.tried = c.tried[:len(c.tried)-1]
		}
		finished := slices.DeleteFunc(out.Got, func(r got) bool { return r.Again })
		if m.shaken {
			finished = withoutRepeats(finished)
		}
		next, err := m.consumed(t, g, finished, len(finished)+1)
		if err != nil {
			return nil, err
		}
		for partition, offset := range next {
			c := t.group(g, partition)
			c.acked, c.tried = max(c.acked, offset), nil
		}
		return nil, nil
	}}
}

// withoutRepeats leaves out what came again: a commit that fails when a partition is given up has nobody to tell but the
// log of the client.
func withoutRepeats(read []got) []got {
	last := map[int]int64{}
	return slices.DeleteFunc(read, func(r got) bool {
		offset, ok := last[r.Partition]
		if ok && r.Offset <= offset {
			return true
		}
		last[r.Partition] = r.Offset
		return false
	})
}
