package record

import (
	"errors"
	"fmt"
)

var (
	// ErrShort says that the bytes end before the batch, or before it can be told where the batch ends. More bytes
	// may make it whole.
	ErrShort = errors.New("record: batch is not complete")
	// ErrEnd says that a length of zero stands where a batch would start: the end of what was written into a file
	// that has been grown ahead. Whether the end belongs there is for the caller to judge.
	ErrEnd = errors.New("record: end of written batches")
	// ErrInvalid says that bytes are not a batch of format version 2. The error that matches it is a [*FieldError].
	ErrInvalid = errors.New("record: invalid batch")
	// ErrTooLarge says that a batch would exceed the format's 2^31-1 bytes, or the output of a decompression its bound.
	ErrTooLarge = errors.New("record: batch is too large")
	// ErrEmpty says that a batch was finished without a record and without [Builder.SetLastOffsetDelta].
	ErrEmpty = errors.New("record: batch has no records")
)

// FieldError says which field of a batch is wrong and why. It matches [ErrInvalid]. It never holds keys or values.
type FieldError struct {
	Field  string // as in the format, such as "record count"
	Record int    // which record of the batch, counted from 0, or -1 for the header
	Reason string
}

func (e *FieldError) Error() string {
	if e.Record >= 0 {
		return fmt.Sprintf("record: invalid batch: record %d: %s: %s", e.Record, e.Field, e.Reason)
	}
	return fmt.Sprintf("record: invalid batch: %s: %s", e.Field, e.Reason)
}

// Is matches [ErrInvalid].
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

// fieldErrorf blames a field of the header.
func fieldErrorf(field, format string, args ...any) error {
	return &FieldError{Field: field, Record: -1, Reason: fmt.Sprintf(format, args...)}
}
