package mirror

import (
	"context"
	"errors"
	"strings"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
)

// groups gives the groups of the target the offsets that those of the source have.
func (m *mirror) groups(ctx context.Context) (err error) {
	infos, err := m.from.ListGroups(ctx)
	if err != nil {
		return err
	}
	t := newTranslator(m.from, m.to, m.carrier.Positions())
	defer func() { err = errors.Join(err, t.close()) }()
	m.summary.Groups, m.summary.GroupsInUse = 0, nil
	for i := range infos {
		if strings.HasPrefix(infos[i].ID, forwarderPrefix) {
			continue // how far a device was forwarded is no matter of its mirror
		}
		if err := m.group(ctx, t, infos[i].ID); err != nil {
			return err
		}
	}
	return nil
}

// group translates the offsets of one group. It moves none back: after a move to the target it is the consumers there
// who know best.
func (m *mirror) group(ctx context.Context, t *translator, name string) error {
	info, err := m.from.DescribeGroup(ctx, name)
	if errors.Is(err, kafka.ErrGroupNotFound) {
		return nil // it went meanwhile
	}
	if err != nil {
		return err
	}
	there, err := m.committed(ctx, name)
	if err != nil {
		return err
	}
	offsets, concerned := map[engine.TopicPartition]int64{}, false
	for _, o := range info.Offsets {
		if _, carried := m.carrier.Positions()[o.TopicPartition]; !carried || o.Committed < 0 {
			continue
		}
		concerned = true
		to, err := t.translate(ctx, o.TopicPartition, o.Committed)
		if err != nil {
			return err
		}
		if at, known := there[o.TopicPartition]; !known || at < to {
			offsets[o.TopicPartition] = to
		}
	}
	if !concerned {
		return nil
	}
	if len(offsets) > 0 {
		err = m.to.SetOffsets(ctx, name, offsets)
	}
	if errors.Is(err, kafka.ErrGroupNotEmpty) {
		m.summary.GroupsInUse = append(m.summary.GroupsInUse, name)
		return nil
	}
	if err == nil {
		m.summary.Groups++
	}
	return err
}

// committed is what a group has committed in the target.
func (m *mirror) committed(ctx context.Context, name string) (map[engine.TopicPartition]int64, error) {
	info, err := m.to.DescribeGroup(ctx, name)
	if errors.Is(err, kafka.ErrGroupNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	there := map[engine.TopicPartition]int64{}
	for _, o := range info.Offsets {
		if o.Committed >= 0 {
			there[o.TopicPartition] = o.Committed
		}
	}
	return there, nil
}
