package log

import (
	"errors"
	"fmt"

	"github.com/dot-do/kafka-embedded/engine"
)

func (l *Log) errorf(code engine.Code, format string, args ...any) error {
	return engine.Errorf(code, format, args...).At(l.opts.Topic, l.opts.Partition)
}

// ioError dresses an error of the file system.
func (l *Log) ioError(err error, doing string) error {
	var e *engine.Error
	if errors.As(err, &e) {
		return err
	}
	if noRoom(err) {
		return l.errorf(engine.ErrDiskFull, "%s: %w; make room, then try again: nothing is lost and reads go on", doing, err)
	}
	return l.errorf(engine.ErrIO, "%s: %w", doing, err)
}

// fail makes the partition refuse appends until it is opened again. The caller holds mu.
func (l *Log) fail(err error, doing string) error {
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if l.failed == nil {
		l.failed = l.errorf(engine.ErrIO,
			"%w; the outcome of the sends under way is unknown and the partition takes no more until it is reopened", wrapped)
		l.opts.Logger.Error("partition closed for appends", "dir", l.opts.Dir, "err", err)
	}
	return l.failed
}
