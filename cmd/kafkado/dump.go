package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dot-do/kafka-embedded/record"
	"github.com/dot-do/kafka-embedded/segment"
)

// maxDecompressed bounds what a batch may become when it is shown.
const maxDecompressed = 1 << 30

func dumpCommand(s *shared) *cobra.Command {
	var records bool
	cmd := &cobra.Command{
		Use:   "dump FILE.log...",
		Short: "Print the batches of segment files, and their records",
		Args:  args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			for _, name := range a {
				if err := dump(cmd.OutOrStdout(), name, records); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&records, "records", false, "print each record, too")
	return cmd
}

func dump(w io.Writer, name string, records bool) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: %d bytes\n", name, info.Size())
	sc := segment.NewScanner(f, 0, info.Size(), segment.Chain{Next: -1, Gaps: true})
	for {
		position := sc.Position()
		b, err := sc.Scan()
		var bad *segment.Invalid
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintf(w, "%d bytes of batches, %d behind them\n", position, info.Size()-position)
			return nil
		case errors.As(err, &bad):
			return exitError{fmt.Errorf("no valid batch %w", bad), exitDamage}
		case err != nil:
			return err
		}
		fmt.Fprintf(w, "position %d: offsets %d to %d, %d records, %d bytes, epoch %d, %s to %s, %s%s\n",
			position, b.BaseOffset(), b.LastOffset(), b.Count(), len(b), b.PartitionLeaderEpoch(),
			stamp(b.BaseTimestamp()), stamp(b.MaxTimestamp()), b.Compression(), producer(b))
		if records {
			if err := dumpRecords(w, b); err != nil {
				return err
			}
		}
	}
}

func producer(b record.Batch) string {
	if b.ProducerID() < 0 {
		return ""
	}
	s := fmt.Sprintf(", producer %d epoch %d sequence %d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
	if b.IsTransactional() {
		s += ", transactional"
	}
	if b.IsControl() {
		s += ", control"
	}
	return s
}

func dumpRecords(w io.Writer, b record.Batch) error {
	var r record.Reader
	if err := r.Reset(b, maxDecompressed); err != nil {
		return err
	}
	var rec record.Record
	for r.Next(&rec) {
		fmt.Fprintf(w, "  %d %s key %s value %s", rec.Offset, stamp(rec.Timestamp), quote(rec.Key), quote(rec.Value))
		for h := range rec.Headers() {
			fmt.Fprintf(w, " %s=%s", h.Key, quote(h.Value))
		}
		fmt.Fprintln(w)
	}
	return r.Err()
}

func stamp(ms int64) string {
	if ms < 0 {
		return "-"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

func quote(b []byte) string {
	if b == nil {
		return "null"
	}
	return strconv.Quote(string(b))
}
