package cluster

import (
	"context"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

// playTransaction plays the verbs of transactional producers. What is sent is flushed, so that it is written before what
// other producers send next, and a failure belongs to the verb.
func (p *player) playTransaction(ctx context.Context, v verb) (string, bool) {
	producer := p.tx[v.tx]
	if slices.Contains([]string{"begin", "send", "offsets", "end", "take"}, v.do) && (producer == nil || v.do == "take") {
		next, err := p.e.OpenProducer(ctx, engine.ProducerConfig{TransactionalID: p.name("tx-" + v.tx), Codec: "msgpack"})
		require.NoError(p.t, err)
		if p.tx[v.tx] = next; producer == nil {
			producer = next
		}
	}
	switch v.do {
	case "begin":
		return failed(producer.Begin(ctx)), true
	case "send":
		rs := slices.Clone(v.records)
		_, err := producer.Produce(ctx, p.topic(v.topic), rs)
		if err == nil {
			p.sent[v.tx] = true
			err = producer.Flush(ctx)
		}
		return failed(err), true
	case "offsets":
		offsets := map[engine.TopicPartition]int64{p.tp(v): v.number}
		if p.movesBack(ctx, v) {
			return "left out: it would move the group back", true
		}
		err := producer.SendOffsets(ctx, p.group(v.group), offsets, nil)
		if err == nil {
			p.sent[v.tx], p.pending[v.tx] = true, append(p.pending[v.tx], v.group)
		}
		return failed(err), true
	case "end":
		p.over(v.tx)
		return failed(producer.End(ctx, v.yes)), true
	case "take":
		if producer == p.tx[v.tx] {
			return "ok", true
		}
		held := "empty"
		if p.sent[v.tx] {
			held = "not empty"
		}
		p.over(v.tx)
		ended := failed(producer.End(ctx, v.yes))
		require.NoError(p.t, producer.Close())
		return fmt.Sprintf("the fenced one ends what was %s: %s", held, ended), true
	}
	return "", false
}

// movesBack reports whether an offset is lower than the committed one, or than one in a transaction.
func (p *player) movesBack(ctx context.Context, v verb) bool {
	for _, groups := range p.pending {
		if slices.Contains(groups, v.group) {
			return true
		}
	}
	info, _ := p.e.DescribeGroup(ctx, p.group(v.group)) // without a group there are no offsets
	return slices.ContainsFunc(info.Offsets, func(o engine.GroupOffset) bool {
		return o.TopicPartition == p.tp(v) && v.number < o.Committed
	})
}

// over forgets a transaction that has ended.
func (p *player) over(tx string) {
	delete(p.pending, tx)
	delete(p.sent, tx)
}
