package forward_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/forward"
)

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		local kafka.TopicConfig
		opts  []forward.Option
		code  kafka.Code
		says  string
	}{
		{
			name: "no such topic", opts: []forward.Option{forward.Topics("other")},
			code: kafka.ErrTopicNotFound, says: "(other)",
		},
		{
			name: "retention by time", local: kafka.TopicConfig{RetentionMs: 1000},
			code: kafka.ErrInvalidArgument, says: "(x): the topic deletes records after 1000 ms, forwarded or not: set its RetentionMs to -1",
		},
		{
			name: "retention within the age", local: kafka.TopicConfig{RetentionMs: 1000}, opts: []forward.Option{forward.MaxAge(time.Minute)},
			code: kafka.ErrInvalidArgument, says: "forwarded or not",
		},
		{
			name: "retention by size", local: kafka.TopicConfig{RetentionBytes: 1000},
			opts: []forward.Option{forward.MaxDisk(1<<30, forward.KeepAll)},
			code: kafka.ErrInvalidArgument, says: "set its RetentionBytes to -1, and bound it with MaxDisk",
		},
		{
			name: "segments beyond the disk", opts: []forward.Option{forward.MaxDisk(1<<20, forward.DropOldest)},
			code: kafka.ErrInvalidArgument, says: "lower the topics' SegmentBytes, or raise MaxDisk",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			create(t, w.local, "x", c.local)
			f, err := forward.New(w.local, w.url, "d", append([]forward.Option{forward.Topics("x")}, c.opts...)...)
			require.NoError(t, err)
			err = f.Run(t.Context())
			require.ErrorIs(t, err, c.code)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, err, f.Stats().Err)
			require.Equal(t, forward.Stopped, f.Stats().State)
		})
	}
}

func TestRefusedTarget(t *testing.T) {
	for _, c := range []struct {
		name   string
		target func(t *testing.T, w *world)
		code   kafka.Code
		says   string
	}{
		{
			"fewer partitions", func(t *testing.T, w *world) { create(t, w.target, "t", kafka.TopicConfig{Codec: "raw"}) },
			kafka.ErrInvalidArgument, "raise it to 2",
		},
		{
			"other codec", func(t *testing.T, w *world) {
				create(t, w.target, "t", kafka.TopicConfig{Partitions: 2, Codec: "json"})
			},
			kafka.ErrSerialization, "values are raw in the source and json in the target",
		},
		{
			"the local log", func(t *testing.T, w *world) { w.flaky.Engine = w.local.Engine() },
			kafka.ErrInvalidArgument, "source and target are one log",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.target(t, w)
			err := w.forwarder().Run(t.Context())
			require.ErrorIs(t, err, c.code)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	local := open(t, kafka.WithInMemory())
	topic := forward.Topics("t")
	for _, c := range []struct {
		name, target, device string
		opts                 []forward.Option
		says                 string
	}{
		{"no topic", "mem:", "d", nil, "nothing to forward"},
		{"malformed topic", "mem:", "d", []forward.Option{forward.Topics("a b")}, `topic name "a b"`},
		{"no target", "", "d", []forward.Option{topic}, "there is no target"},
		{"no name", "mem:", "", []forward.Option{topic}, "forwarder name is empty"},
		{"malformed name", "mem:", "a/b", []forward.Option{topic}, `forwarder name "a/b"`},
		{"negative rate", "mem:", "d", []forward.Option{topic, forward.MaxBytesPerSecond(-1)}, "MaxBytesPerSecond of -1"},
		{"negative age", "mem:", "d", []forward.Option{topic, forward.MaxAge(-1)}, "MaxAge of -1ns"},
		{"negative disk", "mem:", "d", []forward.Option{topic, forward.MaxDisk(-1, forward.KeepAll)}, "MaxDisk of -1"},
		{"unknown policy", "mem:", "d", []forward.Option{topic, forward.MaxDisk(1, 7)}, "there are DropOldest and KeepAll"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := forward.New(local, c.target, c.device, c.opts...)
			require.ErrorIs(t, err, kafka.ErrInvalidArgument)
			require.ErrorContains(t, err, c.says)
		})
	}
}
