package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
	"github.com/dot-do/kafka-embedded/mirror"
)

// memory is a client on a log of its own.
func memory(t testing.TB) *kafka.Client { return open(t, kafka.WithInMemory()) }

func open(t testing.TB, opts ...kafka.Option) *kafka.Client {
	t.Helper()
	c, err := kafka.NewClient(t.Context(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func create(t testing.TB, c *kafka.Client, topic string, config kafka.TopicConfig) {
	t.Helper()
	require.NoError(t, c.Admin().CreateTopic(t.Context(), topic, config))
}

// fill makes two topics in a source, with offsets of groups.
func fill(t testing.TB, c *kafka.Client, n int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	create(t, c, "orders", kafka.TopicConfig{
		Partitions: 3, Codec: "json", Compression: kafka.CompressionZstd, SegmentBytes: 8 << 10, RetentionMs: 3_600_000,
	})
	create(t, c, "states", kafka.TopicConfig{Partitions: 2, CleanupPolicy: kafka.CleanupCompact, Codec: "raw"})
	carrytest.Fill(t, c.Engine(), "orders", n, rng)
	carrytest.FillKeyed(t, c.Engine(), "states", n, rng)
	for g := range 5 {
		commit(t, c, fmt.Sprint("group-", g), rng)
	}
}

// commit commits a random offset of each partition of orders, and of one of states.
func commit(t testing.TB, c *kafka.Client, group string, rng *rand.Rand) {
	offsets := map[engine.TopicPartition]int64{}
	for _, topic := range []string{"orders", "states"} {
		info, err := c.Engine().DescribeTopic(t.Context(), topic)
		require.NoError(t, err)
		for _, p := range info.Partitions {
			offsets[engine.TopicPartition{Topic: topic, Partition: p.Partition}] = p.Start + rng.Int64N(p.End-p.Start+1)
		}
	}
	require.NoError(t, c.Engine().SetOffsets(t.Context(), group, offsets))
}

// requireGroups fails the test unless consumers of each group get the same records in both logs.
func requireGroups(t testing.TB, from, to *kafka.Client) {
	t.Helper()
	require.Empty(t, strayGroups(t, from, to))
}

// strayGroups are the groups whose consumers would not get the same records in both logs.
func strayGroups(t testing.TB, from, to *kafka.Client) (stray []string) {
	groups, err := from.Engine().ListGroups(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, groups)
	here, there := rest{t, from, nil}, rest{t, to, nil}
	for _, g := range groups {
		moved, _ := to.Engine().DescribeGroup(t.Context(), g.ID) // no offsets when it is not there
		same := slices.EqualFunc(g.Offsets, moved.Offsets, func(a, b kafka.GroupOffset) bool {
			return a.TopicPartition == b.TopicPartition && slices.Equal(here.after(a), there.after(b))
		})
		if !same {
			stray = append(stray, fmt.Sprintf("%s: %v became %v", g.ID, g.Offsets, moved.Offsets))
		}
	}
	return stray
}

// rest tells what groups have still to read.
type rest struct {
	t     testing.TB
	c     *kafka.Client
	known map[string]contents
}

type contents struct {
	texts   map[int32][]string
	offsets map[int32][]int64
}

func (r *rest) after(o kafka.GroupOffset) []string {
	has, known := r.known[o.Topic]
	if !known {
		has.texts, has.offsets = carrytest.Read(r.t, r.c.Engine(), o.Topic)
		if r.known == nil {
			r.known = map[string]contents{}
		}
		r.known[o.Topic] = has
	}
	first, _ := slices.BinarySearch(has.offsets[o.Partition], o.Committed)
	return has.texts[o.Partition][first:]
}

func requireEqual(t testing.TB, from, to *kafka.Client) {
	t.Helper()
	for _, topic := range []string{"orders", "states"} {
		carrytest.Equal(t, from.Engine(), to.Engine(), topic)
	}
}

func TestRun(t *testing.T) {
	from, to := memory(t), memory(t)
	fill(t, from, 600, 1)
	require.NoError(t, from.Engine().DeleteRecords(t.Context(), engine.TopicPartition{Topic: "orders", Partition: 1}, 100))
	var last mirror.Progress
	s, err := mirror.Run(t.Context(), from, to, mirror.OnProgress(func(p mirror.Progress) { last = p }))
	require.NoError(t, err)
	requireEqual(t, from, to)
	requireGroups(t, from, to)
	for _, topic := range []string{"orders", "states"} {
		a, err := from.Engine().DescribeTopic(t.Context(), topic)
		require.NoError(t, err)
		b, err := to.Engine().DescribeTopic(t.Context(), topic)
		require.NoError(t, err)
		require.Equal(t, a.Config, b.Config)
	}
	require.Equal(t, 2, s.Topics)
	require.Equal(t, 5, s.Partitions)
	require.Equal(t, 5, s.Groups)
	require.True(t, s.ExactlyOnce)
	require.Equal(t, s.Records, last.Records)
	require.Greater(t, last.Offsets, last.Records, "markers and aborted records have offsets")
	require.LessOrEqual(t, last.Offsets, last.Total)

	again, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	require.Zero(t, again.Records, "there is nothing left to do")
	carrytest.Fill(t, from.Engine(), "orders", 500, rand.New(rand.NewPCG(2, 0)))
	commit(t, from, "late", rand.New(rand.NewPCG(3, 0)))
	_, err = mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	requireEqual(t, from, to)
	requireGroups(t, from, to)
}

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

func TestAppend(t *testing.T) {
	from, to := memory(t), memory(t)
	for _, c := range []*kafka.Client{from, to} {
		require.NoError(t, c.Producer("t").Send(t.Context(), kafka.Message{Value: 1}))
	}
	_, err := mirror.Run(t.Context(), from, to, mirror.Append())
	require.NoError(t, err)
	texts, _ := carrytest.Read(t, to.Engine(), "t")
	require.Len(t, texts[0], 2)
}

// TestMadeAnew: a position is one of a topic in a topic. When either is another one, all is carried.
func TestMadeAnew(t *testing.T) {
	from, to := memory(t), memory(t)
	run := func(opts ...mirror.Option) error {
		_, err := mirror.Run(t.Context(), from, to, opts...)
		return err
	}
	require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: 1}))
	require.NoError(t, run())
	require.NoError(t, to.Admin().DeleteTopic(t.Context(), "t"))
	require.NoError(t, run(), "the target's was deleted")
	carrytest.Equal(t, from.Engine(), to.Engine(), "t")

	require.NoError(t, from.Admin().DeleteTopic(t.Context(), "t"))
	require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: 2}))
	require.ErrorIs(t, run(), kafka.ErrTopicExists, "the source's is another one, with records of its own")
	require.NoError(t, run(mirror.Append()))
	texts, _ := carrytest.Read(t, to.Engine(), "t")
	require.Len(t, texts[0], 2)
}

