package log

import (
	"errors"
	"time"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/segment"
)

// producerExpiry is how long a silent producer id without a name is remembered, and with it how long a retry of its last
// batches is recognised.
const producerExpiry = 7 * 24 * time.Hour

// Maintain does what time asks for: it rolls an old segment, applies retention and forgets silent producers. It is to
// be called now and then; a full disk does not stop it from making room.
func (l *Log) Maintain() error {
	now := l.opts.Clock.Now()
	c := l.config.Load()
	if err := l.rollOld(c, now.UnixMilli()); err != nil {
		return err
	}
	l.expireProducers(now.Add(-producerExpiry).UnixMilli())
	if err := l.shrinkManifest(); err != nil {
		return err
	}
	if !c.Delete {
		return nil
	}
	start := l.retained(c, now.UnixMilli())
	if start <= l.Start() {
		return nil
	}
	return l.DeleteRecords(start)
}

// rollOld rolls the active segment when it is older than configured, or holds nothing that retention would keep.
func (l *Log) rollOld(c *Config, nowMs int64) error {
	l.mu.Lock()
	rolled := false
	err := l.usable()
	if err == nil && l.active.Size() > 0 {
		old := c.SegmentAge > 0 && nowMs-l.firstAt >= c.SegmentAge.Milliseconds()
		spent := c.Delete && c.Retention > 0 && nowMs-l.active.Info().MaxAppend >= c.Retention.Milliseconds()
		if rolled = old || spent; rolled {
			err = l.roll()
		}
	}
	l.mu.Unlock()
	if err != nil || !rolled {
		return err
	}
	return l.syncAll() // which seals it
}

// retained is the offset below which retention keeps nothing. It never goes into damage, an open transaction, or the
// segment that holds the end.
func (l *Log) retained(c *Config, nowMs int64) int64 {
	start := l.Start()
	bytes, _ := l.Bytes()
	l.meta.Lock()
	defer l.meta.Unlock()
	for _, info := range l.manifest.sealed {
		expired := c.Retention > 0 && nowMs-info.MaxAppend >= c.Retention.Milliseconds()
		excess := c.RetentionBytes > 0 && bytes-info.Size >= c.RetentionBytes
		if !expired && !excess || info.Next > l.LastStable() || l.damagedIn(info) {
			break
		}
		start = max(start, info.Next)
		bytes -= info.Size
	}
	return start
}

func (l *Log) damagedIn(info segment.Info) bool {
	for _, d := range l.Damage() {
		if d.First < info.Next && (d.Next < 0 || d.Next > info.Base) {
			return true
		}
	}
	return false
}

// DeleteRecords moves the start up to before, and removes segments that lie wholly below it once no read needs them.
// The new start is durable before it takes effect. It returns ErrOffsetOutOfRange for an offset beyond the last stable
// one.
func (l *Log) DeleteRecords(before int64) error {
	if before < 0 || before > l.LastStable() {
		return l.errorf(engine.ErrOffsetOutOfRange, "records up to %d can be deleted, not up to %d", l.LastStable(), before)
	}
	l.mu.Lock()
	err := l.usable()
	l.mu.Unlock()
	if err != nil {
		return err
	}
	// All of it: the marker that ended a transaction below before stands above it, and must not be lost either.
	if err := l.Sync(l.End()); err != nil {
		return err
	}
	l.meta.Lock()
	defer l.meta.Unlock()
	if before <= l.Start() {
		return nil
	}
	l.mu.Lock()
	err = l.usable() // Close may have come in between
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if err := l.commit(startRecord(before)); err != nil {
		return l.metaFailed(err)
	}
	l.start.Store(before)
	return l.dropBelow(before)
}

// metaFailed keeps the log usable when the manifest found no room, and closes it for appends after any other error.
func (l *Log) metaFailed(err error) error {
	if noRoom(err) {
		return l.ioError(err, "recording in the manifest")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fail(err, "recording in the manifest")
}

// dropBelow takes sealed segments that lie below an offset out of the list. The caller holds meta.
func (l *Log) dropBelow(offset int64) error {
	l.mu.Lock()
	list := *l.segments.Load()
	sealed := len(list) - 1 - len(l.unsealed)
	n := 0
	for n < sealed && list[n].Next() <= offset {
		n++
	}
	l.publish(list[n:])
	l.mu.Unlock()
	var errs []error
	for _, s := range list[:n] {
		errs = append(errs, s.Remove(nil))
	}
	if err := errors.Join(errs...); err != nil {
		return l.ioError(err, "removing segments; the next opening tries again")
	}
	return nil
}
