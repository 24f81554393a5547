package cluster

import (
	"context"

	"github.com/dot-do/kafka-embedded/engine"
)

func init() {
	for _, scheme := range []string{"kafka", "kafkas", "kafka+ssl"} {
		engine.Register(scheme, open)
	}
}

// open opens the engine of a cluster, and makes sure that a broker answers and takes the credentials.
func open(ctx context.Context, o engine.Options) (engine.Engine, error) {
	a, err := parseURL(o.URL, o.APIKey)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(a, o)
	if err != nil {
		return nil, err
	}
	if err := e.call(ctx, e.ping); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

// ping asks any broker for a sign of life. The client's own Ping waits for an answer however long that takes: who does not
// wait closes the engine, which ends it.
func (e *cluster) ping(ctx context.Context) error {
	answer := make(chan error, 1)
	go func() { answer <- e.admin.Ping(ctx) }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
