package local

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/log"
)

// Report is what Verify found in a data directory.
type Report struct {
	Topics     int
	Partitions []PartitionReport
	Problems   []engine.Damage // of the directory itself; those of partitions are with them
	Notes      []string
}

// PartitionReport is what Verify found in a partition.
type PartitionReport struct {
	engine.TopicPartition
	log.Report
}

// OK reports whether nothing is damaged.
func (r *Report) OK() bool {
	return len(r.Problems) == 0 && !slices.ContainsFunc(r.Partitions, func(p PartitionReport) bool { return len(p.Problems) > 0 })
}

// Verify reads everything in a data directory, changes nothing, and takes no lock: in one that is open the newest records
// may show as a tail. An error means that a read failed, or that this is no data directory.
func Verify(f vfs.FS) (Report, error) {
	var r Report
	b, err := vfs.ReadFile(f, versionName, 1024)
	if errors.Is(err, fs.ErrNotExist) {
		return r, engine.Errorf(engine.ErrInvalidArgument, "there is no log here: %w", err)
	}
	if err != nil {
		return r, ioError(err, "reading VERSION")
	}
	id, err := parseVersion(b)
	if err != nil {
		return r, r.add(err)
	}
	live, jr, err := journal.Read(f, journalName, id)
	r.Notes = append(r.Notes, jr.Notes...)
	if err := r.add(err); err != nil {
		return r, ioError(err, "reading the journal")
	}
	owned := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(live)) {
		if name, ok := strings.CutPrefix(key, "topic/"); ok {
			if err := r.verifyTopic(f, name, live[key], owned); err != nil {
				return r, err
			}
		}
	}
	return r, r.verifyUnowned(f, owned)
}

// add turns damage into a problem, and returns any other error.
func (r *Report) add(err error) error {
	var c *engine.CorruptionError
	if errors.As(err, &c) {
		r.Problems = append(r.Problems, engine.Damage{File: c.File, Detail: c.Reason, First: c.First, Next: c.Next})
		return nil
	}
	return err
}

func (r *Report) verifyTopic(f vfs.FS, name string, value []byte, owned map[string]bool) error {
	var s stored
	if err := json.Unmarshal(value, &s); err != nil {
		r.Problems = append(r.Problems, engine.Damage{File: journalName, Detail: topicKey(name) + ": " + err.Error(), First: -1, Next: -1})
		return nil
	}
	r.Topics++
	for n := range int32(s.Config.Partitions) {
		dir := partitionDir(name, n)
		owned[path.Base(dir)] = true
		p := PartitionReport{TopicPartition: engine.TopicPartition{Topic: name, Partition: n}}
		if problem := checkMetadata(f, dir, s.ID); problem != "" {
			p.Problems = []engine.Damage{{File: path.Join(dir, metadataName), Detail: problem, First: -1, Next: -1}}
			r.Partitions = append(r.Partitions, p)
			continue
		}
		var err error
		p.Report, err = log.Verify(f, log.VerifyOptions{Dir: dir, ID: identity(s.ID, n), Topic: name, Partition: int(n)})
		if err != nil {
			return ioError(err, "reading "+dir)
		}
		r.Partitions = append(r.Partitions, p)
	}
	return nil
}

// checkMetadata says what is wrong with a partition's directory, or nothing.
func checkMetadata(f vfs.FS, dir string, id [16]byte) string {
	b, err := vfs.ReadFile(f, path.Join(dir, metadataName), 1024)
	switch {
	case err != nil:
		return err.Error()
	case !belongsTo(b, id):
		return "the directory belongs to another topic"
	}
	return ""
}

// verifyUnowned notes directories with records that no topic owns.
func (r *Report) verifyUnowned(f vfs.FS, owned map[string]bool) error {
	entries, err := f.ReadDir(topicsName)
	if err != nil {
		return ioError(err, "reading the topics")
	}
	for _, entry := range entries {
		if !owned[entry.Name()] {
			r.Notes = append(r.Notes, path.Join(topicsName, entry.Name())+" belongs to no topic")
		}
	}
	return nil
}
