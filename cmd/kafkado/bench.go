package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
)

type benchFlags struct {
	size   int
	budget time.Duration
}

func benchCommand(s *shared) *cobra.Command {
	var f benchFlags
	cmd := s.json(&cobra.Command{
		Use:   "bench",
		Short: "Measure what the disk under the data directory does, in a few seconds",
		Long: `Measure sending and reading, in a directory of its own beside the data directory, which is removed afterwards.

Durability is what a send had reached when it returned: "fsync" survives a power loss, "os" a killed process.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.size < 1 || f.size > 1<<20 {
				return usage("--size %d: give 1 to %d bytes", f.size, 1<<20)
			}
			if f.budget <= 0 {
				return usage("--time %v", f.budget)
			}
			return f.run(cmd, s)
		},
	})
	cmd.Flags().IntVar(&f.size, "size", 100, "bytes of a value")
	cmd.Flags().DurationVar(&f.budget, "time", time.Second, "time for each scenario")
	return cmd
}

// run measures in a new directory on the same disk.
func (f *benchFlags) run(cmd *cobra.Command, s *shared) error {
	if s.url != "" {
		return usage("bench works on disk: give --dir")
	}
	near, err := filepath.Abs(s.dir)
	if err != nil {
		return err
	}
	if s.dir != "" {
		near = filepath.Dir(near)
	}
	dir, err := os.MkdirTemp(near, "kafkado-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	client, err := kafka.NewClient(cmd.Context(), kafka.WithDir(dir))
	if err != nil {
		return err
	}
	b := bench{benchFlags: *f, client: client, value: make([]byte, f.size), errs: cmd.ErrOrStderr()}
	for i := range b.value {
		b.value[i] = byte('a' + i%26)
	}
	results, err := b.all(cmd.Context())
	if err := firstError(err, client.Close()); err != nil {
		return err
	}
	if s.asJSON {
		return printJSON(cmd.OutOrStdout(), results)
	}
	return printBench(cmd.OutOrStdout(), f.size, results)
}

type bench struct {
	benchFlags
	client *kafka.Client
	value  []byte
	errs   io.Writer
}

// benchResult is one line of the table.
type benchResult struct {
	Scenario   string  `json:"scenario"`
	Durability string  `json:"durability"`
	Records    int     `json:"records"`
	PerSecond  float64 `json:"records_per_second"`
	MBPerSec   float64 `json:"mb_per_second"` // of values, in 10^6 bytes
	P50        float64 `json:"p50_us"`        // of one call, in microseconds
	P99        float64 `json:"p99_us"`
}

const benchTopic = "bench"

// benchBatch is how many records the scenarios with batches send at once.
const benchBatch = 1000

func (b *bench) all(ctx context.Context) (results []benchResult, err error) {
	err = b.client.Admin().CreateTopic(ctx, benchTopic, kafka.TopicConfig{Codec: kafka.Raw.Name()})
	if err != nil {
		return nil, err
	}
	scenarios := []struct {
		name string
		call func(context.Context, *benchResult) (n int, err error)
	}{
		{"send, one at a time", b.sender(kafka.AcksLeader, 1)},
		{"send, one at a time", b.sender(kafka.AcksAll, 1)},
		{fmt.Sprintf("send, batches of %d", benchBatch), b.sender(kafka.AcksLeader, benchBatch)},
		{fmt.Sprintf("send, batches of %d", benchBatch), b.sender(kafka.AcksAll, benchBatch)},
		{"read all of it", b.reader()},
	}
	bar := newProgress(b.errs, "scenarios", int64(len(scenarios)))
	defer bar.done()
	for _, s := range scenarios {
		r := benchResult{Scenario: s.name, Durability: "-"}
		if err := b.measure(ctx, &r, s.call); err != nil {
			return nil, err
		}
		results = append(results, r)
		bar.add(1)
	}
	return results, nil
}

// measure makes calls until the time is over or there is nothing left to do.
func (b *bench) measure(ctx context.Context, r *benchResult, call func(context.Context, *benchResult) (int, error)) error {
	var times []time.Duration
	begin := time.Now()
	last := begin
	for last.Sub(begin) < b.budget {
		n, err := call(ctx, r)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		now := time.Now()
		times = append(times, now.Sub(last))
		last = now
		r.Records += n
	}
	if ctx.Err() != nil || len(times) == 0 {
		return ctx.Err()
	}
	slices.Sort(times)
	r.PerSecond = float64(r.Records) / last.Sub(begin).Seconds()
	r.MBPerSec = r.PerSecond * float64(b.size) / 1e6
	r.P50, r.P99 = microseconds(times[len(times)/2]), microseconds(times[len(times)*99/100])
	return nil
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// sender sends the same batch again and again, and notes the durability that it reached.
func (b *bench) sender(acks kafka.Acks, batch int) func(context.Context, *benchResult) (int, error) {
	p := b.client.Producer(benchTopic, kafka.WithAcks(acks))
	ms := make([]kafka.Message, batch)
	for i := range ms {
		ms[i].Value = b.value
	}
	return func(ctx context.Context, r *benchResult) (int, error) {
		where, err := p.Produce(ctx, ms...)
		if err == nil {
			r.Durability = where[0].Durability.String()
		}
		return batch, err
	}
}

// reader reads what was sent, as many messages in a call as a batch has.
func (b *bench) reader() func(context.Context, *benchResult) (int, error) {
	k := b.client.Consumer(benchTopic, "", kafka.WithUntilEnd())
	return func(ctx context.Context, _ *benchResult) (n int, err error) {
		for range k.Messages(ctx) {
			if n++; n == benchBatch {
				break
			}
		}
		return n, k.Err()
	}
}

func printBench(out io.Writer, size int, results []benchResult) error {
	fmt.Fprintf(out, "Values of %d bytes, one partition, no compression, one sender.\n\n", size)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "RECORDS/S\tMB/S\tP50 µs\tP99 µs\tDURABILITY\t  SCENARIO")
	for _, r := range results {
		fmt.Fprintf(w, "%.0f\t%.1f\t%.1f\t%.1f\t%s\t  %s\n", r.PerSecond, r.MBPerSec, r.P50, r.P99, r.Durability, r.Scenario)
	}
	return w.Flush()
}
