package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/segment"
)

const metadataName = "partition.metadata"

// mostMetadata bounds what is read of that file.
const mostMetadata = 1024

func partitionDir(name string, n int32) string {
	return path.Join(topicsName, fmt.Sprintf("%s-%d", name, n))
}

// metadata is Kafka's partition.metadata file, with the codec of values in a further line: what is needed to make the
// catalogue anew when the journal is lost.
func metadata(id [16]byte, codec string) []byte {
	return fmt.Appendf(nil, "version: 0\ntopic_id: %s\ncodec: %s\n", base64.RawURLEncoding.EncodeToString(id[:]), codec)
}

// parseMetadata is the inverse of metadata.
func parseMetadata(b []byte) (id [16]byte, codec string, ok bool) {
	var text string
	if _, err := fmt.Sscanf(string(b), "version: 0\ntopic_id: %s\ncodec: %s\n", &text, &codec); err != nil {
		return id, "", false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != len(id) {
		return id, "", false
	}
	id = [16]byte(raw)
	return id, codec, string(metadata(id, codec)) == string(b)
}

// belongsTo reports whether a metadata file is that of a topic.
func belongsTo(b []byte, id [16]byte) bool {
	have, _, ok := parseMetadata(b)
	return ok && have == id
}

// makePartitions makes the directories and logs of partitions up to total, durably, and opens them. It returns all
// partitions, those there were included. After an error nothing of the new ones is open.
func (c *core) makePartitions(ctx context.Context, t *topic, total int) ([]*partition, error) {
	have := t.list()
	list := slices.Clone(have)
	for n := int32(len(have)); int(n) < total; n++ {
		list = append(list, &partition{topic: t, number: n})
	}
	added := list[len(have):]
	err := inParallel(added, func(p *partition) error {
		if err := ctx.Err(); err != nil {
			return ctxError(err)
		}
		return c.makePartition(t, p.number)
	})
	if err == nil {
		err = ioError(c.fs.SyncDir(topicsName), "making partitions")
	}
	if err == nil {
		err = inParallel(added, func(p *partition) (err error) {
			p.log, err = log.Open(c.logOptions(t, p.number))
			return err
		})
	}
	if err != nil {
		_ = closeAll(added)
		for _, p := range added {
			_ = c.removeIfEmpty(partitionDir(t.name, p.number)) // or it is done at the next attempt, or when opening
		}
		return nil, err
	}
	return list, nil
}

func closeAll(list []*partition) error {
	var errs []error
	for _, p := range list {
		if p.log != nil {
			errs = append(errs, ioError(p.log.Close(), "closing a partition"))
		}
	}
	return errors.Join(errs...)
}

// makePartition makes the files of one partition.
func (c *core) makePartition(t *topic, n int32) error {
	dir := partitionDir(t.name, n)
	err := c.fs.Mkdir(dir)
	if errors.Is(err, fs.ErrExist) {
		if err := c.clear(dir); err != nil {
			return ioError(err, "removing what was left of a partition")
		}
		err = c.fs.Mkdir(dir)
	}
	if errors.Is(err, fs.ErrExist) {
		return engine.Errorf(engine.ErrInvalidArgument, "%s holds files of an unknown topic; move it away first", dir).At(t.name, int(n))
	}
	if err != nil {
		return ioError(err, "making a partition")
	}
	if err := vfs.WriteFileAtomic(c.fs, path.Join(dir, metadataName), metadata(t.id, t.config.Load().Codec)); err != nil {
		return ioError(err, "making a partition")
	}
	return ioError(log.Create(c.logOptions(t, n)), "making a partition")
}

// clear removes a directory that an unfinished deletion or creation left.
func (c *core) clear(dir string) error {
	if err := c.discardDeleted(dir); err != nil {
		return err
	}
	return c.removeIfEmpty(dir)
}

// removeIfEmpty removes a partition's directory in which there are no records and nothing that is not a partition's.
func (c *core) removeIfEmpty(dir string) error {
	entries, err := c.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if !dispensable(info) {
			return nil
		}
	}
	return c.fs.RemoveAll(dir)
}

// dispensable reports whether a file holds nothing that cannot be made anew while its partition has no records.
func dispensable(info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	name := strings.TrimSuffix(info.Name(), ".tmp")
	switch path.Ext(name) {
	case segment.LogExt:
		return info.Size() == 0
	case segment.OffsetExt, segment.TimeExt, segment.AbortedExt, ".producers":
		return true
	}
	return name == metadataName || name == "manifest" || name == "checkpoint"
}

func (c *core) logOptions(t *topic, n int32) log.Options {
	return log.Options{
		FS: c.fs, Pool: c.pool, Dir: partitionDir(t.name, n), Topic: t.name, Partition: int(n),
		ID: identity(t.id, n), Epoch: c.epoch, Config: logConfig(*t.config.Load()),
		Clock: c.opts.Clock, Logger: c.opts.Logger, ReleaseSpace: c.reserve.release, Fsyncs: &c.fsyncs,
	}
}

// openTopics opens every topic of the journal, several partitions at a time.
func (c *core) openTopics() error {
	var all []*partition
	for key, value := range c.journal.Scan(topicKey("")) {
		t, err := loadTopic(strings.TrimPrefix(key, topicKey("")), value)
		if err != nil {
			return &engine.CorruptionError{File: journalName, First: -1, Next: -1, Reason: key + ": " + err.Error()}
		}
		c.add(t)
		all = append(all, t.list()...)
	}
	if err := inParallel(all, c.openPartition); err != nil {
		return err
	}
	return c.sweep()
}

// loadTopic makes a topic of what the journal has.
func loadTopic(name string, value []byte) (*topic, error) {
	var s stored
	if err := json.Unmarshal(value, &s); err != nil {
		return nil, err
	}
	if err := engine.ValidateName("topic", name); err != nil {
		return nil, err
	}
	if err := validate(name, s.Config); err != nil {
		return nil, err
	}
	t := newTopic(name, s)
	list := make([]*partition, s.Config.Partitions)
	for n := range list {
		list[n] = &partition{topic: t, number: int32(n)}
	}
	t.partitions.Store(&list)
	return t, nil
}

// openPartition opens a partition that the journal knows. One whose directory is missing or another's is damaged; it is
// never made anew.
func (c *core) openPartition(p *partition) error {
	dir := partitionDir(p.topic.name, p.number)
	b, err := vfs.ReadFile(c.fs, path.Join(dir, metadataName), mostMetadata)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.err = lostPartition(dir, "the partition's directory, or this file in it, is missing")
		return nil
	case errors.Is(err, vfs.ErrTooLarge), err == nil && !belongsTo(b, p.topic.id):
		p.err = lostPartition(dir, "the directory belongs to another topic")
		return nil
	case err != nil:
		return ioError(err, "opening a partition")
	}
	if p.log, err = log.Open(c.logOptions(p.topic, p.number)); err == nil {
		p.readOnly = p.log.ReadOnly()
	}
	return err
}

func lostPartition(dir, reason string) error {
	return &engine.CorruptionError{File: path.Join(dir, metadataName), First: -1, Next: -1, Reason: reason}
}

func inParallel[T any](items []T, fn func(T) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	slots := make(chan struct{}, 4*runtime.GOMAXPROCS(0))
	for _, item := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := fn(item); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