// TestOlderCopy: a source that has gone back in time is not mistaken for one that has nothing new.
func TestOlderCopy(t *testing.T) {
	from, to := memory(t), memory(t)
	require.NoError(t, from.Producer("t").SendBatch(t.Context(), []kafka.Message{{Value: 1}, {Value: 2}}))
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	older := &olderEngine{from.Engine()}
	_, err = mirror.Run(t.Context(), open(t, kafka.WithURL((&carrytest.Flaky{Engine: older}).URL(t))), to)
	require.ErrorIs(t, err, kafka.ErrOffsetOutOfRange)
	require.ErrorContains(t, err, "the source ends at 1, but has been carried up to 2: it is an older copy")
}

type olderEngine struct{ engine.Engine }

func (o *olderEngine) DescribeTopic(ctx context.Context, name string) (engine.TopicInfo, error) {
	info, err := o.Engine.DescribeTopic(ctx, name)
	for i := range info.Partitions {
		info.Partitions[i].End--
	}
	return info, err
}

// TestDeletedBeforeCarried: what the source no longer has is counted.
func TestDeletedBeforeCarried(t *testing.T) {
	from, to := memory(t), memory(t)
	send := func(n int) {
		for i := range n {
			require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: i}))
		}
	}
	send(3)
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	send(7)
	require.NoError(t, from.Admin().DeleteRecords(t.Context(), "t", 0, 5))
	for range 2 {
		s, err := mirror.Run(t.Context(), from, to)
		require.NoError(t, err)
		require.Equal(t, int64(2), s.Skipped)
	}
	texts, _ := carrytest.Read(t, to.Engine(), "t")
	require.Len(t, texts[0], 8)
}

// TestGroupsInUse: consumers of the target are not moved, and neither is a group that has gone further there.
func TestGroupsInUse(t *testing.T) {
	from, to := memory(t), memory(t)
	for i := range 10 {
		require.NoError(t, from.Producer("t").Send(t.Context(), kafka.Message{Value: i}))
	}
	tp := engine.TopicPartition{Topic: "t"}
	for _, g := range []string{"free", "used"} {
		require.NoError(t, from.Engine().SetOffsets(t.Context(), g, map[engine.TopicPartition]int64{tp: 4}))
	}
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	committed := func(g string) int64 {
		info, err := to.Engine().DescribeGroup(t.Context(), g)
		require.NoError(t, err)
		return info.Offsets[0].Committed
	}
	require.Equal(t, int64(4), committed("free"))

	require.NoError(t, to.Engine().SetOffsets(t.Context(), "free", map[engine.TopicPartition]int64{tp: 9}))
	k := to.Consumer("t", "used")
	for range k.Messages(t.Context()) {
		break // a member now
	}
	for _, g := range []string{"free", "used"} {
		require.NoError(t, from.Engine().SetOffsets(t.Context(), g, map[engine.TopicPartition]int64{tp: 8}))
	}
	s, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	require.Equal(t, []string{"used"}, s.GroupsInUse)
	require.Equal(t, 1, s.Groups)
	require.Equal(t, int64(9), committed("free"))
	require.Equal(t, int64(4), committed("used"))
	require.NoError(t, k.Close())
	_, err = mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	require.Equal(t, int64(8), committed("used"))
}

