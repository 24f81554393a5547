package carrytest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/dot-do/kafka-embedded/engine"
)

// Flaky is an engine whose verbs fail when Fault says so, as those of a cluster do that cannot be reached: before anything
// happened, or after it happened, so that the caller cannot know. Close leaves the engine open.
type Flaky struct {
	engine.Engine
	// Fault is asked before and after each verb; nil never fails. It may be called concurrently.
	Fault func(verb string, after bool) error
}

var (
	worlds    sync.Map
	scheme    sync.Once
	numbering int
	numbers   sync.Mutex
)

// URL is one under which clients find the engine, until the test ends.
func (f *Flaky) URL(t testing.TB) string {
	scheme.Do(func() {
		engine.Register("carrytest", func(_ context.Context, o engine.Options) (engine.Engine, error) {
			e, ok := worlds.Load(o.URL)
			if !ok {
				return nil, engine.Errorf(engine.ErrInvalidArgument, "no engine of a test: %q", o.URL)
			}
			found := e.(*Flaky)
			return found, found.around("open", func() error { return nil })
		})
	})
	numbers.Lock()
	defer numbers.Unlock()
	numbering++
	url := fmt.Sprintf("carrytest:%d", numbering)
	worlds.Store(url, f)
	t.Cleanup(func() { worlds.Delete(url) })
	return url
}

func (f *Flaky) around(verb string, do func() error) error {
	if f.Fault == nil {
		return do()
	}
	if err := f.Fault(verb, false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return f.Fault(verb, true)
}

// Close leaves the engine open.
func (f *Flaky) Close() error { return nil }

// OpenProducer may fail.
func (f *Flaky) OpenProducer(ctx context.Context, c engine.ProducerConfig) (p engine.Producer, err error) {
	err = f.around("OpenProducer", func() error {
		p, err = f.Engine.OpenProducer(ctx, c)
		return err
	})
	if err != nil {
		if p != nil {
			_ = p.Close()
		}
		return nil, err
	}
	return &flakyProducer{p, f}, nil
}

// OpenConsumer may fail.
func (f *Flaky) OpenConsumer(ctx context.Context, c engine.ConsumerConfig) (k engine.Consumer, err error) {
	err = f.around("OpenConsumer", func() error {
		k, err = f.Engine.OpenConsumer(ctx, c)
		return err
	})
	if err != nil {
		if k != nil {
			_ = k.Close(ctx)
		}
		return nil, err
	}
	return &flakyConsumer{k, f}, nil
}

// CreateTopic may fail.
func (f *Flaky) CreateTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	return f.around("CreateTopic", func() error { return f.Engine.CreateTopic(ctx, name, c) })
}

// DescribeTopic may fail.
func (f *Flaky) DescribeTopic(ctx context.Context, name string) (info engine.TopicInfo, err error) {
	err = f.around("DescribeTopic", func() error {
		info, err = f.Engine.DescribeTopic(ctx, name)
		return err
	})
	return info, err
}

// DescribeGroup may fail.
func (f *Flaky) DescribeGroup(ctx context.Context, name string) (info engine.GroupInfo, err error) {
	err = f.around("DescribeGroup", func() error {
		info, err = f.Engine.DescribeGroup(ctx, name)
		return err
	})
	return info, err
}

// SetOffsets may fail.
func (f *Flaky) SetOffsets(ctx context.Context, group string, offsets map[engine.TopicPartition]int64) error {
	return f.around("SetOffsets", func() error { return f.Engine.SetOffsets(ctx, group, offsets) })
}

type flakyProducer struct {
	engine.Producer
	f *Flaky
}

func (p *flakyProducer) Produce(ctx context.Context, topic string, rs []engine.Record) (d engine.Durability, err error) {
	err = p.f.around("Produce", func() error {
		d, err = p.Producer.Produce(ctx, topic, rs)
		return err
	})
	return d, err
}

func (p *flakyProducer) Begin(ctx context.Context) error {
	return p.f.around("Begin", func() error { return p.Producer.Begin(ctx) })
}

func (p *flakyProducer) End(ctx context.Context, commit bool) error {
	return p.f.around("End", func() error { return p.Producer.End(ctx, commit) })
}

type flakyConsumer struct {
	engine.Consumer
	f *Flaky
}

func (k *flakyConsumer) Poll(ctx context.Context, maxRecords int) (fetches []engine.Fetch, err error) {
	err = k.f.around("Poll", func() error {
		fetches, err = k.Consumer.Poll(ctx, maxRecords)
		return err
	})
	return fetches, err
}

func (k *flakyConsumer) Seek(ctx context.Context, tp engine.TopicPartition, offset int64) error {
	return k.f.around("Seek", func() error { return k.Consumer.Seek(ctx, tp, offset) })
}
