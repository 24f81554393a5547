package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Code names a kind of error. A Code is itself an error, so that it serves both a switch on [Error.Code] and
// errors.Is(err, code).
type Code string

// Error returns the code in words.
func (c Code) Error() string { return "kafka: " + strings.ReplaceAll(string(c), "_", " ") }

// The codes. Those marked "cluster" are never raised by the embedded engine.
const (
	ErrTopicNotFound       Code = "topic_not_found"
	ErrPartitionNotFound   Code = "partition_not_found"
	ErrMessageTooLarge     Code = "message_too_large"
	ErrNotLeader           Code = "not_leader" // cluster
	ErrOffsetOutOfRange    Code = "offset_out_of_range"
	ErrGroupCoordinator    Code = "group_coordinator" // cluster
	ErrRebalanceInProgress Code = "rebalance_in_progress"
	ErrUnauthorized        Code = "unauthorized"
	ErrQuotaExceeded       Code = "quota_exceeded"
	ErrTimeout             Code = "timeout"      // also matches context.DeadlineExceeded
	ErrDisconnected        Code = "disconnected" // cluster
	ErrSerialization       Code = "serialization"
	ErrClosed              Code = "closed"
	ErrTopicExists         Code = "topic_exists"
	ErrGroupNotFound       Code = "group_not_found"
	ErrGroupNotEmpty       Code = "group_not_empty"
	ErrFenced              Code = "fenced"
	ErrOutOfOrderSequence  Code = "out_of_order_sequence"
	ErrCorrupt             Code = "corrupt"
	ErrLocked              Code = "locked"
	ErrDiskFull            Code = "disk_full"
	ErrReadOnly            Code = "read_only"
	ErrIO                  Code = "io"
	ErrInvalidArgument     Code = "invalid_argument"
)

// ErrOtherCodec is the cause of an [ErrSerialization] when values are encoded with another codec than the topic's: it was
// made anew since the producer looked.
var ErrOtherCodec = errors.New("the topic has another codec")

// Error is the error that every operation of the library returns: what kind, where, whether trying again can help,
// and the cause. Messages carry places and sizes, never keys or values.
type Error struct {
	Code      Code
	Message   string // what happened and what to do about it
	Retriable bool   // the same call may succeed later without a change
	Topic     string // empty when no topic is concerned
	Partition int    // -1 when no partition is concerned
	Err       error  // the cause, or nil
}

// Errorf makes an Error without a place. What stands for %w in the format becomes the cause.
func Errorf(code Code, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	cause := errors.Unwrap(wrapped)
	if _, several := wrapped.(interface{ Unwrap() []error }); several {
		cause = wrapped
	}
	return &Error{Code: code, Message: wrapped.Error(), Partition: -1, Err: cause, Retriable: retriable(code)}
}

// At returns a copy of e with its place.
func (e *Error) At(topic string, partition int) *Error {
	c := *e
	c.Topic, c.Partition = topic, partition
	return &c
}

func (e *Error) Error() string {
	place := e.Topic
	if e.Topic != "" && e.Partition >= 0 {
		place = fmt.Sprintf("%s-%d", e.Topic, e.Partition)
	}
	if place != "" {
		place = " (" + place + ")"
	}
	if e.Message == "" {
		return e.Code.Error() + place
	}
	return e.Code.Error() + place + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the error's code; ErrTimeout also matches [context.DeadlineExceeded], and ErrDiskFull [syscall.ENOSPC],
// whatever the operating system calls it.
func (e *Error) Is(target error) bool {
	if c, ok := target.(Code); ok {
		return c == e.Code
	}
	return e.Code == ErrTimeout && target == context.DeadlineExceeded || e.Code == ErrDiskFull && target == syscall.ENOSPC
}

// retriable says which codes may go away by themselves.
func retriable(c Code) bool {
	switch c {
	case ErrNotLeader, ErrGroupCoordinator, ErrRebalanceInProgress, ErrTimeout, ErrDisconnected, ErrDiskFull:
		return true
	}
	return false
}

// IsRetriable reports whether the same call may succeed later without a change.
func IsRetriable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Retriable
	}
	var c Code
	return errors.As(err, &c) && retriable(c)
}

// CorruptionError says where bytes were found that are not what was written. It matches [ErrCorrupt]. Nothing has been
// changed on disk; offsets before First and from Next on can still be read.
type CorruptionError struct {
	File     string // relative to the data directory
	Position int64  // of the first bad byte's batch, record or entry in the file
	First    int64  // first offset that cannot be read; -1 when the file does not hold offsets
	Next     int64  // first offset after the damage; -1 when not known
	Reason   string
}

func (e *CorruptionError) Error() string {
	s := fmt.Sprintf("kafka: corrupt: %s at %d: %s", e.File, e.Position, e.Reason)
	if e.First >= 0 && e.Next >= 0 {
		s += fmt.Sprintf(" (offsets %d to %d)", e.First, e.Next-1)
	}
	return s
}

// Is matches [ErrCorrupt].
func (e *CorruptionError) Is(target error) bool { return target == ErrCorrupt }
