package local

import (
	"sync"
	"sync/atomic"
)

// calls counts the calls under way, so that closing can wait for them. A call may be made from within another: a lock
// held for reading would block it for ever when somebody waits to close.
type calls struct {
	n    atomic.Int64 // calls under way, less closing once closed
	idle chan struct{}
	once sync.Once // a call that is refused finds the count at zero again
}

const closing = 1 << 32

// enter begins a call. It reports false when closed.
func (c *calls) enter() bool {
	if c.n.Add(1) > 0 {
		return true
	}
	c.leave()
	return false
}

func (c *calls) leave() {
	if c.n.Add(-1) == -closing {
		c.once.Do(func() { close(c.idle) })
	}
}

// close refuses further calls and waits for those under way. It may be called once.
func (c *calls) close() {
	if c.n.Add(-closing) == -closing {
		c.once.Do(func() { close(c.idle) })
	}
	<-c.idle
}
