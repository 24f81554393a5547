package local

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/dot-do/kafka-embedded/engine"
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

// again begins a call within another, which goes on also when closed.
func (c *calls) again() { c.n.Add(1) }

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

// callback marks the context that is given to a callback, so that calls which it makes with it are part of the call
// that it is made from: finished work can be committed while the engine waits to be closed.
type callback struct {
	e    *Engine
	over atomic.Bool
}

type callbackKey struct{}

// callBack calls fn with a context from which calls may be made.
func (e *Engine) callBack(ctx context.Context, fn func(context.Context)) {
	c := &callback{e: e}
	defer c.over.Store(true)
	fn(context.WithValue(ctx, callbackKey{}, c))
}

// enter keeps the engine open until leave.
func (e *Engine) enter(ctx context.Context) error {
	if e.calls.enter() {
		return nil
	}
	if c, ok := ctx.Value(callbackKey{}).(*callback); ok && c.e == e && !c.over.Load() {
		e.calls.again()
		return nil
	}
	return errClosed()
}

func (e *Engine) leave() { e.calls.leave() }

func errClosed() error {
	return engine.Errorf(engine.ErrClosed, "the client is closed; open a new one")
}

// call runs a verb while the engine is open.
func (e *Engine) call(ctx context.Context, verb func() error) error {
	if err := ctx.Err(); err != nil {
		return ctxError(err)
	}
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.leave()
	return verb()
}
