package cluster

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/dot-do/kafka-embedded/engine"
)

// ListGroups implements engine.Engine. Groups of others than consumers are left out.
func (e *cluster) ListGroups(ctx context.Context) (infos []engine.GroupInfo, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		listed, err := e.adm.ListGroups(ctx)
		if err != nil {
			return err
		}
		var names []string
		for _, g := range listed.Sorted() {
			if g.ProtocolType == "consumer" || g.ProtocolType == "" {
				names = append(names, g.Group)
			}
		}
		return patiently(ctx, func() error {
			infos, err = e.describeGroups(ctx, names)
			return err
		})
	})
	return infos, err
}

// DescribeGroup implements engine.Engine.
func (e *cluster) DescribeGroup(ctx context.Context, group string) (info engine.GroupInfo, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		var infos []engine.GroupInfo
		err := patiently(ctx, func() (err error) {
			infos, err = e.describeGroups(ctx, []string{group})
			return err
		})
		if err != nil {
			return err
		}
		if len(infos) == 0 {
			return engine.Errorf(engine.ErrGroupNotFound, "there is no group %q", group)
		}
		info = infos[0]
		return nil
	})
	return info, err
}

// describeGroups describes those of the named groups that there are.
func (e *cluster) describeGroups(ctx context.Context, names []string) (infos []engine.GroupInfo, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	described, err := e.adm.DescribeGroups(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, g := range described.Sorted() {
		if g.State == "Dead" || errors.Is(g.Err, kerr.GroupIDNotFound) {
			continue
		}
		if g.Err != nil {
			return nil, g.Err
		}
		info := engine.GroupInfo{ID: g.Group, State: g.State, Protocol: g.Protocol}
		for _, m := range g.Members {
			info.Members = append(info.Members, memberInfo(m))
		}
		if info.Offsets, err = e.groupOffsets(ctx, g.Group); err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func memberInfo(m kadm.DescribedGroupMember) engine.MemberInfo {
	info := engine.MemberInfo{ID: m.MemberID}
	if m.InstanceID != nil {
		info.InstanceID = *m.InstanceID
	}
	if joined, ok := m.Join.AsConsumer(); ok {
		info.Topics = slices.Sorted(slices.Values(joined.Topics))
	}
	if assigned, ok := m.Assigned.AsConsumer(); ok {
		for _, t := range assigned.Topics {
			for _, p := range t.Partitions {
				info.Assignment = append(info.Assignment, engine.TopicPartition{Topic: t.Topic, Partition: p})
			}
		}
	}
	slices.SortFunc(info.Assignment, comparePartitions)
	return info
}

func comparePartitions(a, b engine.TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// groupOffsets are a group's committed offsets, and what lies behind them as far as there are the partitions.
func (e *cluster) groupOffsets(ctx context.Context, group string) ([]engine.GroupOffset, error) {
	committed, err := e.committed(ctx, group)
	if err != nil || len(committed) == 0 {
		return nil, err
	}
	there, err := e.existing(ctx, slices.Collect(maps.Keys(committed)))
	if err != nil {
		return nil, err
	}
	starts, err := e.listOffsets(ctx, there, atStart, engine.ReadUncommitted)
	if err != nil {
		return nil, err
	}
	ends, err := e.listOffsets(ctx, there, atEnd, engine.ReadCommitted)
	if err != nil {
		return nil, err
	}
	offsets := make([]engine.GroupOffset, 0, len(committed))
	for tp, offset := range committed {
		offsets = append(offsets, engine.GroupOffset{
			TopicPartition: tp, Committed: offset, End: ends[tp], Lag: max(ends[tp]-max(offset, starts[tp]), 0),
		})
	}
	slices.SortFunc(offsets, func(a, b engine.GroupOffset) int { return comparePartitions(a.TopicPartition, b.TopicPartition) })
	return offsets, nil
}

// committed are the offsets that a group has committed.
func (e *cluster) committed(ctx context.Context, group string) (map[engine.TopicPartition]int64, error) {
	offsets := map[engine.TopicPartition]int64{}
	fetched, err := e.adm.FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return offsets, nil
	}
	if err != nil {
		return nil, err
	}
	for _, partitions := range fetched {
		for _, o := range partitions {
			tp := engine.TopicPartition{Topic: o.Topic, Partition: o.Partition}
			if o.Err != nil {
				return nil, at(o.Err, tp)
			}
			if o.At >= 0 {
				offsets[tp] = o.At
			}
		}
	}
	return offsets, nil
}

// existing are those of the partitions that there are.
func (e *cluster) existing(ctx context.Context, tps []engine.TopicPartition) (there []engine.TopicPartition, err error) {
	details, err := e.adm.ListTopicsWithInternal(ctx, slices.Collect(maps.Keys(byTopic(tps)))...)
	if err != nil {
		return nil, err
	}
	for _, tp := range tps {
		if _, ok := details[tp.Topic].Partitions[tp.Partition]; ok {
			there = append(there, tp)
		}
	}
	return there, nil
}

// DeleteGroup implements engine.Engine.
func (e *cluster) DeleteGroup(ctx context.Context, group string) error {
	return e.call(ctx, func(ctx context.Context) error {
		return patiently(ctx, func() error {
			_, err := e.adm.DeleteGroup(ctx, group)
			return err
		})
	})
}

// SetOffsets implements engine.Engine.
func (e *cluster) SetOffsets(ctx context.Context, group string, offsets map[engine.TopicPartition]int64) error {
	return e.call(ctx, func(ctx context.Context) error {
		if err := engine.ValidateName("group", group); err != nil {
			return err
		}
		for tp, offset := range offsets {
			if err := e.topics.checkPartition(ctx, tp); err != nil {
				return err
			}
			if err := e.checkOffset(ctx, tp, offset); err != nil {
				return err
			}
		}
		err := patiently(ctx, func() error { return e.commit(ctx, group, membership{generation: -1}, offsets) })
		for _, answer := range []error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress} {
			if errors.Is(err, answer) {
				return engine.Errorf(engine.ErrGroupNotEmpty, "the group %q has members; close them first: %w", group, err)
			}
		}
		return err
	})
}

// commit stores offsets on behalf of a member.
func (e *cluster) commit(ctx context.Context, group string, m membership, offsets map[engine.TopicPartition]int64) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = group, m.generation, m.id, m.instance
	for topic, partitions := range offsetsByTopic(offsets) {
		rt := kmsg.NewOffsetCommitRequestTopic()
		rt.Topic = topic
		for partition, offset := range partitions {
			rp := kmsg.NewOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset = partition, offset
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	answer, err := req.RequestWith(ctx, e.admin)
	if err != nil {
		return err
	}
	for _, at := range answer.Topics {
		for _, ap := range at.Partitions {
			if err := answered(ap.ErrorCode, engine.TopicPartition{Topic: at.Topic, Partition: ap.Partition}); err != nil {
				return err
			}
		}
	}
	return nil
}
