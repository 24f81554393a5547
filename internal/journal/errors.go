package journal

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var errClosed = engine.Errorf(engine.ErrClosed, "journal is closed")

// ErrUncertain is part of an error for want of room after which the next Open may find the unit that failed. After any
// other error for want of room it does not, unless the unit is visible: then its fsync failed.
var ErrUncertain = errors.New("it is not known which generation is the live one")

// wrap gives an error of the file system its code.
func wrap(err error) error {
	var known *engine.Error
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, engine.ErrCorrupt):
		return err
	case vfs.IsNoSpace(err):
		return engine.Errorf(engine.ErrDiskFull, "journal: %w", noSpace{err})
	case errors.Is(err, fs.ErrPermission):
		return engine.Errorf(engine.ErrUnauthorized, "journal: %w", err)
	default:
		return engine.Errorf(engine.ErrIO, "journal: %w", err)
	}
}

// noSpace makes every error for want of room match ENOSPC: a quota, a limit of file size, Windows' own numbers.
type noSpace struct{ error }

func (e noSpace) Unwrap() error { return e.error }

func (e noSpace) Is(target error) bool { return target == syscall.ENOSPC }
