package mirror_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry/carrytest"
	"github.com/dot-do/kafka-embedded/mirror"
)

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
