package forward

import (
	"context"
	"maps"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry"
)

// State is what a [Forwarder] does.
type State int8

// The states.
const (
	Stopped    State = iota // Run does not run
	Connecting              // it asks the target where it was
	Forwarding              // it sends, or has nothing to send
	Waiting                 // something failed; it tries again later
)

func (s State) String() string {
	return [...]string{"stopped", "connecting", "forwarding", "waiting"}[s]
}

// Stats are figures of a [Forwarder].
type Stats struct {
	State    State
	Records  int64     // forwarded since New
	Bytes    int64     // of their keys, values and headers
	LastSent time.Time // when records were forwarded last; zero is never
	// Lag is how many offsets there are from what was forwarded to the ends of the local partitions: records, and gaps of
	// transactions and compaction.
	Lag int64
	// Dropped is how many records were never forwarded, and will not be: they were too old, or deleted before. It counts on
	// over restarts. Of deleted ones gaps in the offsets count, too.
	Dropped int64
	// Full says that the local topics are beyond MaxDisk, and that nothing more may be deleted.
	Full        bool
	ExactlyOnce bool      // the target has transactions, as far as is known
	Failures    int       // attempts since something worked
	Err         error     // why the last attempt failed, or Run ended; nil once something worked
	ErrAt       time.Time // and when
}

// Stats says how it goes. Lag and Dropped are as of now; before the target was reached for the first time they are what
// the copy of the positions beside the data says.
func (f *Forwarder) Stats() Stats {
	f.mu.Lock()
	s, marks := f.stats, maps.Clone(f.marks)
	f.mu.Unlock()
	for _, name := range f.topics {
		info, err := f.local.DescribeTopic(context.Background(), name)
		if err != nil {
			continue // its state tells
		}
		for _, p := range info.Partitions {
			m := marks[engine.TopicPartition{Topic: name, Partition: p.Partition}]
			s.Lag += max(p.LastStable-max(m.next, p.Start), 0)
			s.Dropped += m.skipped + max(p.Start-m.next, 0)
		}
	}
	return s
}

func (f *Forwarder) setState(s State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.State = s
}

// connected takes over what the target knows.
func (f *Forwarder) connected(c *carry.Carrier) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.State, f.stats.ExactlyOnce = Forwarding, c.ExactlyOnce()
	f.learn(c)
}

// learn takes over the positions. The caller holds mu.
func (f *Forwarder) learn(c *carry.Carrier) {
	for tp, p := range c.Positions() {
		f.marks[tp] = mark{next: p.Next, skipped: p.Skipped}
	}
}

// worked notes that the target is as it should be, and what was sent.
func (f *Forwarder) worked(c *carry.Carrier, sent carry.Sent) {
	f.backoff.Reset()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Records += sent.Records
	f.stats.Bytes += sent.Bytes
	if sent.Records > 0 {
		f.stats.LastSent = f.clock.Now()
	}
	f.stats.Failures, f.stats.Err = 0, nil
	f.learn(c)
}

func (f *Forwarder) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.State, f.stats.Err, f.stats.ErrAt = Waiting, err, f.clock.Now()
	f.stats.Failures++
}

func (f *Forwarder) stopped(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.State = Stopped
	if err != nil {
		f.stats.Err, f.stats.ErrAt = err, f.clock.Now()
	}
}
