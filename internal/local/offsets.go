package local

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/seeded"
)

// offsetStore keeps committed offsets in the journal. A plain commit returns when it is with the operating system and
// rides on the next fsync; after a power loss a group may fall back to an earlier one, so records come again.
type offsetStore struct{ journal *journal.Journal }

// Commit implements group.Store. An offset that is lower than the stored one is left out.
func (s offsetStore) Commit(group string, offsets map[engine.TopicPartition]int64) error {
	err := s.journal.CommitFunc(false, func() ([]journal.Change, error) {
		changes := make([]journal.Change, 0, len(offsets))
		for tp, offset := range offsets {
			if _, exists := s.journal.Get(topicKey(tp.Topic)); !exists {
				continue // deleted meanwhile: a topic of this name that is made later has nothing to do with it
			}
			key := offsetKey(group, tp)
			if b, ok := s.journal.Get(key); !ok || decodeOffset(b) < offset || seeded.On(seeded.OffsetBack) {
				changes = append(changes, journal.Change{Key: key, Value: encodeOffset(offset)})
			}
		}
		return changes, nil
	})
	return ioError(err, "committing offsets")
}

// Reset implements group.Store.
func (s offsetStore) Reset(group string, offsets map[engine.TopicPartition]int64) error {
	err := s.journal.CommitFunc(true, func() ([]journal.Change, error) {
		changes := make([]journal.Change, 0, len(offsets))
		for tp, offset := range offsets {
			if _, exists := s.journal.Get(topicKey(tp.Topic)); !exists {
				return nil, engine.Errorf(engine.ErrTopicNotFound, "it was deleted").At(tp.Topic, int(tp.Partition))
			}
			changes = append(changes, journal.Change{Key: offsetKey(group, tp), Value: encodeOffset(offset)})
		}
		return changes, nil
	})
	return ioError(err, "resetting offsets")
}

// Delete implements group.Store.
func (s offsetStore) Delete(group string) error {
	var changes []journal.Change
	for key := range s.journal.Scan(offsetPrefix + group + "/") {
		changes = append(changes, journal.Change{Key: key})
	}
	return ioError(commitAll(s.journal, changes), "deleting a group")
}

// commitAll makes changes durable that may be too many for one unit.
func commitAll(j *journal.Journal, changes []journal.Change) error {
	for unit := range slices.Chunk(changes, mostChanges) {
		if err := j.Commit(true, unit...); err != nil {
			return err
		}
	}
	return nil
}

const offsetPrefix = "offset/"

func offsetKey(group string, tp engine.TopicPartition) string {
	return offsetPrefix + group + "/" + tp.Topic + "/" + strconv.Itoa(int(tp.Partition))
}

func parseOffsetKey(key string) (group string, tp engine.TopicPartition, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 {
		return "", tp, false
	}
	n, err := strconv.ParseInt(parts[3], 10, 32)
	return parts[1], engine.TopicPartition{Topic: parts[2], Partition: int32(n)}, err == nil && n >= 0
}

func encodeOffset(offset int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(offset)) }

func decodeOffset(b []byte) int64 {
	if len(b) != 8 {
		return -1
	}
	return int64(binary.BigEndian.Uint64(b))
}

// restoreOffsets gives the coordinator what the journal has. After a power loss a log may be shorter than what a group
// had committed: such an offset is set back to the end, durably and before the first append, so that no new record
// hides behind it. Offsets of a topic that is no more, of which a crash left some, are deleted.
func (c *core) restoreOffsets() error {
	var changes []journal.Change
	for key, value := range c.journal.Scan(offsetPrefix) {
		group, tp, ok := parseOffsetKey(key)
		offset := decodeOffset(value)
		if !ok || offset < 0 {
			return &engine.CorruptionError{File: journalName, First: -1, Next: -1, Reason: "not a committed offset: " + key}
		}
		p, err := c.partition(tp)
		if p == nil {
			changes = append(changes, journal.Change{Key: key})
			continue
		}
		if err == nil && offset > p.log.End() && !seeded.On(seeded.OffsetAhead) {
			c.notes = append(c.notes, fmt.Sprintf("group %s had committed offset %d of %s-%d, which ends at %d now: set back",
				group, offset, tp.Topic, tp.Partition, p.log.End()))
			offset = p.log.End()
			changes = append(changes, journal.Change{Key: key, Value: encodeOffset(offset)})
		}
		c.groups.Restore(group, tp, offset)
	}
	return ioError(commitAll(c.journal, changes), "setting committed offsets right")
}

// raiseEpoch starts a new incarnation of the directory, durably, before anything is written in it.
func (c *core) raiseEpoch() (int32, error) {
	var epoch int32
	if b, ok := c.journal.Get("epoch"); ok && len(b) == 4 {
		epoch = int32(binary.BigEndian.Uint32(b))
	}
	epoch++
	change := journal.Change{Key: "epoch", Value: binary.BigEndian.AppendUint32(nil, uint32(epoch))}
	return epoch, ioError(c.journal.Commit(true, change), "raising the epoch")
}
