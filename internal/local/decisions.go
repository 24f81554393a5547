package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/journal"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/txn"
)

// Transactions in the journal:
//
//	commit/<producer id>/<epoch>  a transaction that is committed and may lack markers
//	transactional                 the producer ids of transactions, i64 each
//
// The value of a commit is a version u8, 1, and for each partition the topic's UUID, its number u32 and the offset after
// the transaction's last record there, i64.
const (
	commitPrefix     = "commit/"
	transactionalKey = "transactional"
	producersKey     = "producers" // the next producer id that was never used, i64

	commitVersion = 1
	endSize       = 16 + 4 + 8
)

// decisions keeps the decisions of transactions in the journal, in one unit with the offsets. It implements txn.Store.
type decisions struct{ *core }

// Commit implements txn.Store. Nobody looks at the group's offsets, to begin there or to set them, from before the
// members are checked until they are published.
func (s decisions) Commit(ds []*txn.Decision, forget func() []txn.ID) []txn.Verdict {
	s.publishing.RLock()
	defer s.publishing.RUnlock()
	verdicts := make([]txn.Verdict, len(ds)) // Refused, so far
	tried := false
	err := s.journal.CommitFunc(true, func() ([]journal.Change, error) {
		u := unit{decisions: s}
		for i, d := range ds {
			verdicts[i].Err = u.add(d)
		}
		if len(u.changes) == 0 {
			return nil, errNothing
		}
		for _, id := range forget() {
			u.changes = append(u.changes, journal.Change{Key: commitKey(id)})
		}
		tried = true
		return u.changes, nil
	})
	for i, d := range ds {
		if verdicts[i].Err == nil {
			verdicts[i] = s.judge(d, tried, err)
		}
	}
	return verdicts
}

// errNothing keeps the journal from writing an empty unit.
var errNothing = errors.New("nothing to commit")

// judge tells what became of a decision that was given to the journal.
func (s decisions) judge(d *txn.Decision, tried bool, err error) txn.Verdict {
	switch {
	case err == nil:
		s.publish(d)
		return txn.Verdict{Outcome: txn.Stored}
	case !tried || s.certain(d, err):
		return txn.Verdict{Outcome: txn.Refused, Err: ioError(err, "committing a transaction")}
	}
	s.unsure.add(d)
	return txn.Verdict{Outcome: txn.Unknown, Err: ioError(err, "committing a transaction")}
}

// certain reports whether an error leaves no doubt that the next opening will not find the decision.
func (s decisions) certain(d *txn.Decision, err error) bool {
	if _, visible := s.journal.Get(commitKey(d.ID)); visible {
		return false
	}
	return errors.Is(err, engine.ErrInvalidArgument) || vfs.IsNoSpace(err) && !errors.Is(err, journal.ErrUncertain)
}

// publish makes offsets that are stored known.
func (s decisions) publish(d *txn.Decision) {
	for _, o := range d.Offsets {
		s.groups.ApplyOffsets(o.Group, o.Offsets)
	}
}

// Find implements txn.Store.
func (s decisions) Find(d *txn.Decision) (bool, error) {
	if err := s.journal.Sync(); err != nil {
		return false, err
	}
	_, stored := s.journal.Get(commitKey(d.ID))
	if stored {
		s.publish(d)
	}
	s.unsure.remove(d)
	return stored, nil
}

// Forget implements txn.Store.
func (s decisions) Forget(ids []txn.ID) error {
	changes := make([]journal.Change, len(ids))
	for i, id := range ids {
		changes[i].Key = commitKey(id)
	}
	return ioError(s.journal.Commit(false, changes...), "forgetting transactions")
}

// Reserve implements txn.Store.
func (s decisions) Reserve(pool []int64, n int) (ids []int64, err error) {
	err = s.journal.CommitFunc(true, func() ([]journal.Change, error) {
		var next int64
		if b, ok := s.journal.Get(producersKey); ok {
			next = decodeOffset(b)
		}
		value := make([]byte, 0, 8*(len(pool)+n))
		for _, id := range pool {
			value = binary.BigEndian.AppendUint64(value, uint64(id))
		}
		for ids = ids[:0]; len(ids) < n; next++ {
			ids = append(ids, next)
			value = binary.BigEndian.AppendUint64(value, uint64(next))
		}
		return []journal.Change{
			{Key: producersKey, Value: encodeOffset(next)},
			{Key: transactionalKey, Value: value},
		}, nil
	})
	return ids, ioError(err, "reserving producer ids")
}

func commitKey(id txn.ID) string {
	return commitPrefix + strconv.FormatInt(id.Producer, 10) + "/" + strconv.Itoa(int(id.Epoch))
}

func encodeEnds(ends []txn.End) []byte {
	b := make([]byte, 1, 1+endSize*len(ends))
	b[0] = commitVersion
	for _, e := range ends {
		b = append(b, e.Topic[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(e.Number))
		b = binary.BigEndian.AppendUint64(b, uint64(e.Next))
	}
	return b
}

// parseCommit reads what the journal has of a commit.
func parseCommit(key string, value []byte) (d txn.Decision, err error) {
	producer, epoch, _ := strings.Cut(strings.TrimPrefix(key, commitPrefix), "/")
	d.Producer, err = strconv.ParseInt(producer, 10, 64)
	if err != nil {
		return d, err
	}
	e, err := strconv.ParseInt(epoch, 10, 16)
	if err != nil {
		return d, err
	}
	d.Epoch = int16(e)
	if d.Producer < 0 || d.Epoch < 0 || len(value) == 0 || value[0] != commitVersion || (len(value)-1)%endSize != 0 {
		return d, fmt.Errorf("not a commit of version %d", commitVersion)
	}
	for b := value[1:]; len(b) > 0; b = b[endSize:] {
		end := txn.End{Next: int64(binary.BigEndian.Uint64(b[20:]))}
		copy(end.Topic[:], b)
		end.Number = int32(binary.BigEndian.Uint32(b[16:]))
		if end.Number < 0 || end.Next <= 0 {
			return d, fmt.Errorf("partition %d up to %d", end.Number, end.Next)
		}
		d.Ends = append(d.Ends, end)
	}
	return d, nil
}

// parsePool reads the producer ids of transactions.
func parsePool(value []byte) (ids []int64, err error) {
	if len(value)%8 != 0 {
		return nil, fmt.Errorf("%d bytes", len(value))
	}
	for ; len(value) > 0; value = value[8:] {
		id := int64(binary.BigEndian.Uint64(value))
		if id < 0 {
			return nil, fmt.Errorf("producer id %d", id)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
