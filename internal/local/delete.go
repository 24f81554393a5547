package local

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/seeded"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// A deletion is finished in steps, of which the first makes it so:
//
//  1. one journal unit forgets the topic and the offsets committed in it, and remembers the deletion;
//  2. the partitions' directories are renamed into the trash, durably;
//  3. the trash is emptied, and the deletion forgotten.
//
// What a crash left of 2 and 3 is done by the next Open, or by a topic of the same name that needs the directories. They
// are known by the topic's UUID, so that nothing of a topic made later is taken.

// deletion is how the journal remembers one.
type deletion struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
}

const deletedPrefix = "deleted/"

func deletedKey(id [16]byte) string { return deletedPrefix + hex.EncodeToString(id[:]) }

// mostChanges is how many keys are deleted in one journal unit.
const mostChanges = 10_000

// deleteTopic makes a topic not exist, its offsets included, and then removes its files.
func (c *core) deleteTopic(name string) error {
	c.admin.Lock()
	defer c.admin.Unlock()
	t, err := c.topic(name)
	if err != nil {
		return err
	}
	if err := c.unlist(t); err != nil {
		return ioError(err, "deleting a topic")
	}
	c.topicsChanged()
	_ = t.close() // what cannot be made durable any more need not be
	return ioError(c.discardAll(t.id, deletion{name, len(t.list())}), "removing the files of a deleted topic")
}

// unlist makes the topic unknown. No transaction is about to publish offsets of it meanwhile.
func (c *core) unlist(t *topic) error {
	c.publishing.Lock()
	defer c.publishing.Unlock()
	if err := c.forget(t); err != nil {
		return err
	}
	t.deleted.Store(true)
	c.drop(t)
	c.groups.DeleteTopic(t.name)
	return nil
}

// forget is the journal's part of a deletion. Offsets beyond those of the first unit are of no topic, until they are
// deleted by further ones.
func (c *core) forget(t *topic) error {
	value, err := json.Marshal(deletion{t.name, len(t.list())})
	if err != nil {
		return err
	}
	first := []journal.Change{{Key: topicKey(t.name)}, {Key: deletedKey(t.id), Value: value}}
	for {
		more := false
		err := c.journal.CommitFunc(!seeded.On(seeded.UnsyncedDeletion), func() ([]journal.Change, error) {
			changes := first
			for key := range c.journal.Scan(offsetPrefix) {
				if _, tp, ok := parseOffsetKey(key); ok && tp.Topic == t.name {
					changes = append(changes, journal.Change{Key: key})
				}
				if more = len(changes) >= mostChanges; more {
					break
				}
			}
			return changes, nil
		})
		if err != nil || !more {
			return err
		}
		first = nil
	}
}

// discardAll removes the directories of a deleted topic, and then the memory of it.
func (c *core) discardAll(id [16]byte, d deletion) error {
	dirs := make([]string, d.Partitions)
	for n := range dirs {
		dirs[n] = partitionDir(d.Name, int32(n))
	}
	if err := c.discard(id, dirs...); err != nil {
		return err
	}
	return c.journal.Commit(false, journal.Change{Key: deletedKey(id)})
}

// discard moves those directories that are of the topic with this UUID to the trash and removes them there. That they
// moved is durable before anything in them is removed: of a directory that came back after a power loss without the file
// that tells whose it is, nobody would know that it may go.
func (c *core) discard(id [16]byte, dirs ...string) error {
	var errs []error
	var moved []string
	for _, dir := range dirs {
		to, err := c.moveToTrash(id, dir)
		if errs = append(errs, err); to != "" {
			moved = append(moved, to)
		}
	}
	if err := errors.Join(append(errs, c.fs.SyncDir(trashName), c.fs.SyncDir(topicsName))...); err != nil {
		return err
	}
	for _, to := range moved {
		errs = append(errs, c.fs.RemoveAll(to))
	}
	return errors.Join(errs...)
}

// moveToTrash returns the new name of a directory, or nothing when it is not of the topic with this UUID.
func (c *core) moveToTrash(id [16]byte, dir string) (string, error) {
	b, err := vfs.ReadFile(c.fs, path.Join(dir, metadataName), mostMetadata)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrTooLarge) || err == nil && !belongsTo(b, id) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	to := path.Join(trashName, fmt.Sprintf("%x-%s", id, path.Base(dir)))
	if err := c.fs.RemoveAll(to); err != nil {
		return "", err
	}
	return to, c.fs.Rename(dir, to)
}

// discardDeleted removes a directory that a deletion left because of an error.
func (c *core) discardDeleted(dir string) error {
	for key := range c.journal.Scan(deletedPrefix) {
		if id, ok := parseDeletedKey(key); ok {
			if err := c.discard(id, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func parseDeletedKey(key string) (id [16]byte, ok bool) {
	b, err := hex.DecodeString(strings.TrimPrefix(key, deletedPrefix))
	return id, err == nil && copy(id[:], b) == len(id) && len(b) == len(id)
}

// finishDeletions does what a crash left of deletions.
func (c *core) finishDeletions() error {
	for key, value := range c.journal.Scan(deletedPrefix) {
		var d deletion
		id, ok := parseDeletedKey(key)
		if err := json.Unmarshal(value, &d); err != nil || !ok || d.Partitions > maxPartitions ||
			engine.ValidateName("topic", d.Name) != nil {
			return &engine.CorruptionError{File: journalName, First: -1, Next: -1, Reason: "not a deletion: " + key}
		}
		if err := c.discardAll(id, d); err != nil {
			return ioError(err, "removing the files of a deleted topic")
		}
	}
	return nil
}

// sweep removes what deletions and unfinished creations left. A directory that no topic owns but that holds records is
// kept and reported.
func (c *core) sweep() error {
	if err := c.finishDeletions(); err != nil {
		return err
	}
	trash, err := c.fs.ReadDir(trashName)
	if err != nil {
		return ioError(err, "emptying the trash")
	}
	for _, entry := range trash {
		if err := c.fs.RemoveAll(path.Join(trashName, entry.Name())); err != nil {
			return ioError(err, "emptying the trash")
		}
	}
	entries, err := c.fs.ReadDir(topicsName)
	if err != nil {
		return ioError(err, "reading the topics")
	}
	owned := c.owned()
	for _, entry := range entries {
		if owned[entry.Name()] {
			continue
		}
		if err := c.sweepOne(entry); err != nil {
			return ioError(err, "removing an unfinished partition")
		}
	}
	return nil
}

// owned is the names of the partitions' directories.
func (c *core) owned() map[string]bool {
	owned := map[string]bool{}
	for _, t := range c.topics {
		for _, p := range t.list() {
			owned[path.Base(partitionDir(t.name, p.number))] = true
		}
	}
	return owned
}

func (c *core) sweepOne(entry fs.DirEntry) error {
	name := path.Join(topicsName, entry.Name())
	if entry.IsDir() {
		if err := c.removeIfEmpty(name); err != nil {
			return err
		}
		if _, err := c.fs.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	c.notes = append(c.notes, name+" belongs to no topic but holds something; it is kept as it is")
	return nil
}
