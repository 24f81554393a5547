package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/testdata"
)

const (
	demoTopic = "earthquakes"
	demoGroup = "seismologists"
)

func demoCommand(s *shared) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Write a week of earthquakes to a log and read it back",
		Long: `Write the 1,679 earthquakes of one week to a topic with three partitions, keyed by region and with their own times,
read them through a consumer group in two runs, the second of which goes on where the first stopped, find a day by time,
and count all by region and day with a stream. It can be run again and again: each run adds the week once more, and the
group goes on behind the last run.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.with(cmd, func(client *kafka.Client) error {
				d := demo{ctx: cmd.Context(), client: client, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr()}
				return d.run()
			})
		},
	}
}

type demo struct {
	ctx    context.Context
	client *kafka.Client
	out    io.Writer
	errs   io.Writer
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) run() error {
	quakes := testdata.Earthquakes()
	steps := []func([]testdata.Earthquake) error{d.prepare, d.produce, d.consume, d.seek, d.window, d.closing}
	for _, step := range steps {
		if err := step(quakes); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the topic, unless an earlier run did.
func (d *demo) prepare([]testdata.Earthquake) error {
	admin := d.client.Admin()
	err := admin.CreateTopic(d.ctx, demoTopic, kafka.TopicConfig{Partitions: 3})
	switch {
	case err == nil:
		d.say("Created topic %s with 3 partitions.", demoTopic)
	case kafkaCode(err) == kafka.ErrTopicExists:
		t, err := admin.DescribeTopic(d.ctx, demoTopic)
		if err != nil {
			return err
		}
		records, bytes := totals(t)
		d.say("Topic %s is there already, with %d records (%d bytes) of earlier runs.", demoTopic, records, bytes)
	default:
		return err
	}
	return nil
}

// produce writes the week, 100 events at a time, each batch fsynced before the next.
func (d *demo) produce(quakes []testdata.Earthquake) error {
	p := d.client.Producer(demoTopic)
	bar := newProgress(d.errs, "earthquakes", int64(len(quakes)))
	defer bar.done()
	begin := time.Now()
	for chunk := range slices.Chunk(quakes, 100) {
		ms := make([]kafka.Message, len(chunk))
		for i, q := range chunk {
			ms[i] = kafka.Message{Key: q.Region, Value: q, Timestamp: q.Time}
		}
		if err := p.SendBatch(d.ctx, ms); err != nil {
			return err
		}
		bar.add(len(ms))
	}
	bar.done()
	d.say("Wrote %d earthquakes, keyed by region, fsynced (acks=all), in %v.", len(quakes), time.Since(begin).Round(time.Millisecond))
	return nil
}

// region is what the demonstration gathers of a region.
type region struct {
	name       string
	count      int
	largest    float64
	partitions map[int]bool
}

// consume reads through the group: some, then a second consumer the rest.
func (d *demo) consume(quakes []testdata.Earthquake) error {
	regions := map[string]*region{}
	first, err := d.read(regions, len(quakes)/2)
	if err != nil {
		return err
	}
	d.say("\nGroup %s read %d and stopped in the middle; its offsets are committed.", demoGroup, first)
	second, err := d.read(regions, 0)
	if err != nil {
		return err
	}
	d.say("A second consumer of the group went on there and read %d, up to the end: %d in all.\n", second, first+second)
	if first+second != len(quakes) {
		d.say("(That is not %d because the group had not reached the end before this run.)\n", len(quakes))
	}
	return d.table(slices.Collect(maps.Values(regions)))
}

// read takes up to n events, or all that there are, and commits them.
func (d *demo) read(regions map[string]*region, n int) (count int, err error) {
	k := kafka.NewTypedConsumer[testdata.Earthquake](d.client, demoTopic, demoGroup, kafka.WithUntilEnd())
	newest := map[int]*kafka.Message{}
	for m := range k.Messages(d.ctx) {
		r := regions[m.Key]
		if r == nil {
			r = &region{name: m.Key, largest: m.Value.Magnitude, partitions: map[int]bool{}}
			regions[m.Key] = r
		}
		r.count++
		r.largest = max(r.largest, m.Value.Magnitude)
		r.partitions[m.Partition] = true
		newest[m.Partition] = m.Message
		if count++; count == n {
			break
		}
	}
	for _, m := range newest {
		if err := m.Commit(d.ctx); err != nil {
			return count, err
		}
	}
	return count, firstError(k.Err(), k.Close(), d.ctx.Err())
}

func (d *demo) table(regions []*region) error {
	slices.SortFunc(regions, func(a, b *region) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.name, b.name))
	})
	w := tabwriter.NewWriter(d.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "REGION\tEVENTS\tLARGEST\tPARTITION")
	for _, r := range regions[:min(8, len(regions))] {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%d\n", r.name, r.count, r.largest, slices.Sorted(maps.Keys(r.partitions))[0])
	}
	if len(regions) > 8 {
		fmt.Fprintf(w, "… and %d more\n", len(regions)-8)
	}
	return w.Flush()
}

// seek finds a day by the events' own times.
func (d *demo) seek(quakes []testdata.Earthquake) error {
	day := quakes[len(quakes)-1].Time.Truncate(24 * time.Hour)
	k := kafka.NewTypedConsumer[testdata.Earthquake](d.client, demoTopic, "", kafka.WithOffsetTime(day), kafka.WithUntilEnd())
	count := 0
	var largest testdata.Earthquake
	for m := range k.Messages(d.ctx) {
		if m.Timestamp.Before(day) {
			continue // of an earlier hour, but written later
		}
		count++
		if m.Value.Magnitude > largest.Magnitude {
			largest = m.Value
		}
	}
	if err := firstError(k.Err(), k.Close(), d.ctx.Err()); err != nil {
		return err
	}
	d.say("\nSince %s there were %d; the largest was %.1f, %s.", day.Format("2 January 2006 15:04"), count, largest.Magnitude, largest.Place)
	return nil
}

func (d *demo) closing([]testdata.Earthquake) error {
	t, err := d.client.Admin().DescribeTopic(d.ctx, demoTopic)
	if err != nil {
		return err
	}
	records, bytes := totals(t)
	d.say("\nThe topic holds %d records in %d bytes. Look into it with:", records, bytes)
	d.say("  go run ./cmd/kafkado topics describe %s", demoTopic)
	d.say("  go run ./cmd/kafkado consume %s -n 3 -f '%%T %%k: %%v\\n'", demoTopic)
	d.say("  go run ./cmd/kafkado verify")
	return nil
}

func kafkaCode(err error) kafka.Code {
	var e *kafka.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
