package local

import (
	"errors"
	"sync"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/log"
	"github.com/dot-do/kafka-embedded/record"
)

// run is a batch being built for one partition.
type run struct {
	builder   record.Builder
	partition *partition
	indexes   []int32 // of the records in it
	next      int64   // offset after what was appended
	wait      bool    // until the next batch is durable
	options   record.Options
	nowMs     int64 // clock
	counted   int64 // records that the partition had under the producer's ID before this batch
	largest   int   // batch that the builder has made
}

// mostBuilder is the size of a batch whose memory is kept for the next one.
const mostBuilder = 4 << 20

func (r *run) free() {
	r.partition = nil
	if r.largest > mostBuilder {
		return
	}
	r.largest = 0
	runs.Put(r)
}

var runs = sync.Pool{New: func() any { return new(run) }}

// appendInTurn is append, one call at a time when records are numbered.
func (p *producer) appendInTurn(t *topic, rs []engine.Record, now int64, used []*run) ([]*run, error) {
	if p.name == nil {
		return p.append(t, rs, now, used)
	}
	if err := p.name.lock(p, t.name); err != nil {
		return used, err
	}
	defer p.name.mu.Unlock()
	return p.append(t, rs, now, used)
}

// append builds and appends the batches. It returns the runs it used, also after an error.
func (p *producer) append(t *topic, rs []engine.Record, now int64, used []*run) ([]*run, error) {
	options := record.Plain(t.config.Load().Compression)
	if p.config.CompressionSet {
		options.Compression = p.config.Compression
	}
	var r *run
	for i := range rs {
		rec := &rs[i]
		if r == nil || r.partition.number != rec.Partition {
			var err error
			if r, used, err = p.findRun(t, rec.Partition, used, options); err != nil {
				return used, err
			}
			r.nowMs = now
		}
		if p.name != nil {
			due, err := p.admit(r, rs, rec)
			if err != nil {
				return used, err
			}
			if !due {
				continue
			}
		}
		if len(r.indexes) > 0 && r.builder.Size()+record.SizeOf(rec.Key, rec.Value, rec.Headers) > p.config.BatchBytes {
			if err := p.flush(r, rs); err != nil {
				return used, err
			}
		}
		if err := r.builder.Append(rec.Timestamp, rec.Key, rec.Value, rec.Headers); err != nil {
			code := engine.ErrInvalidArgument
			if errors.Is(err, record.ErrTooLarge) {
				code = engine.ErrMessageTooLarge
			}
			return used, engine.Errorf(code, "record %d: %w", i, err).At(t.name, int(rec.Partition))
		}
		r.indexes = append(r.indexes, int32(i))
	}
	for _, r := range used {
		r.wait = p.config.Acks == engine.AcksAll && len(used) == 1 && p.name == nil && len(r.indexes) > 0
		if err := p.flush(r, rs); err != nil {
			return used, err
		}
	}
	return used, nil
}

func (p *producer) findRun(t *topic, n int32, used []*run, options record.Options) (*run, []*run, error) {
	for _, r := range used {
		if r.partition.number == n {
			return r, used, nil
		}
	}
	part, err := t.partition(n)
	if err != nil {
		return nil, used, err
	}
	r := runs.Get().(*run)
	r.partition, r.indexes, r.next, r.wait, r.options = part, r.indexes[:0], 0, false, options
	if p.name != nil {
		r.number(p.name, p.name.counted(part))
	}
	r.builder.Reset(r.options)
	return r, append(used, r), nil
}

// flush appends what a run has gathered and starts it anew.
func (p *producer) flush(r *run, rs []engine.Record) error {
	if len(r.indexes) == 0 {
		return nil
	}
	r.largest = max(r.largest, r.builder.Size())
	b, err := r.builder.Finish()
	if err != nil {
		return engine.Errorf(engine.ErrInvalidArgument, "building a batch: %w", err)
	}
	a, err := r.append(b)
	if a.Next > 0 { // also when the fsync failed
		r.next = a.Next
		for delta, i := range r.indexes {
			rs[i].Offset = a.First + int64(delta)
		}
	}
	if err != nil {
		return r.partition.gone(err)
	}
	p.e.recordsIn.Add(int64(len(r.indexes)))
	p.e.bytesIn.Add(int64(len(b)))
	p.e.bytes.Add(int64(len(b)))
	if p.name != nil {
		r.number(p.name, r.counted+int64(len(r.indexes)))
	}
	r.indexes = r.indexes[:0]
	r.builder.Reset(r.options)
	return nil
}

func (r *run) append(b record.Batch) (log.Appended, error) {
	if r.wait {
		return r.partition.log.AppendSync(b, r.nowMs)
	}
	return r.partition.log.Append(b, r.nowMs)
}

// sync makes what was appended durable, when the acks ask for it: partitions side by side, and also when a batch failed
// that came after. whole says that none did.
func (p *producer) sync(used []*run, whole bool) error {
	if p.config.Acks != engine.AcksAll || len(used) == 0 {
		return nil
	}
	if len(used) == 1 {
		if used[0].wait && whole {
			return nil // it was waited for
		}
		return used[0].sync()
	}
	return inParallel(used, (*run).sync)
}

func (r *run) sync() error { return r.partition.gone(r.partition.log.Sync(r.next)) }

// gone turns the error of a log that was closed by DeleteTopic into what happened.
func (p *partition) gone(err error) error {
	if errors.Is(err, engine.ErrClosed) {
		return engine.Errorf(engine.ErrTopicNotFound, "it was deleted").At(p.topic.name, int(p.number))
	}
	return err
}
