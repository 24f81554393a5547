package scenario

import (
	"context"
	"errors"
	"slices"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/stream"
)

// transaction is a call of Transact under way, whose function does what it is told from outside.
type transaction struct {
	steps  chan func(*kafka.Tx) error
	done   chan error // of each step
	result chan error // of Transact
	taken  []*reading
}

var errAborted = errors.New("aborted on purpose")

func (p *player) begin(name string) error {
	t := &transaction{steps: make(chan func(*kafka.Tx) error), done: make(chan error), result: make(chan error, 1)}
	go func() {
		t.result <- p.client.Transact(context.Background(), func(tx *kafka.Tx) error {
			for step := range t.steps {
				if step == nil {
					return errAborted
				}
				t.done <- step(tx)
			}
			return nil
		})
	}()
	err := t.do(func(*kafka.Tx) error { return nil })
	if err == nil {
		p.txns[name] = t
	}
	return err
}

// do makes a step. It fails when Transact has failed already.
func (t *transaction) do(step func(*kafka.Tx) error) error {
	select {
	case t.steps <- step:
		return <-t.done
	case err := <-t.result:
		return err
	}
}

func (t *transaction) put(topic string, ms []message) error {
	return t.do(func(tx *kafka.Tx) error {
		for _, m := range outgoing(ms) {
			if err := tx.SendTo(topic, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// take reads as a member of a group.
func (t *transaction) take(ctx context.Context, p *player, o op, out *outcome) error {
	return t.do(func(*kafka.Tx) error {
		t.taken = append(t.taken, p.read(ctx, p.client.Consumer(o.Topic, o.Group, kafka.WithUntilEnd()), o.N, out))
		return nil
	})
}

// commitOffsets puts what was taken last into the transaction.
func (t *transaction) commitOffsets() error {
	return t.do(func(tx *kafka.Tx) error {
		for _, m := range t.taken[len(t.taken)-1].last {
			if err := tx.CommitOffsets(m); err != nil {
				return err
			}
		}
		return nil
	})
}

// end commits or aborts.
func (p *player) end(name string, commit bool) error {
	t := p.txns[name]
	delete(p.txns, name)
	if !commit {
		t.steps <- nil
	}
	close(t.steps)
	err := <-t.result
	if errors.Is(err, errAborted) {
		err = nil
	}
	for _, r := range slices.Backward(t.taken) {
		err = errors.Join(err, r.consumer.Close())
	}
	return err
}

// countByKey counts the messages of each key.
func countByKey(s *kafka.Stream[*kafka.Message]) *stream.Table[string, tally] {
	byKey := s.GroupBy(func(m *kafka.Message) string { return m.Key })
	return stream.Reduce(byKey, tally{}, func(t tally, m *kafka.Message) tally {
		return tally{t.N + 1, incoming(m).Serial}
	}, stream.StoreName("tally"))
}
