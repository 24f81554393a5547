package cluster

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/dot-do/kafka-embedded/engine"
)

// CreateTopic implements engine.Engine. The number of replicas is the cluster's default.
func (e *cluster) CreateTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	return e.call(ctx, func(ctx context.Context) error { return e.createTopic(ctx, name, c) })
}

func (e *cluster) createTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	if err := engine.ValidateName("topic", name); err != nil {
		return err
	}
	if err := validate(name, c); err != nil {
		return err
	}
	told := c.Codec
	c = withDefaults(c, e.opts.DefaultPartitions)
	configs := map[string]*string{}
	for key, value := range entries(c) {
		configs[key] = &value
	}
	created, err := e.adm.CreateTopic(ctx, int32(c.Partitions), -1, configs, name)
	if err != nil {
		return atTopic(described(err, created.ErrMessage), name)
	}
	e.topics.forget(name)
	if err := e.awaitPartitions(ctx, name, c.Partitions); err != nil || told == "" {
		return err
	}
	detail, err := e.topics.detail(ctx, name)
	if err == nil {
		e.topics.tell(identity{name, detail.ID}, told)
	}
	return err
}

// described adds what the cluster says about its error.
func described(err error, text string) error {
	if err = explain(err); text == "" {
		return err
	}
	var e *engine.Error
	if errors.As(err, &e) {
		c := *e
		c.Message += ": " + text
		return &c
	}
	return err
}

// ListTopics implements engine.Engine. Internal topics of the cluster are left out.
func (e *cluster) ListTopics(ctx context.Context) (infos []engine.TopicInfo, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		infos, err = e.topics.describe(ctx)
		return err
	})
	return infos, err
}

// DescribeTopic implements engine.Engine.
func (e *cluster) DescribeTopic(ctx context.Context, name string) (info engine.TopicInfo, err error) {
	err = e.call(ctx, func(ctx context.Context) error {
		infos, err := e.topics.describe(ctx, name)
		if err == nil {
			info = infos[0]
		}
		return err
	})
	return info, err
}

// AlterTopic implements engine.Engine.
func (e *cluster) AlterTopic(ctx context.Context, name string, c engine.TopicConfig) error {
	return e.call(ctx, func(ctx context.Context) error {
		detail, err := e.topics.detail(ctx, name)
		if err != nil {
			return err
		}
		if c.Partitions != 0 && c.Partitions != len(detail.Partitions) {
			return engine.Errorf(engine.ErrInvalidArgument, "partitions are added with CreatePartitions").At(name, -1)
		}
		if c.Codec != "" {
			return engine.Errorf(engine.ErrInvalidArgument, "the codec of a topic cannot be changed").At(name, -1)
		}
		if err := validate(name, c); err != nil {
			return err
		}
		want := entries(c)
		if len(want) == 0 {
			return nil
		}
		return e.alter(ctx, name, want)
	})
}

func (e *cluster) alter(ctx context.Context, name string, want map[string]string) error {
	var changes []kadm.AlterConfig
	for key, value := range want {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: &value})
	}
	altered, err := e.adm.AlterTopicConfigs(ctx, changes, name)
	if err != nil {
		return err
	}
	for _, a := range altered {
		if a.Err != nil {
			return atTopic(described(a.Err, a.ErrMessage), name)
		}
	}
	e.topics.forget(name)
	return e.awaitConfig(ctx, name, want)
}

// awaitConfig waits until the broker that is asked has heard of a change.
func (e *cluster) awaitConfig(ctx context.Context, name string, want map[string]string) error {
	return await(ctx, func() (bool, error) {
		all, err := e.adm.DescribeTopicConfigs(ctx, name)
		if err != nil || len(all) != 1 || all[0].Err != nil {
			return true, nil // it may not be looked at; the change is made
		}
		for _, c := range all[0].Configs {
			if value, changed := want[c.Key]; changed && c.Value != nil && *c.Value != value {
				return false, nil
			}
		}
		return true, nil
	})
}

// DeleteTopic implements engine.Engine.
func (e *cluster) DeleteTopic(ctx context.Context, name string) error {
	return e.call(ctx, func(ctx context.Context) error {
		deleted, err := e.adm.DeleteTopic(ctx, name)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			return errTopic(name)
		}
		if err != nil {
			return atTopic(described(err, deleted.ErrMessage), name)
		}
		e.topics.forget(name)
		return await(ctx, func() (bool, error) {
			_, err := e.topics.detail(ctx, name)
			if errors.Is(err, engine.ErrTopicNotFound) {
				return true, nil
			}
			return false, err
		})
	})
}

// CreatePartitions implements engine.Engine.
func (e *cluster) CreatePartitions(ctx context.Context, name string, total int) error {
	return e.call(ctx, func(ctx context.Context) error {
		detail, err := e.topics.detail(ctx, name)
		if err != nil {
			return err
		}
		if total <= len(detail.Partitions) {
			return engine.Errorf(engine.ErrInvalidArgument, "%d partitions: there are %d, and none can be taken away",
				total, len(detail.Partitions)).At(name, -1)
		}
		changed, err := e.adm.UpdatePartitions(ctx, total, name)
		if err != nil {
			return err
		}
		for _, c := range changed {
			if c.Err != nil {
				return atTopic(described(c.Err, c.ErrMessage), name)
			}
		}
		e.topics.forget(name)
		if err := e.awaitPartitions(ctx, name, total); err != nil {
			return err
		}
		e.lookAgain()
		return nil
	})
}
