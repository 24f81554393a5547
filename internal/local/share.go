package local

import (
	"reflect"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// shared is a directory that several clients of the process may have open.
type shared struct {
	key  string
	refs int // who has it open, or is about to; guarded by sharedMu

	mu      sync.Mutex // held while it is opened and closed, which takes time
	core    *core      // nil while it is not open
	options engine.Options
}

var (
	sharedMu sync.Mutex
	opened   = map[string]*shared{}
)

// share returns a hold on the core that is open under key, or opens it. Options that contradict those of the first
// opener are refused.
func share(key string, o engine.Options, open func() (*core, error)) (engine.Engine, error) {
	s := hold(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(o, open); err != nil {
		_ = s.letGo()
		return nil, err
	}
	return newEngine(s.core, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.letGo()
	}), nil
}

// hold makes sure that there is one shared for a key until it is let go.
func hold(key string) *shared {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	s := opened[key]
	if s == nil {
		s = &shared{key: key}
		opened[key] = s
	}
	s.refs++
	return s
}

// open opens the core if it is not open. The caller holds mu.
func (s *shared) open(o engine.Options, open func() (*core, error)) (err error) {
	if s.core == nil {
		s.core, err = open()
		s.options = o
		return err
	}
	if what := contradiction(s.options, o); what != "" {
		return engine.Errorf(engine.ErrInvalidArgument,
			"%s is open in this process with another %s; use the same options, or close it first", s.key, what)
	}
	return nil
}

// letGo ends a hold; the last one closes the core. The caller holds mu.
func (s *shared) letGo() (err error) {
	sharedMu.Lock()
	s.refs--
	last := s.refs == 0
	sharedMu.Unlock()
	if !last {
		return nil
	}
	if s.core != nil {
		err = s.core.shut()
		s.core = nil
	}
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if s.refs == 0 { // nobody came meanwhile, to wait for mu
		delete(opened, s.key)
	}
	return err
}

func contradiction(a, b engine.Options) string {
	switch {
	case a.DefaultPartitions != b.DefaultPartitions:
		return "default number of partitions"
	case a.Codec != b.Codec:
		return "codec"
	case a.Quota != b.Quota:
		return "quota"
	case a.FlushInterval != b.FlushInterval:
		return "flush interval"
	case !sameClock(a.Clock, b.Clock):
		return "clock"
	}
	return ""
}

// sameClock compares clocks, also those of a type that == would panic for.
func sameClock(a, b clock.Clock) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.IsValid() && !x.Comparable() || y.IsValid() && !y.Comparable() {
		return false
	}
	return a == b
}
