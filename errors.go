package kafka

import "github.com/dot-do/kafka-embedded/engine"

// Code names a kind of error. It is an error itself: errors.Is(err, kafka.ErrTopicNotFound).
type Code = engine.Code

// Error is what operations return: what kind, where, whether trying again can help, and the cause.
type Error = engine.Error

// CorruptionError says where bytes were found that are not what was written. It matches [ErrCorrupt].
type CorruptionError = engine.CorruptionError

// The codes. ErrNotLeader, ErrGroupCoordinator and ErrDisconnected come from clusters only.
const (
	// ErrTopicNotFound: there is no such topic, and making it by use is off, or it was deleted.
	ErrTopicNotFound = engine.ErrTopicNotFound
	// ErrPartitionNotFound: the topic has fewer partitions.
	ErrPartitionNotFound = engine.ErrPartitionNotFound
	// ErrMessageTooLarge: a record exceeds the topic's MaxMessageBytes.
	ErrMessageTooLarge = engine.ErrMessageTooLarge
	// ErrNotLeader: the broker asked does not lead the partition now.
	ErrNotLeader = engine.ErrNotLeader
	// ErrOffsetOutOfRange: the offset lies before the start or beyond the end of the partition.
	ErrOffsetOutOfRange = engine.ErrOffsetOutOfRange
	// ErrGroupCoordinator: the group's coordinator cannot be reached.
	ErrGroupCoordinator = engine.ErrGroupCoordinator
	// ErrRebalanceInProgress: the partition is on its way to another member; its records come again there.
	ErrRebalanceInProgress = engine.ErrRebalanceInProgress
	// ErrUnauthorized: credentials are refused, or the data directory may not be read or written.
	ErrUnauthorized = engine.ErrUnauthorized
	// ErrQuotaExceeded: a bound on bytes or on the number of things is reached.
	ErrQuotaExceeded = engine.ErrQuotaExceeded
	// ErrTimeout: it took longer than allowed. It matches [context.DeadlineExceeded] too.
	ErrTimeout = engine.ErrTimeout
	// ErrDisconnected: no broker can be reached.
	ErrDisconnected = engine.ErrDisconnected
	// ErrSerialization: a value cannot be encoded or decoded with the topic's codec.
	ErrSerialization = engine.ErrSerialization
	// ErrClosed: the client, producer or consumer was closed.
	ErrClosed = engine.ErrClosed
	// ErrTopicExists: a topic of this name is there already.
	ErrTopicExists = engine.ErrTopicExists
	// ErrGroupNotFound: there is no such group.
	ErrGroupNotFound = engine.ErrGroupNotFound
	// ErrGroupNotEmpty: the group has live members; close them first.
	ErrGroupNotEmpty = engine.ErrGroupNotEmpty
	// ErrFenced: another holder of the same name has taken over.
	ErrFenced = engine.ErrFenced
	// ErrOutOfOrderSequence: an idempotent producer skipped a batch.
	ErrOutOfOrderSequence = engine.ErrOutOfOrderSequence
	// ErrCorrupt: bytes on disk are not what was written; see [CorruptionError].
	ErrCorrupt = engine.ErrCorrupt
	// ErrLocked: another process has the directory open.
	ErrLocked = engine.ErrLocked
	// ErrDiskFull: there is no room; it matches syscall.ENOSPC. Reads go on, and sends resume once there is room.
	ErrDiskFull = engine.ErrDiskFull
	// ErrReadOnly: the partition is damaged and takes no records until it is repaired.
	ErrReadOnly = engine.ErrReadOnly
	// ErrIO: the operating system refused to read or write.
	ErrIO = engine.ErrIO
	// ErrInvalidArgument: the call cannot be right; the message says why.
	ErrInvalidArgument = engine.ErrInvalidArgument
)

// IsRetriable reports whether the same call may succeed later without a change.
func IsRetriable(err error) bool { return engine.IsRetriable(err) }
