package cluster

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/record"
)

// read reads a topic without a group.
func (p *player) read(ctx context.Context, v verb) string {
	c := engine.ConsumerConfig{Topics: []string{p.topic(v.topic)}, UntilEnd: true}
	if v.yes {
		c.Isolation = engine.ReadUncommitted
	}
	if v.count == 1 {
		c.Start, c.StartTime = engine.StartTime, time.UnixMilli(firstTime+1000*v.number)
	}
	k, err := p.e.OpenConsumer(ctx, c)
	if err != nil {
		return failed(err)
	}
	defer func() { require.NoError(p.t, k.Close(ctx)) }()
	read, err := p.readToEnd(ctx, k)
	return failed(err) + p.shown(read)
}

// firstFrom shows the first record of a partition from an offset on.
func (p *player) firstFrom(ctx context.Context, tp engine.TopicPartition, offset int64) string {
	k, err := p.e.OpenConsumer(ctx, engine.ConsumerConfig{
		Topics: []string{tp.Topic}, UntilEnd: true, Isolation: engine.ReadUncommitted,
	})
	if err != nil {
		return failed(err)
	}
	defer func() { require.NoError(p.t, k.Close(ctx)) }()
	read, err := p.readToEnd(ctx, k)
	for _, r := range read[tp.Partition] {
		if r.Offset >= offset {
			return fmt.Sprintf("before record %d", r.Offset)
		}
	}
	return failed(err) + ", no record there"
}

func (p *player) readToEnd(ctx context.Context, k engine.Consumer) (map[int32][]record.Record, error) {
	read := map[int32][]record.Record{}
	for {
		fetches, err := k.Poll(ctx, 100)
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return nil, err
		}
		for _, f := range fetches {
			read[f.Partition] = append(read[f.Partition], f.Records...)
		}
	}
}

// shown are records by partition, in their order.
func (p *player) shown(read map[int32][]record.Record) string {
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(read)) {
		fmt.Fprintf(&b, "\n  %d:", n)
		for _, r := range read[n] {
			fmt.Fprintf(&b, " %d %s=%s%s%s", r.Offset, quoted(r.Key), quoted(r.Value), p.headers(&r), p.when(r.Timestamp))
		}
	}
	return b.String()
}

// headers shows a record's headers. On a cluster the last one of a record with a value names its codec.
func (p *player) headers(r *record.Record) (s string) {
	headers := r.AppendHeaders(nil)
	if p.cluster && r.Value != nil {
		last := len(headers) - 1
		if last < 0 || headers[last].Key != engine.CodecHeader || string(headers[last].Value) != "msgpack" {
			return " without the header that names the codec"
		}
		headers = headers[:last]
	}
	for _, h := range headers {
		s += fmt.Sprintf(" %q:%s", h.Key, quoted(h.Value))
	}
	return s
}

// when shows a timestamp: that of an append is not the same on both engines.
func (p *player) when(timestamp int64) string {
	if at := time.UnixMilli(timestamp); !at.Before(p.began.Truncate(time.Millisecond)) && !at.After(clock.Real.Now()) {
		return " now;"
	}
	return fmt.Sprintf(" %d;", timestamp)
}

// quoted shows bytes, shortened.
func quoted(b []byte) string {
	switch {
	case b == nil:
		return "null"
	case len(b) > 100:
		return fmt.Sprintf("%d bytes", len(b))
	}
	return fmt.Sprintf("%q", b)
}
