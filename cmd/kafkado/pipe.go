package main

import (
	"context"
	"errors"
	"io"
	"syscall"
)

// isBroken reports whether an error says that nobody reads the output any more, as when it is piped into head. That is no
// failure: what was wanted was read.
func isBroken(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) || isBrokenHere(err)
}

// interruptible is input whose Read returns when ctx ends, also while it waits for somebody to type. What is read after
// that is lost.
type interruptible struct {
	ctx context.Context
	in  io.Reader
	buf []byte // of the Read under way
}

type readResult struct {
	n   int
	err error
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if len(r.buf) < len(p) {
		r.buf = make([]byte, len(p))
	}
	done := make(chan readResult, 1)
	go func(buf []byte) {
		n, err := r.in.Read(buf)
		done <- readResult{n, err}
	}(r.buf[:len(p)])
	select {
	case got := <-done:
		return copy(p, r.buf[:got.n]), got.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}
