package log

import "github.com/dot-do/kafka-embedded/record"

// FirstNamed is the lowest producer id that stands for a name which the user chose and may use again after any time:
// it is not forgotten for its silence. Ids below it are given out in order, as Apache Kafka does, and expire.
const FirstNamed int64 = 1 << 62

// mostNamed is how many producers a partition remembers before it forgets named ones too. It bounds memory, and the size
// of a snapshot, when a program makes up a new name with each start.
const mostNamed = 10_000

// Sequence tells how far a producer has come in the partition: its epoch, and the sequence of its newest record. It
// reports false for one that has sent nothing, or in its epoch nothing yet.
func (l *Log) Sequence(producerID int64) (epoch int16, last int32, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.producers.byID[producerID]
	if p == nil || len(p.batches) == 0 {
		return 0, record.NoProducer, false
	}
	return p.epoch, p.newest().lastSequence, true
}

// OffsetOf finds the offset of the record that a producer sent with a sequence in its epoch, if it is one of the
// producer's newest five batches; otherwise it is -1.
func (l *Log) OffsetOf(producerID int64, epoch int16, sequence int32) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.producers.byID[producerID]
	if p == nil || p.epoch != epoch {
		return -1
	}
	for _, s := range p.batches {
		if s.firstSequence <= sequence && sequence <= s.lastSequence {
			return s.first + int64(sequence-s.firstSequence)
		}
	}
	return -1
}
