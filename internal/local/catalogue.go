package local

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/log"
)

const metadataName = "partition.metadata"

func partitionDir(name string, n int32) string {
	return path.Join(topicsName, fmt.Sprintf("%s-%d", name, n))
}

// list returns all topics by name.
func (e *Engine) list() []*topic {
	e.mu.RLock()
	defer e.mu.RUnlock()
	ts := make([]*topic, 0, len(e.topics))
	for _, name := range slices.Sorted(maps.Keys(e.topics)) {
		ts = append(ts, e.topics[name])
	}
	return ts
}

// topic finds a topic.
func (e *Engine) topic(name string) (*topic, error) {
	e.mu.RLock()
	t := e.topics[name]
	e.mu.RUnlock()
	if t == nil {
		if err := engine.ValidateName("topic", name); err != nil {
			return nil, err
		}
		return nil, engine.Errorf(engine.ErrTopicNotFound, "create it, or allow topics to be made by use").At(name, -1)
	}
	return t, nil
}

// topicFor finds a topic, and makes it when that is allowed.
func (e *Engine) topicFor(name string, autoCreate bool) (*topic, error) {
	t, err := e.topic(name)
	if !autoCreate || !errors.Is(err, engine.ErrTopicNotFound) {
		return t, err
	}
	if err := e.createTopic(name, engine.TopicConfig{}); err != nil && !errors.Is(err, engine.ErrTopicExists) {
		return nil, err
	}
	return e.topic(name)
}

// topicCounts tells the group coordinator how many partitions there are.
type topicCounts struct{ *Engine }

func (c topicCounts) Partitions(name string) (int, bool) {
	t, err := c.topic(name)
	if err != nil {
		return 0, false
	}
	return len(t.list()), true
}

// createTopic makes a topic: its directories first, then the journal entry that makes it exist.
func (e *Engine) createTopic(name string, c engine.TopicConfig) error {
	if err := engine.ValidateName("topic", name); err != nil {
		return err
	}
	c = withDefaults(c, e.opts.DefaultPartitions, e.opts.Codec)
	if err := validate(name, c); err != nil {
		return err
	}
	e.admin.Lock()
	defer e.admin.Unlock()
	for _, t := range e.list() {
		if t.name == name {
			return engine.Errorf(engine.ErrTopicExists, "choose another name, or alter it").At(name, -1)
		}
		if strings.EqualFold(t.name, name) {
			return engine.Errorf(engine.ErrInvalidArgument,
				"topic %s differs only by case, which some file systems cannot tell apart", t.name).At(name, -1)
		}
	}
	s := stored{Config: c}
	if _, err := rand.Read(s.ID[:]); err != nil {
		return err
	}
	t := &topic{name: name, id: s.ID}
	t.config.Store(&c)
	t.partitions.Store(&[]*partition{})
	list, err := e.makePartitions(t, c.Partitions)
	if err != nil {
		return err
	}
	t.partitions.Store(&list)
	if err := e.journal.Commit(true, journal.Change{Key: topicKey(name), Value: s.encode()}); err != nil {
		return errors.Join(ioError(err, "creating a topic"), t.close())
	}
	e.mu.Lock()
	e.topics[name] = t
	e.mu.Unlock()
	e.topicsChanged()
	return nil
}

// makePartitions makes the directories and logs of partitions up to total, durably, and opens them. It returns all
// partitions, those there were included.
func (e *Engine) makePartitions(t *topic, total int) ([]*partition, error) {
	list := slices.Clone(t.list())
	from := len(list)
	for n := int32(from); int(n) < total; n++ {
		if err := e.makePartition(t, n); err != nil {
			return nil, err
		}
	}
	if err := e.fs.SyncDir(topicsName); err != nil {
		return nil, ioError(err, "making partitions")
	}
	for n := int32(from); int(n) < total; n++ {
		l, err := log.Open(e.logOptions(t, n))
		if err != nil {
			return nil, err
		}
		list = append(list, &partition{topic: t, number: n, log: l})
	}
	return list, nil
}

// makePartition makes the files of one partition. A directory that an earlier attempt left is made anew.
func (e *Engine) makePartition(t *topic, n int32) error {
	dir := partitionDir(t.name, n)
	empty, err := e.isEmpty(dir)
	if err != nil {
		return err
	}
	if !empty {
		return engine.Errorf(engine.ErrInvalidArgument, "%s holds records of an unknown topic; move it away first", dir)
	}
	if err := e.fs.RemoveAll(dir); err != nil {
		return ioError(err, "making a partition")
	}
	if err := e.fs.Mkdir(dir); err != nil {
		return ioError(err, "making a partition")
	}
	if err := vfs.WriteFileAtomic(e.fs, path.Join(dir, metadataName), metadata(t.id)); err != nil {
		return ioError(err, "making a partition")
	}
	return log.Create(e.logOptions(t, n))
}

// isEmpty reports whether a partition's directory holds no records, or does not exist.
func (e *Engine) isEmpty(dir string) (bool, error) {
	entries, err := e.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, ioError(err, "looking into a partition")
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || strings.Contains(entry.Name(), ".log") && info.Size() > 0 {
			return false, err
		}
	}
	return true, nil
}

