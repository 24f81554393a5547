package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// maxDecompressed bounds what a batch may become when it is shown.
const maxDecompressed = 1 << 30

type dumpFlags struct {
	records bool
	show    func(io.Writer, batchDump) error
}

func dumpCommand(s *shared) *cobra.Command {
	var f dumpFlags
	cmd := s.json(&cobra.Command{
		Use:   "dump FILE.log...",
		Short: "Print the batches of segment files, and their records",
		Long: `Print the batches of segment files, and with --records what is in them. With --json a batch is one line, in which keys,
values and headers that are no text are objects with their base64.`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			f.show = showBatch
			if s.asJSON {
				f.show = func(w io.Writer, b batchDump) error { return json.NewEncoder(w).Encode(b) }
			}
			w := bufio.NewWriter(cmd.OutOrStdout())
			for _, name := range a {
				if err := f.dump(w, name); err != nil {
					return firstError(w.Flush(), fmt.Errorf("%s: %w", name, err))
				}
			}
			return w.Flush()
		},
	})
	cmd.Flags().BoolVar(&f.records, "records", false, "print each record, too")
	return cmd
}

// dump prints one file.
func (f *dumpFlags) dump(w io.Writer, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	sc := segment.NewScanner(file, 0, info.Size(), segment.Chain{Next: -1, Gaps: true})
	for {
		position := sc.Position()
		b, err := sc.Scan()
		var bad *segment.Invalid
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			return exitError{fmt.Errorf("no valid batch %w", bad), exitDamage}
		case err != nil:
			return err
		}
		d := newBatchDump(name, position, b)
		if f.records {
			if err := d.readRecords(b); err != nil {
				return err
			}
		}
		if err := f.show(w, d); err != nil {
			return err
		}
	}
}

// batchDump is what there is to say of a batch. Times are milliseconds.
type batchDump struct {
	File          string       `json:"file"`
	Position      int64        `json:"position"`
	Bytes         int          `json:"bytes"`
	First         int64        `json:"first"`
	Last          int64        `json:"last"`
	Count         int          `json:"count"`
	Epoch         int32        `json:"epoch"`
	BaseTimestamp int64        `json:"base_timestamp"`
	MaxTimestamp  int64        `json:"max_timestamp"`
	Compression   string       `json:"compression"`
	ProducerID    int64        `json:"producer_id"` // -1 when none
	ProducerEpoch int16        `json:"producer_epoch"`
	BaseSequence  int32        `json:"base_sequence"`
	Transactional bool         `json:"transactional"`
	Control       bool         `json:"control"`
	Records       []recordDump `json:"records,omitempty"`
}

type recordDump struct {
	Offset    int64       `json:"offset"`
	Timestamp int64       `json:"timestamp"`
	Key       bytesDump   `json:"key"`
	Value     bytesDump   `json:"value"`
	Headers   []bytesPair `json:"headers,omitempty"`
}

type bytesPair struct {
	Key   string    `json:"key"`
	Value bytesDump `json:"value"`
}

// bytesDump are bytes: in JSON null, a string, or an object with their base64 when they are no text.
type bytesDump []byte

// MarshalJSON implements json.Marshaler.
func (b bytesDump) MarshalJSON() ([]byte, error) {
	switch {
	case b == nil:
		return []byte("null"), nil
	case utf8.Valid(b):
		return json.Marshal(string(b))
	}
	return json.Marshal(map[string][]byte{"base64": b})
}

func (b bytesDump) String() string {
	if b == nil {
		return "null"
	}
	return strconv.Quote(string(b))
}

func newBatchDump(name string, position int64, b record.Batch) batchDump {
	return batchDump{
		File: name, Position: position, Bytes: len(b), First: b.BaseOffset(), Last: b.LastOffset(), Count: b.Count(),
		Epoch: b.PartitionLeaderEpoch(), BaseTimestamp: b.BaseTimestamp(), MaxTimestamp: b.MaxTimestamp(),
		Compression: b.Compression().String(), ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(),
		BaseSequence: b.BaseSequence(), Transactional: b.IsTransactional(), Control: b.IsControl(),
	}
}

func (d *batchDump) readRecords(b record.Batch) error {
	var r record.Reader
	if err := r.Reset(b, maxDecompressed); err != nil {
		return err
	}
	var rec record.Record
	for r.Next(&rec) {
		rd := recordDump{Offset: rec.Offset, Timestamp: rec.Timestamp, Key: bytes.Clone(rec.Key), Value: bytes.Clone(rec.Value)}
		for h := range rec.Headers() {
			rd.Headers = append(rd.Headers, bytesPair{h.Key, bytes.Clone(h.Value)})
		}
		d.Records = append(d.Records, rd)
	}
	return r.Err()
}

// showBatch prints a batch for people.
func showBatch(w io.Writer, d batchDump) error {
	if d.Position == 0 {
		fmt.Fprintf(w, "%s\n", d.File)
	}
	fmt.Fprintf(w, "position %d: offsets %d to %d, %d records, %d bytes, epoch %d, %s to %s, %s", d.Position, d.First, d.Last,
		d.Count, d.Bytes, d.Epoch, stamp(d.BaseTimestamp), stamp(d.MaxTimestamp), d.Compression)
	if d.ProducerID >= 0 {
		fmt.Fprintf(w, ", producer %d epoch %d sequence %d", d.ProducerID, d.ProducerEpoch, d.BaseSequence)
	}
	if d.Transactional {
		fmt.Fprint(w, ", transactional")
	}
	if d.Control {
		fmt.Fprint(w, ", control")
	}
	fmt.Fprintln(w)
	for _, r := range d.Records {
		fmt.Fprintf(w, "  %d %s key %s value %s", r.Offset, stamp(r.Timestamp), r.Key, r.Value)
		for _, h := range r.Headers {
			fmt.Fprintf(w, " %s=%s", h.Key, h.Value)
		}
		fmt.Fprintln(w)
	}
	_, err := w.Write(nil)
	return err
}

func stamp(ms int64) string {
	if ms < 0 {
		return "-"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
