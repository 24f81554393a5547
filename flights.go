package kafka

import (
	"context"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
)

// flights are the messages of Parallel that cannot be committed yet, per partition in order.
type flights struct {
	reader *reader
	slots  chan struct{} // one taken by each message in flight
	wake   chan struct{} // signals the committer that there is something to commit

	mu      sync.Mutex
	settled sync.Cond // a partition has nothing running any more
	sources map[*source]*flight
}

// flight is one partition's.
type flight struct {
	tasks     []*task // the first is the first that is not done
	running   int     // handed out and not settled
	begun     int64   // the highest offset that a handler was called with
	next      int64   // everything below is processed; -1 when nothing is
	committed int64
	closed    bool // given up: nothing is added any more
}

// task is a message in flight, or stands for records that are done without a handler.
type task struct {
	flight  *flight
	message *Message
	offset  int64
	done    bool
	slot    bool
}

func (f *flights) init(r *reader, slots int) {
	f.reader, f.slots, f.wake = r, make(chan struct{}, slots), make(chan struct{}, 1)
	f.settled.L, f.sources = &f.mu, map[*source]*flight{}
}

// add puts a message behind the others of its partition, when there is a slot for it. It returns nil when ctx ends first,
// or the partition was given up.
func (f *flights) add(ctx context.Context, m *Message) *task {
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.flight(m.source)
	if p.closed {
		<-f.slots
		return nil
	}
	t := &task{flight: p, message: m, offset: m.Offset, slot: true}
	p.tasks = append(p.tasks, t)
	p.running++
	return t
}

// skip accounts for a record that is done without a handler.
func (f *flights) skip(m *Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.flight(m.source)
	if n := len(p.tasks); n > 0 && !p.tasks[n-1].slot {
		p.tasks[n-1].offset = m.Offset
		return
	}
	p.tasks = append(p.tasks, &task{flight: p, message: m, offset: m.Offset, done: true})
	f.pop(p)
}

// flight returns a partition's flight, made if there is none. The caller holds mu.
func (f *flights) flight(s *source) *flight {
	p := f.sources[s]
	if p == nil {
		for old := range f.sources {
			if old.gone.Load() {
				delete(f.sources, old)
			}
		}
		p = &flight{begun: -1, next: -1, committed: -1, closed: s.gone.Load()}
		f.sources[s] = p
	}
	return p
}

// settle says what became of a task.
func (f *flights) settle(t *task, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := t.flight
	t.done = done
	if p.running--; p.running == 0 {
		f.settled.Broadcast()
	}
	f.pop(p)
}

// begin reports whether a task may run. When the end is near, because the partition is given up or ending is true, only
// those before the last that has begun may: they let it be committed.
func (f *flights) begin(t *task, ending bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := t.flight
	if ending || p.closed {
		return t.offset < p.begun
	}
	p.begun = max(p.begun, t.offset)
	return true
}

// pop takes what is done from the front of a partition. The caller holds mu.
func (f *flights) pop(p *flight) {
	for len(p.tasks) > 0 && p.tasks[0].done {
		p.next = p.tasks[0].offset + 1
		f.free(p.tasks[0])
		p.tasks = p.tasks[1:]
	}
	if p.next > p.committed {
		signal(f.wake)
	}
}

func (f *flights) free(t *task) {
	if t.slot {
		<-f.slots
	}
}

// commit commits what is done. What the group refuses comes again elsewhere.
func (f *flights) commit(ctx context.Context) error {
	if f.reader.config.Group == "" {
		return nil
	}
	next := map[*source]int64{}
	f.mu.Lock()
	for s, p := range f.sources {
		if p.next > p.committed && !s.gone.Load() {
			next[s] = p.next
		}
	}
	f.mu.Unlock()
	_, err := f.reader.commitHeld(ctx, next)
	if err == nil {
		f.committed(next)
		return nil
	}
	if !refused(err) {
		return err
	}
	for s, offset := range next { // one that was given up meanwhile must not keep the others back
		one := map[*source]int64{s: offset}
		if _, err := f.reader.commitHeld(ctx, one); err == nil {
			f.committed(one)
		} else if !refused(err) {
			return err
		}
	}
	return nil
}

// committed notes what needs no further commit, also of partitions that were given up.
func (f *flights) committed(next map[*source]int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s, offset := range next {
		if p := f.sources[s]; p != nil {
			p.committed = max(p.committed, offset)
		}
	}
}

// release waits for what runs of partitions that are about to be given up, and commits it.
func (f *flights) release(ctx context.Context, tps []engine.TopicPartition) {
	f.mu.Lock()
	for _, p := range f.of(tps) {
		p.closed = true
		for p.running > 0 {
			f.settled.Wait()
		}
	}
	f.mu.Unlock()
	if err := f.commit(ctx); err != nil {
		f.reader.client.config.Logger.Warn("commit before partitions are given up", "group", f.reader.config.Group, "err", err)
	}
	f.forget(tps)
}

// forget drops partitions that are gone. What still runs of them is not committed.
func (f *flights) forget(tps []engine.TopicPartition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.of(tps) {
		p.closed = true
		for _, t := range p.tasks {
			f.free(t)
		}
		p.tasks, p.committed = nil, p.next
	}
}

// of lists the flights of partitions that are held now. The caller holds mu.
func (f *flights) of(tps []engine.TopicPartition) (list []*flight) {
	for s, p := range f.sources {
		for _, tp := range tps {
			if s.tp == tp && !s.gone.Load() {
				list = append(list, p)
			}
		}
	}
	return list
}

// unprocessed are the first messages of partitions that are not done.
func (f *flights) unprocessed() (ms []*Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s, p := range f.sources {
		if len(p.tasks) > 0 && !s.gone.Load() {
			ms = append(ms, p.tasks[0].message)
		}
	}
	return ms
}
