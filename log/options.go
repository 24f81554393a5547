package log

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// Config is what may change while a log is open.
type Config struct {
	SegmentBytes    int64         // a segment is rolled before it would exceed this
	SegmentAge      time.Duration // and once its first record is this old; 0 is never
	Retention       time.Duration // since a record was appended; 0 or less keeps forever
	RetentionBytes  int64         // 0 or less is no bound
	Compact         bool          // keep the last record of each key
	Delete          bool          // apply Retention and RetentionBytes
	DeleteRetention time.Duration // how long compaction keeps tombstones
}

// Options opens a log.
type Options struct {
	FS        vfs.FS    // the data directory
	Pool      *vfs.Pool // of open files in it
	Dir       string    // of the partition, relative to the data directory
	Topic     string    // for errors
	Partition int
	ID        []byte // identity of the partition: files of another one do not fit
	Epoch     int32  // incarnation of the data directory; never lower than at an earlier opening
	Config    Config
	Clock     clock.Clock
	Logger    *slog.Logger
	// ReleaseSpace frees some reserved room on a full disk. It reports whether there was any.
	ReleaseSpace func() bool
	Fsyncs       *atomic.Int64 // counts them; may be nil
}

// Defaults of Config.
const (
	DefaultSegmentBytes    = 64 << 20
	DefaultSegmentAge      = 7 * 24 * time.Hour
	DefaultDeleteRetention = 24 * time.Hour
)

func (c Config) withDefaults() Config {
	if c.SegmentBytes <= 0 {
		c.SegmentBytes = DefaultSegmentBytes
	}
	c.SegmentBytes = min(c.SegmentBytes, 1<<31-1) // positions in an index have 32 bits
	if c.DeleteRetention <= 0 {
		c.DeleteRetention = DefaultDeleteRetention
	}
	return c
}
