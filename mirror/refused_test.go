package mirror_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/mirror"
)

func TestTopics(t *testing.T) {
	for _, c := range []struct {
		name     string
		patterns []string
		want     []string
	}{
		{"all but a cluster's and a mirror's own", nil, []string{"a.x", "a.y", "b", "empty"}},
		{"a name", []string{"b"}, []string{"b"}},
		{"a pattern", []string{"a.*"}, []string{"a.x", "a.y"}},
		{"both, and twice", []string{"a.?", "b", "b"}, []string{"a.x", "a.y", "b"}},
		{"asked for", []string{"__own"}, []string{"__own"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := memory(t), memory(t)
			for _, topic := range []string{"a.x", "a.y", "b", "empty", "__own", "_mirror.other", "_forward.device"} {
				create(t, from, topic, kafka.TopicConfig{})
			}
			_, err := mirror.Run(t.Context(), from, to, mirror.Topics(c.patterns...))
			require.NoError(t, err)
			infos, err := to.Admin().ListTopics(t.Context())
			require.NoError(t, err)
			var names []string
			for _, info := range infos {
				if info.Name != "_mirror.default" {
					names = append(names, info.Name)
				}
			}
			require.ElementsMatch(t, c.want, names)
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		to   func(t *testing.T, from *kafka.Client) *kafka.Client // nil is an empty log
		opts []mirror.Option
		code kafka.Code
		says string
	}{
		{
			name: "source and target are one", code: kafka.ErrInvalidArgument, says: "source and target are one log",
			to: func(_ *testing.T, from *kafka.Client) *kafka.Client { return from },
		},
		{
			name: "no such topic", opts: []mirror.Option{mirror.Topics("t", "other")},
			code: kafka.ErrTopicNotFound, says: "(other): the source has no topic like it",
		},
		{
			name: "nothing matches", opts: []mirror.Option{mirror.Topics("x*")},
			code: kafka.ErrTopicNotFound, says: "(x*): the source has no topic like it",
		},
		{
			name: "malformed pattern", opts: []mirror.Option{mirror.Topics("[")},
			code: kafka.ErrInvalidArgument, says: "syntax error in pattern",
		},
		{
			name: "malformed id", opts: []mirror.Option{mirror.ID("a/b")},
			code: kafka.ErrInvalidArgument, says: `mirror name "a/b" has a character`,
		},
		{
			name: "fewer partitions", code: kafka.ErrInvalidArgument, says: "(t): the target's topic has 1 partitions and the source's 2: raise it to 2",
			to: func(t *testing.T, _ *kafka.Client) *kafka.Client {
				to := memory(t)
				create(t, to, "t", kafka.TopicConfig{Partitions: 1, Codec: "json"})
				return to
			},
		},
		{
			name: "other codec", code: kafka.ErrSerialization, says: "values are json in the source and msgpack in the target; delete",
			to: func(t *testing.T, _ *kafka.Client) *kafka.Client {
				to := memory(t)
				create(t, to, "t", kafka.TopicConfig{Partitions: 2})
				return to
			},
		},
		{
			name: "records of somebody else", code: kafka.ErrTopicExists, says: "(t-0): the target's topic has records that did not come",
			to: func(t *testing.T, from *kafka.Client) *kafka.Client {
				to := memory(t)
				_, err := mirror.Run(t.Context(), from, to, mirror.ID("earlier"))
				require.NoError(t, err)
				return to
			},
		},
		{
			name: "somebody else's ledger", code: kafka.ErrSerialization, says: "offset 0 of the ledger: ",
			to: func(t *testing.T, _ *kafka.Client) *kafka.Client {
				to := memory(t)
				require.NoError(t, to.Producer("_mirror.default").Send(t.Context(), kafka.Message{Key: "k", Value: "v"}))
				return to
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := memory(t)
			create(t, from, "t", kafka.TopicConfig{Partitions: 2, Codec: "json"})
			_, err := from.Producer("t").SendTo(t.Context(), 0, kafka.Message{Value: 1})
			require.NoError(t, err)
			to := from
			if c.to == nil {
				to = memory(t)
			} else {
				to = c.to(t, from)
			}
			before, err := to.Admin().ListTopics(t.Context())
			require.NoError(t, err)
			_, err = mirror.Run(t.Context(), from, to, c.opts...)
			require.ErrorIs(t, err, c.code)
			require.ErrorContains(t, err, c.says)
			if to == from {
				after, err := to.Admin().ListTopics(t.Context())
				require.NoError(t, err)
				require.Equal(t, before, after, "nothing was written")
			}
		})
	}
}