// TestForeignRecords: records that others write to the target do not make a group lose any.
func TestForeignRecords(t *testing.T) {
	from, to := memory(t), memory(t)
	rng := rand.New(rand.NewPCG(5, 5))
	create(t, from, "t", kafka.TopicConfig{Partitions: 1, Codec: "json"})
	for range 6 {
		carrytest.Fill(t, from.Engine(), "t", 50, rng)
		_, err := mirror.Run(t.Context(), from, to)
		require.NoError(t, err)
		carrytest.Fill(t, to.Engine(), "t", 20, rng)
	}
	texts, offsets := carrytest.Read(t, from.Engine(), "t")
	there, thereOffsets := carrytest.Read(t, to.Engine(), "t")
	for i, offset := range offsets[0] {
		group := fmt.Sprint("g", i)
		require.NoError(t, from.Engine().SetOffsets(t.Context(), group, map[engine.TopicPartition]int64{{Topic: "t"}: offset}))
	}
	_, err := mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	for i := range offsets[0] {
		info, err := to.Engine().DescribeGroup(t.Context(), fmt.Sprint("g", i))
		require.NoError(t, err)
		rest := map[string]int{}
		for j, o := range thereOffsets[0] {
			if o >= info.Offsets[0].Committed {
				rest[there[0][j]]++
			}
		}
		for _, text := range texts[0][i:] {
			require.Positive(t, rest[text], "record lost to group %d", i)
			rest[text]--
		}
	}
}

// TestWithoutTransactions: a target that has none gets everything, and it is said that records may come twice.
func TestWithoutTransactions(t *testing.T) {
	for _, verb := range []string{"OpenProducer", "Begin", "End"} {
		t.Run(verb, func(t *testing.T) {
			from, to := memory(t), memory(t)
			fill(t, from, 300, 1)
			e := &noTransactions{to.Engine(), verb}
			url := (&carrytest.Flaky{Engine: e}).URL(t)
			s, err := mirror.Run(t.Context(), from, open(t, kafka.WithURL(url)))
			require.NoError(t, err)
			require.False(t, s.ExactlyOnce)
			requireEqual(t, from, to)
			requireGroups(t, from, to)
		})
	}
}

// noTransactions is an engine that refuses them, in one of the ways that there are.
type noTransactions struct {
	engine.Engine
	verb string
}

func (n *noTransactions) OpenProducer(ctx context.Context, c engine.ProducerConfig) (engine.Producer, error) {
	if c.TransactionalID != "" && n.verb == "OpenProducer" {
		return nil, errors.ErrUnsupported
	}
	p, err := n.Engine.OpenProducer(ctx, c)
	return &withoutTransactions{p, n.verb}, err
}

type withoutTransactions struct {
	engine.Producer
	verb string
}

func (p *withoutTransactions) Begin(ctx context.Context) error {
	if p.verb == "Begin" {
		return errors.ErrUnsupported
	}
	return p.Producer.Begin(ctx)
}

func (p *withoutTransactions) End(ctx context.Context, commit bool) error {
	if p.verb == "End" {
		return errors.Join(errors.ErrUnsupported, p.Producer.End(ctx, false))
	}
	return p.Producer.End(ctx, commit)
}

func TestInterrupted(t *testing.T) {
	from, to := memory(t), memory(t)
	fill(t, from, 1000, 1)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := mirror.Run(ctx, from, to, mirror.OnProgress(func(p mirror.Progress) {
		if p.Records > 0 {
			cancel()
		}
	}))
	require.ErrorIs(t, err, context.Canceled)
	_, err = mirror.Run(t.Context(), from, to)
	require.NoError(t, err)
	requireEqual(t, from, to)
	requireGroups(t, from, to)
}

func TestFenced(t *testing.T) {
	from, to := memory(t), memory(t)
	fill(t, from, 600, 1)
	taken := false
	_, err := mirror.Run(t.Context(), from, to, mirror.OnProgress(func(p mirror.Progress) {
		if taken || p.Records == 0 {
			return
		}
		taken = true
		_, err := mirror.Run(t.Context(), from, to)
		require.NoError(t, err)
	}))
	require.True(t, taken)
	require.ErrorIs(t, err, kafka.ErrFenced)
	requireEqual(t, from, to)
}

func TestElapsed(t *testing.T) {
	s, err := mirror.Run(t.Context(), memory(t), memory(t))
	require.NoError(t, err)
	require.Zero(t, s.Topics)
	require.Less(t, s.Elapsed, time.Minute)
}
