package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// playGroup plays the verbs of groups.
func (p *player) playGroup(ctx context.Context, v verb) string {
	group := p.group(v.group)
	if slices.Contains([]string{"set", "forget", "committed", "consume"}, v.do) {
		for _, groups := range p.pending {
			if slices.Contains(groups, v.group) {
				return "left out: offsets of the group are in a transaction that is open"
			}
		}
	}
	switch v.do {
	case "set":
		return failed(p.e.SetOffsets(ctx, group, map[engine.TopicPartition]int64{p.tp(v): v.number}))
	case "groups":
		infos, err := p.e.ListGroups(ctx)
		return failed(err) + p.groups(infos)
	case "group":
		info, err := p.e.DescribeGroup(ctx, group)
		if err != nil {
			return failed(err)
		}
		return p.groups([]engine.GroupInfo{info})
	case "forget":
		info, _ := p.e.DescribeGroup(ctx, group)
		return failed(p.e.DeleteGroup(ctx, group)) + p.groups([]engine.GroupInfo{info})
	case "committed", "consume":
		return p.member(ctx, v)
	}
	p.t.Fatalf("no such verb: %s", v.do)
	return ""
}

// groups are those of this history.
func (p *player) groups(infos []engine.GroupInfo) (s string) {
	for _, name := range []string{"g", "h"} {
		for _, info := range infos {
			if info.ID != p.group(name) {
				continue
			}
			s += fmt.Sprintf("\n  %s %s %s %d members", name, info.State, info.Protocol, len(info.Members))
			for _, o := range info.Offsets {
				topic, _, _ := strings.Cut(strings.TrimPrefix(o.Topic, "topic-"), "-")
				s += fmt.Sprintf(" [%s-%d: %d of %d, %d left]", topic, o.Partition, o.Committed, o.End, o.Lag)
			}
		}
	}
	return s
}

// member plays the only member of a group: it looks at what is committed, and for "consume" may seek, reads all that is
// there, commits some of each partition, and then an offset of the verb's own.
func (p *player) member(ctx context.Context, v verb) string {
	c := engine.ConsumerConfig{
		Topics: []string{p.topic(v.topic)}, Group: p.group(v.group), UntilEnd: true, HeartbeatInterval: 100 * time.Millisecond,
	}
	k, err := p.e.OpenConsumer(ctx, c)
	if err != nil {
		return failed(err)
	}
	defer func() { require.NoError(p.t, k.Close(ctx)) }()
	s := p.committed(ctx, k, v)
	if v.do == "committed" {
		return s
	}
	if v.yes {
		s += "\n  seek: " + failed(k.Seek(ctx, p.tp(v), v.number))
	}
	read, err := p.readToEnd(ctx, k)
	s += "\n  read: " + failed(err) + p.shown(read)
	if err != nil {
		return s
	}
	offsets := map[engine.TopicPartition]int64{}
	for n, records := range read {
		if next := min(v.count, len(records)); next > 0 {
			offsets[engine.TopicPartition{Topic: p.topic(v.topic), Partition: n}] = records[next-1].Offset + 1
		}
	}
	s += "\n  commit some: " + failed(k.Commit(ctx, offsets)) + p.committed(ctx, k, v)
	s += "\n  commit one: " + failed(k.Commit(ctx, map[engine.TopicPartition]int64{p.tp(v): v.number})) + p.committed(ctx, k, v)
	for _, tp := range k.Assignment() {
		position, err := k.Position(tp)
		s += fmt.Sprintf("\n  at %d: %s %d", tp.Partition, failed(err), position)
	}
	ends, err := k.Ends(ctx)
	s += "\n  ends: " + failed(err)
	for n := range int32(len(ends)) {
		s += fmt.Sprint(" ", ends[engine.TopicPartition{Topic: p.topic(v.topic), Partition: n}])
	}
	return s
}

func (p *player) committed(ctx context.Context, k engine.Consumer, v verb) string {
	offset, err := k.Committed(ctx, p.tp(v))
	return fmt.Sprintf(" committed: %s %d", failed(err), offset)
}
