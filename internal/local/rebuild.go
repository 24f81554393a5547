package local

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/log"
)

// rebuild makes sure that there are a VERSION file and a journal that can be read. An older format or an error of the
// file system is returned, and nothing is touched.
func (r *repair) rebuild() error {
	b, err := readVersionFile(r.fs)
	if err == nil {
		r.id, err = parseVersion(b)
	}
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, engine.ErrCorrupt):
		if err := r.newVersion(); err != nil {
			return err
		}
	default:
		return err
	}
	_, _, err = journal.Read(r.fs, journalName, r.id)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, engine.ErrCorrupt) {
		return r.newJournal(err)
	}
	return ioError(err, "reading the journal")
}

// newVersion writes VERSION with the UUID that the journal's entries have, if they can be asked.
func (r *repair) newVersion() error {
	var err error
	if r.id, err = journal.Identity(r.fs, journalName); err != nil {
		if _, err := rand.Read(r.id[:]); err != nil {
			return err
		}
	}
	r.notes = append(r.notes, "VERSION was missing or damaged; it was written anew")
	return ioError(vfs.WriteFileAtomic(r.fs, versionName, versionText(r.id)), "writing VERSION")
}

// newJournal moves what there is aside and makes a journal of what the partitions' directories tell. It is complete
// before it gets its name: a crash leaves the journal missing, and Repair begins anew.
func (r *repair) newJournal(cause error) error {
	const fresh = journalName + ".new"
	if err := r.fs.RemoveAll(fresh); err != nil {
		return ioError(err, "making the journal")
	}
	changes, err := r.catalogue()
	if err != nil {
		return err
	}
	j, err := journal.Open(journal.Options{FS: r.fs, Dir: fresh, ID: r.id, Logger: r.logger})
	if err != nil {
		return ioError(err, "making the journal")
	}
	if err := errors.Join(j.Commit(true, changes...), j.Close()); err != nil {
		return ioError(err, "making the journal")
	}
	if err := r.setAside(journalName); err != nil {
		return err
	}
	if err := r.fs.Rename(fresh, journalName); err != nil {
		return ioError(err, "making the journal")
	}
	r.notes = append(r.notes, fmt.Sprintf(
		"the journal was made anew from the partitions' directories (%v); committed offsets and topics' settings are lost", cause))
	return ioError(r.fs.SyncDir("."), "making the journal")
}

// setAside renames a directory that may exist.
func (r *repair) setAside(name string) error {
	for n := 0; ; n++ {
		aside := fmt.Sprintf("%s.%d.broken", name, n)
		if _, err := r.fs.Stat(aside); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return ioError(err, "setting the journal aside")
			}
			continue
		}
		err := r.fs.Rename(name, aside)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return ioError(err, "setting the journal aside")
	}
}

// catalogue is what a journal must hold: each topic that has a directory, and an epoch as high as any in the logs.
func (r *repair) catalogue() ([]journal.Change, error) {
	entries, err := r.fs.ReadDir(topicsName)
	if err != nil {
		return nil, ioError(err, "reading the topics")
	}
	topics, epoch := map[string]stored{}, int32(0)
	for _, entry := range entries {
		name, n, ok := parsePartitionDir(entry.Name())
		b, err := vfs.ReadFile(r.fs, path.Join(topicsName, entry.Name(), metadataName), mostMetadata)
		id, codec, known := parseMetadata(b)
		if !ok || err != nil || !known {
			r.notes = append(r.notes, path.Join(topicsName, entry.Name())+" does not tell which topic it belongs to; it is left alone")
			continue
		}
		s, seen := topics[name]
		if seen && s.ID != id {
			r.notes = append(r.notes, path.Join(topicsName, entry.Name())+" belongs to another topic of the same name; it is left alone")
			continue
		}
		s.ID, s.Config.Codec, s.Config.Partitions = id, codec, max(s.Config.Partitions, int(n)+1)
		topics[name] = s
		report, err := log.Verify(r.fs, log.VerifyOptions{
			Dir: partitionDir(name, n), ID: identity(id, n), Topic: name, Partition: int(n),
		})
		if err != nil {
			return nil, err
		}
		epoch = max(epoch, report.Epoch)
	}
	changes := []journal.Change{{Key: "epoch", Value: binary.BigEndian.AppendUint32(nil, uint32(epoch))}}
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		s := topics[name]
		s.Config = withDefaults(s.Config, s.Config.Partitions, s.Config.Codec)
		changes = append(changes, journal.Change{Key: topicKey(name), Value: s.encode()})
	}
	return changes, nil
}

// parsePartitionDir splits <topic>-<n>.
func parsePartitionDir(dir string) (name string, n int32, ok bool) {
	i := strings.LastIndexByte(dir, '-')
	if i < 0 {
		return "", 0, false
	}
	number, err := strconv.ParseInt(dir[i+1:], 10, 32)
	name = dir[:i]
	ok = err == nil && number >= 0 && engine.ValidateName("topic", name) == nil && path.Base(partitionDir(name, int32(number))) == dir
	return name, int32(number), ok
}
