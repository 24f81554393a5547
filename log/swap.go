package log

import (
	"errors"
	"os"
	"slices"
	"sync"

	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// A swap lets one compacted segment take the place of a run of others. In order:
//
//  1. its files are written under names of their own and made durable, names included;
//  2. the manifest's swap record is made durable: that is the commit point;
//  3. readers get the new list of segments; those that hold an old one go on with it;
//  4. when no reader holds one any more, the old files are removed, and
//  5. the new ones get their final names. Not earlier: a file that the pool has closed is opened again by its name.
//
// A crash before 2 leaves files that the next Open removes; one behind it leaves 4 and 5 to the next Open.

// mostSources is how many segments one may take the place of, so that a manifest record stays below 64 KiB.
const mostSources = 4096

// rewrite replaces the first of sources, and those behind it that fit into the same file. It returns how many.
func (c *compaction) rewrite(sources []*segment.Segment) (n int, err error) {
	place := c.place
	place.Suffix = swapSuffix(c.nextSwap())
	if c.out, err = segment.NewWriter(place, sources[0].Base()); err != nil {
		return 0, err
	}
	c.changed = false
	for n == 0 || n < len(sources) && c.joins(sources[:n], sources[n]) {
		s := sources[n]
		if err := c.each(s, func(b record.Batch) error { return c.clean(s, b) }); err != nil {
			_ = c.out.Discard() // what is left of it is removed by the next Open
			return 0, err
		}
		n++
	}
	if n == 1 && !c.changed && sources[0].Sealed().Clean {
		return n, c.out.Discard()
	}
	return n, c.finish(sources[:n])
}

// nextSwap is a sequence that neither the manifest knows nor a swap that failed left files of.
func (c *compaction) nextSwap() int64 {
	c.meta.Lock()
	defer c.meta.Unlock()
	c.swaps = max(c.swaps, c.manifest.last) + 1
	return c.swaps
}

// joins reports whether s can follow on the others in one file. A segment whose keys were not all compared stays alone,
// so that the others can be remembered as clean.
func (c *compaction) joins(others []*segment.Segment, s *segment.Segment) bool {
	return len(others) < mostSources && s.Next() <= c.known &&
		c.out.Size()+s.Size() <= c.config.SegmentBytes &&
		s.Next()-others[0].Base() <= 1<<31-1
}

// finish seals what was written and lets it take the place of its sources.
func (c *compaction) finish(sources []*segment.Segment) error {
	like := sources[len(sources)-1].Sealed()
	like.Clean = like.Next <= c.known
	for _, s := range sources {
		like.MaxAppend = max(like.MaxAppend, s.Sealed().MaxAppend)
	}
	fresh, err := c.out.Seal(like)
	if err != nil {
		_ = c.out.Discard()
		return err
	}
	if err := c.commitSwap(sources, fresh); err != nil {
		return err
	}
	c.stats.Written++
	c.stats.BytesAfter += fresh.Size()
	c.stats.Replaced += len(sources)
	for _, s := range sources {
		c.stats.BytesBefore += s.Size()
	}
	return c.settle(sources, fresh)
}

// commitSwap records the swap and shows the new segment to readers.
func (c *compaction) commitSwap(sources []*segment.Segment, fresh *segment.Segment) error {
	c.rebuilding.Lock() // whoever rebuilds an index reads one list of segments from the start
	defer c.rebuilding.Unlock()
	c.meta.Lock()
	defer c.meta.Unlock()
	at := slices.Index(*c.segments.Load(), sources[0])
	if at < 0 {
		return errors.Join(errDropped, fresh.Remove(nil))
	}
	infos := make([]segment.Info, len(sources))
	for i, s := range sources {
		infos[i] = s.Sealed()
	}
	if err := c.commit(swapRecord(c.swaps, infos, fresh.Info())); err != nil {
		if noRoom(err) {
			_ = fresh.Remove(nil)
		} else {
			_ = fresh.Close() // the record may have become durable: its files must stay
		}
		return c.metaFailed(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	list := *c.segments.Load()
	c.publish(slices.Replace(slices.Clone(list), at, at+len(sources), fresh))
	return nil
}

// settle removes the sources and gives the new segment its final names. It waits for the reads under way; what it does
// not manage is left to the next Open.
func (c *compaction) settle(sources []*segment.Segment, fresh *segment.Segment) error {
	var gone sync.WaitGroup
	gone.Add(len(sources))
	var mu sync.Mutex
	var errs []error
	for _, s := range sources {
		_ = s.Remove(func(err error) {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
			gone.Done()
		})
	}
	gone.Wait()
	errs = append(errs, c.place.FS.SyncDir(c.opts.Dir))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if !fresh.Acquire() {
		return nil // retention has removed it meanwhile
	}
	return errors.Join(fresh.Settle(), fresh.Release())
}

// smallManifest is a size below which a manifest is not worth writing anew.
const smallManifest = 1 << 20

// shrinkManifest writes the manifest anew when most of it tells of what has been replaced since. It is called now and
// then.
func (l *Log) shrinkManifest() error {
	l.meta.Lock()
	defer l.meta.Unlock()
	l.mu.Lock()
	shut := l.isShut
	l.mu.Unlock()
	if shut || l.manifest.size < smallManifest || l.manifest.size < 4*int64(len(l.manifest.encode())) {
		return nil
	}
	old := l.manifest.size
	err := l.replaceManifest()
	if err == nil {
		return nil
	}
	if size, sizeErr := l.manifest.file.Size(); sizeErr == nil && size == old && noRoom(err) {
		l.manifest.size = old
		return nil // there will be another time
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fail(err, "writing the manifest anew")
}

// replaceManifest writes the manifest anew. The caller holds meta.
func (l *Log) replaceManifest() error {
	if err := l.manifest.file.Close(); err != nil {
		return err
	}
	err := l.manifest.rewrite(l.place.FS, l.opts.Dir)
	l.manifest.file = l.place.Pool.File(l.path(manifestName), os.O_RDWR|os.O_CREATE)
	return err
}