func (e *Engine) logOptions(t *topic, n int32) log.Options {
	return log.Options{
		FS: e.fs, Pool: e.pool, Dir: partitionDir(t.name, n), Topic: t.name, Partition: int(n),
		ID: identity(t.id, n), Epoch: e.epoch, Config: logConfig(*t.config.Load()),
		Clock: e.opts.Clock, Logger: e.opts.Logger, ReleaseSpace: e.reserve.release, Fsyncs: &e.fsyncs,
	}
}

// metadata is Kafka's partition.metadata file.
func metadata(id [16]byte) []byte {
	return fmt.Appendf(nil, "version: 0\ntopic_id: %s\n", base64.RawURLEncoding.EncodeToString(id[:]))
}

// openTopics opens every topic of the journal, several partitions at a time.
func (e *Engine) openTopics() error {
	var opened []*partition
	for key, value := range e.journal.Scan("topic/") {
		var s stored
		if err := json.Unmarshal(value, &s); err != nil {
			return &engine.CorruptionError{File: journalName, First: -1, Next: -1, Reason: key + ": " + err.Error()}
		}
		t := &topic{name: strings.TrimPrefix(key, "topic/"), id: s.ID}
		t.config.Store(&s.Config)
		list := make([]*partition, s.Config.Partitions)
		for n := range list {
			list[n] = &partition{topic: t, number: int32(n)}
		}
		t.partitions.Store(&list)
		e.topics[t.name] = t
		opened = append(opened, list...)
	}
	if err := inParallel(opened, e.openPartition); err != nil {
		return err
	}
	return e.sweep()
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

// openPartition opens a partition that the journal knows. One whose directory is missing or another's is damaged; it is
// never made anew.
func (e *Engine) openPartition(p *partition) error {
	dir := partitionDir(p.topic.name, p.number)
	b, err := vfs.ReadFile(e.fs, path.Join(dir, metadataName), 1024)
	if errors.Is(err, fs.ErrNotExist) || err == nil && string(b) != string(metadata(p.topic.id)) {
		reason := "the partition's directory is missing"
		if err == nil {
			reason = "the directory belongs to another topic"
		}
		p.err = &engine.CorruptionError{File: path.Join(dir, metadataName), First: -1, Next: -1, Reason: reason}
		return nil
	}
	if err != nil {
		return ioError(err, "opening a partition")
	}
	p.log, err = log.Open(e.logOptions(p.topic, p.number))
	return err
}

// sweep removes what deletions and unfinished creations left. A directory that no topic owns but that holds records is
// kept and reported.
func (e *Engine) sweep() error {
	trash, err := e.fs.ReadDir(trashName)
	if err != nil {
		return ioError(err, "emptying the trash")
	}
	for _, entry := range trash {
		if err := e.fs.RemoveAll(path.Join(trashName, entry.Name())); err != nil {
			return ioError(err, "emptying the trash")
		}
	}
	owned := map[string]bool{}
	for _, t := range e.topics {
		for _, p := range t.list() {
			owned[path.Base(partitionDir(t.name, p.number))] = true
		}
	}
	entries, err := e.fs.ReadDir(topicsName)
	if err != nil {
		return ioError(err, "reading the topics")
	}
	for _, entry := range entries {
		dir := path.Join(topicsName, entry.Name())
		if owned[entry.Name()] {
			continue
		}
		empty, err := e.isEmpty(dir)
		if err != nil {
			return err
		}
		if !empty {
			e.notes = append(e.notes, dir+" belongs to no topic but holds records; it is kept as it is")
		} else if err := e.fs.RemoveAll(dir); err != nil {
			return ioError(err, "removing an unfinished partition")
		}
	}
	return nil
}

// deleteTopic makes a topic not exist, its offsets included, and then removes its files.
func (e *Engine) deleteTopic(name string) error {
	e.admin.Lock()
	defer e.admin.Unlock()
	t, err := e.topic(name)
	if err != nil {
		return err
	}
	changes := []journal.Change{{Key: topicKey(name)}}
	for key := range e.journal.Scan("offset/") {
		if parts := strings.Split(key, "/"); len(parts) == 4 && parts[2] == name {
			changes = append(changes, journal.Change{Key: key})
		}
	}
	if err := e.journal.Commit(true, changes...); err != nil {
		return ioError(err, "deleting a topic")
	}
	e.mu.Lock()
	delete(e.topics, name)
	e.mu.Unlock()
	t.deleted.Store(true)
	e.groups.DeleteTopic(name)
	e.topicsChanged()
	errs := []error{t.close()}
	for _, p := range t.list() {
		errs = append(errs, e.discard(partitionDir(name, p.number), fmt.Sprintf("%x-%d", t.id, p.number)))
	}
	return ioError(errors.Join(append(errs, e.fs.SyncDir(topicsName))...), "removing the files of a deleted topic")
}

// discard moves a directory to the trash and removes it there.
func (e *Engine) discard(dir, as string) error {
	to := path.Join(trashName, as)
	if err := e.fs.Rename(dir, to); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return e.fs.RemoveAll(to)
}
