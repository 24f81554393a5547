package local

import (
	"context"
	"time"

	"github.com/dot-do/kafka-embedded/group"
)

// regroup is how often a member that has read everything looks whether its group has settled, of which nobody tells.
const regroup = 50 * time.Millisecond

// patience is how a Poll waits.
type patience struct {
	c     *consumer
	timed bool // the timer is running
	full  bool // and ends the Poll, because FetchMaxWait is over
}

// wait returns when something may have changed; done when what was gathered must do.
func (p *patience) wait(ctx context.Context, changed <-chan struct{}, got *gathered) (done bool, err error) {
	if got.records > 0 && !p.full {
		p.full = true
		p.start(p.c.config.FetchMaxWait)
	} else if !p.timed && p.c.config.Group != "" {
		p.start(p.c.patience())
	}
	var timer <-chan time.Time
	if p.timed {
		timer = p.c.timer.C()
	}
	select {
	case <-ctx.Done():
		return true, ctxError(ctx.Err())
	case <-p.c.e.closing:
		return true, errClosed()
	case <-p.c.waiter.C:
	case <-changed:
	case <-timer:
		p.timed = false
		return p.full, nil
	}
	return false, nil
}

// patience is how long a Poll of a member waits before it looks again: well within the poll interval, since each look
// counts as asking for records.
func (c *consumer) patience() time.Duration {
	if c.config.UntilEnd {
		return regroup
	}
	interval := c.config.MaxPollInterval
	if interval <= 0 {
		interval = group.DefaultRebalanceTimeout
	}
	return max(interval/3, time.Millisecond)
}

func (p *patience) start(d time.Duration) {
	if p.c.timer == nil {
		p.c.timer = p.c.e.opts.Clock.NewTimer(d)
	} else {
		p.c.timer.Reset(d)
	}
	p.timed = true
}

func (p *patience) end() {
	if p.timed {
		p.c.timer.Stop()
	}
}

// setMember replaces the membership, and gives signs of life while there is one, as Kafka's consumer does in the
// background: a loop whose body takes longer than the session timeout is slow, not dead. The poll interval bounds it. The
// caller holds mu.
func (c *consumer) setMember(m *group.Member) {
	c.member = m
	switch {
	case m == nil && c.beat != nil:
		c.beat.Stop()
	case m == nil:
	case c.beat == nil:
		c.beat = c.e.opts.Clock.AfterFunc(c.heartbeat(), c.giveSign)
	default:
		c.beat.Reset(c.heartbeat())
	}
}

func (c *consumer) giveSign() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.member != nil && !c.member.Heartbeat().Lost {
		c.beat.Reset(c.heartbeat())
	}
}

// heartbeat is how often a member gives a sign of life.
func (c *consumer) heartbeat() time.Duration {
	session := c.config.SessionTimeout
	if session <= 0 {
		session = group.DefaultSessionTimeout
	}
	beat := session / 3
	if c.config.HeartbeatInterval > 0 {
		beat = min(beat, c.config.HeartbeatInterval)
	}
	return max(beat, time.Millisecond)
}
