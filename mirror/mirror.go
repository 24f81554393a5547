package mirror

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/carry"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

// round is how often a mirror that follows looks for new topics and offsets of groups.
const round = 10 * time.Second

// Run carries what there is, and then the offsets of groups. The error of a run that was stopped by ctx is that of ctx; a
// transaction under way is finished first. What may go away by itself, as a cluster's change of leaders, is tried again for
// some seconds. Whatever the error, the next run goes on where this one has come to.
//
// Errors that call for a decision: [kafka.ErrTopicNotFound] for a topic that does not exist; [kafka.ErrTopicExists], see
// [Append]; [kafka.ErrInvalidArgument] for a source that is the target, and a target's topic with fewer partitions;
// [kafka.ErrSerialization] for one with another codec.
func Run(ctx context.Context, from, to *kafka.Client, opts ...Option) (Summary, error) {
	c, err := newConfig(opts)
	if err != nil {
		return Summary{}, err
	}
	m := &mirror{config: c, from: from.Engine(), to: to.Engine()}
	begin := c.clock.Now()
	err = m.run(ctx)
	m.summary.Elapsed = c.clock.Now().Sub(begin)
	return m.summary, err
}

type mirror struct {
	config
	from, to engine.Engine
	carrier  *carry.Carrier
	topics   []string
	progress Progress
	summary  Summary
	began    map[engine.TopicPartition]int64 // positions at the beginning
	backoff  carry.Backoff
	failures int // since something was carried
}

// run runs sessions: another one when topics have changed, or when something failed that may go away.
func (m *mirror) run(ctx context.Context) error {
	for {
		again, err := m.session(ctx)
		switch {
		case ctx.Err() != nil && err == nil:
			return ctx.Err()
		case err == nil && !again:
			return nil
		case err == nil:
		case ctx.Err() != nil || !m.retries(err):
			return err
		default:
			if err := clock.Sleep(ctx, m.clock, m.backoff.Next()); err != nil {
				return err
			}
		}
	}
}

// mostFailures is how often in a row a mirror that does not follow fails before it gives up: after some 8 seconds.
const mostFailures = 6

// retries reports whether to try again after an error.
func (m *mirror) retries(err error) bool {
	m.failures++
	if !kafka.IsRetriable(err) && !errors.Is(err, kafka.ErrTimeout) { // a commit whose outcome is not known: the ledger knows it
		return false
	}
	return m.follow || m.failures < mostFailures
}

// session carries with one carrier. It reports whether another one is needed.
func (m *mirror) session(ctx context.Context) (again bool, err error) {
	if m.topics, err = m.match(ctx); err != nil {
		return false, err
	}
	if len(m.topics) == 0 {
		return m.follow, m.idle(ctx)
	}
	m.carrier, err = carry.Open(ctx, carry.Config{
		Source: m.from, Target: m.to, Topics: m.topics, Ledger: m.ledger(), Exclusive: !m.appending, UntilEnd: !m.follow,
		KeepSyncs: true, TxBytes: m.txBytes, Clock: m.clock,
		Create: func(c engine.TopicConfig) engine.TopicConfig { return c },
	})
	if err != nil {
		return false, err
	}
	again, err = m.carry(ctx)
	return again, errors.Join(err, m.carrier.Close())
}

// idle waits for topics, if it follows.
func (m *mirror) idle(ctx context.Context) error {
	if !m.follow {
		return nil
	}
	if err := clock.Sleep(ctx, m.clock, round); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// match lists the topics to carry.
func (m *mirror) match(ctx context.Context) ([]string, error) {
	infos, err := m.from.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	matched := make([]bool, len(m.patterns))
	var names []string
	for i := range infos {
		wanted, err := m.wants(infos[i].Name, matched)
		if err != nil {
			return nil, err
		}
		if wanted {
			names = append(names, infos[i].Name)
		}
	}
	if i := slices.Index(matched, false); i >= 0 {
		return nil, engine.Errorf(kafka.ErrTopicNotFound, "the source has no topic like it").At(m.patterns[i], -1)
	}
	slices.Sort(names)
	return names, nil
}

func (m *mirror) wants(name string, matched []bool) (wanted bool, err error) {
	if name == m.ledger() {
		return false, nil // of a mirror the other way: the name stands for one log only
	}
	if len(m.patterns) == 0 {
		return !strings.HasPrefix(name, "__") && !strings.HasPrefix(name, ledgerPrefix) && !strings.HasPrefix(name, forwarderPrefix), nil
	}
	for i, pattern := range m.patterns {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return false, engine.Errorf(kafka.ErrInvalidArgument, "topic pattern %q: %w", pattern, err)
		}
		matched[i] = matched[i] || ok
		wanted = wanted || ok
	}
	return wanted, nil
}

// carry carries until the end, or until topics have changed.
func (m *mirror) carry(ctx context.Context) (again bool, err error) {
	if err := m.begin(ctx); err != nil {
		return false, err
	}
	for next := m.clock.Now().Add(round); ; {
		size, err := m.carrier.Gather(ctx, m.patience())
		if ctx.Err() != nil || errors.Is(err, io.EOF) {
			return false, m.settle(context.WithoutCancel(ctx))
		}
		if err == nil && size > 0 {
			err = m.send(ctx)
		}
		if err != nil {
			return false, err
		}
		if !m.follow || m.clock.Now().Before(next) {
			continue
		}
		if err := m.settle(ctx); err != nil {
			return false, err
		}
		if topics, err := m.match(ctx); err != nil || !slices.Equal(topics, m.topics) {
			return true, err
		}
		next = m.clock.Now().Add(round)
	}
}

// patience is how long to wait for records.
func (m *mirror) patience() time.Duration {
	if m.follow {
		return round
	}
	return 0
}

func (m *mirror) send(ctx context.Context) error {
	sent, err := m.carrier.Send(ctx)
	if err != nil {
		return err
	}
	m.backoff.Reset()
	m.failures = 0
	m.summary.Records += sent.Records
	m.summary.Bytes += sent.Bytes
	m.report()
	return nil
}

// settle makes positions and the offsets of groups what they are now.
func (m *mirror) settle(ctx context.Context) error {
	if err := m.carrier.Settle(ctx); err != nil {
		return err
	}
	if err := m.groups(ctx); err != nil {
		return err
	}
	return m.look(ctx)
}
