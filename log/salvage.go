package log

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// salvaged is what could be saved of a file.
type salvaged struct {
	out     *segment.Writer
	src     *segment.Segment
	batches int
	next    int64 // offset after the last of them
	broken  []stretch
}

// stretch is a run of bytes that are not part of a sound batch.
type stretch struct {
	from, to int64
	first    int64 // offset due there
	reason   string
}

// salvage writes the sound batches of a slot's file into a new one, and copies everything else aside.
func (p *repair) salvage(s *slot) (*salvaged, error) {
	out, err := p.newSegment(s.base)
	if err != nil {
		return nil, err
	}
	sv := &salvaged{out: out, next: s.base}
	if !s.exists {
		p.notef("%s is missing: its offsets, from %d on, are lost", p.path(segment.Name(s.base)+segment.LogExt), s.base)
		return sv, nil
	}
	f, size, err := openSized(p.fs, p.path(segment.Name(s.base)+segment.LogExt))
	if err == nil {
		err = p.salvageFile(sv, s, f, size)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, errors.Join(err, out.Discard())
	}
	return sv, nil
}

func (p *repair) salvageFile(sv *salvaged, s *slot, f io.ReaderAt, size int64) error {
	_, sealed := p.v.bad[s.base]
	end := size
	if sealed {
		end = min(size, s.info.Size)
	}
	info := s.info
	info.Size, info.Next, info.Compacted = end, s.limit, info.Compacted || p.v.lost
	sv.src = segment.Open(segment.Place{FS: p.fs, Pool: p.v.place.Pool, Dir: p.o.Dir}, info)
	defer sv.src.Close()
	var foreign *engine.CorruptionError
	if err := sv.src.Recognise(); errors.As(err, &foreign) {
		sv.broken, end = append(sv.broken, stretch{0, size, sv.next, foreign.Reason}), size
	} else if err != nil {
		return err
	} else if err := p.salvageBatches(sv, s, f, end, sealed); err != nil {
		return err
	}
	if end < size {
		sv.broken = append(sv.broken, stretch{end, size, sv.next, "behind the end of the segment"})
	}
	for _, b := range sv.broken {
		if err := p.copyAside(s, sv.src, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *repair) salvageBatches(sv *salvaged, s *slot, f io.ReaderAt, end int64, sealed bool) error {
	for sc := sv.src.Scanner(0); sc != nil; {
		from := sc.Position()
		b, err := sc.Scan()
		if err == nil {
			if reason := p.misfit(s, b); reason != "" {
				sv.broken = append(sv.broken, stretch{from, sc.Position(), sv.next, reason})
			} else if err := p.save(sv, b); err != nil {
				return err
			}
			continue
		}
		var bad *segment.Invalid
		if errors.Is(err, io.EOF) {
			bad, err = checkZeros(f, from, end, sc.Next)
			if err == nil && bad == nil && from < end && sealed {
				bad = &segment.Invalid{Position: from, Expected: sc.Next, Reason: "zeros"}
			}
			if bad == nil {
				return err
			}
		} else if !errors.As(err, &bad) {
			return err
		}
		to := end
		if sc = behind(sv.src, bad, f, end, sealed); sc != nil {
			to = sc.Position()
		}
		sv.broken = append(sv.broken, stretch{from, to, sv.next, bad.Reason})
	}
	return nil
}

// behind scans on after damage. In a sealed segment places that are known otherwise tell batches from what only looks
// like one; of others neither the index nor the end is known.
func behind(src *segment.Segment, bad *segment.Invalid, f io.ReaderAt, end int64, sealed bool) *segment.Scanner {
	if sealed {
		return src.ScannerBehind(bad)
	}
	at, next, ok := segment.Resync(f, bad.Position+1, end, bad.Expected+1)
	if !ok {
		return nil
	}
	return segment.NewScanner(f, at, end, segment.Chain{Next: next, Gaps: src.Sealed().Compacted, Epoch: -1})
}

// misfit says why a batch with the right checksum does not belong where it stands: base offset and epoch are not
// covered by it.
func (p *repair) misfit(s *slot, b record.Batch) string {
	newest := p.o.Epoch
	if b.BaseOffset() < s.info.Next {
		newest = s.info.Epoch
	}
	if epoch := b.PartitionLeaderEpoch(); epoch < p.epoch || epoch > newest {
		return fmt.Sprintf("epoch %d is not in %d to %d", epoch, p.epoch, newest)
	}
	if b.LastOffset() >= s.limit {
		return fmt.Sprintf("offset %d belongs to the next segment", b.LastOffset())
	}
	var decoder record.Reader
	if _, err := countRecords(&decoder, b, 0); err != nil {
		return err.Error()
	}
	return ""
}

func (p *repair) save(sv *salvaged, b record.Batch) error {
	if err := sv.out.Append(b); err != nil {
		return err
	}
	p.epoch = b.PartitionLeaderEpoch()
	sv.batches++
	sv.next = b.LastOffset() + 1
	if b.ProducerID() < 0 {
		return nil
	}
	if t, aborted := p.producers.apply(b, 0); aborted {
		t.LastStable = math.MinInt64 // markers may be missing: it does not say that later segments need not be asked
		sv.out.NoteAborted(t)
	}
	return nil
}

// pass takes account of the transactions in a segment that stays as it is.
func (p *repair) pass(info segment.Info) error {
	p.epoch = max(p.epoch, info.Epoch)
	if !info.Producers {
		return nil
	}
	s := segment.Open(segment.Place{FS: p.fs, Pool: p.v.place.Pool, Dir: p.o.Dir}, info)
	defer s.Close()
	return s.Each(func(b record.Batch) error {
		if b.ProducerID() >= 0 {
			p.producers.apply(b, 0)
		}
		return nil
	})
}

// copyAside keeps a stretch of a file that will not be part of the log any more.
func (p *repair) copyAside(s *slot, src *segment.Segment, b stretch) error {
	name := p.path(fmt.Sprintf("%s%s.%d.%d%s", segment.Name(s.base), segment.LogExt, b.from, p.o.Epoch, brokenExt))
	p.notef("%s: took out %d bytes at %d, where offset %d was due (%s); they are kept in %s",
		src.Path(), b.to-b.from, b.from, b.first, b.reason, name)
	f, err := p.fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if err = src.CopyTo(f, b.from, b.to); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return p.fs.SyncDir(p.o.Dir)
}
