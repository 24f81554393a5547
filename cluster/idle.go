package cluster

// awake is told when a Poll begins and ends. A member that nobody polls for too long is taken for stuck and leaves.
func (c *consumer) awake(polling bool) {
	if c.config.Group == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
	case polling && c.idle != nil:
		c.idle.Stop()
	case polling:
	case c.idle == nil:
		c.idle = c.e.opts.Clock.AfterFunc(c.maxPollInterval(), c.evict)
	default:
		c.idle.Reset(c.maxPollInterval())
	}
}

// evict takes the member out of its group. The next Poll joins again.
func (c *consumer) evict() {
	if !c.poll.TryLock() {
		return // somebody polls after all
	}
	defer c.poll.Unlock()
	c.mu.Lock()
	tps := c.assigned()
	if c.member == nil || c.closed {
		c.mu.Unlock()
		return
	}
	if c.part(tps); len(tps) > 0 {
		c.due = []handover{{tps: tps}}
	}
	c.mu.Unlock()
	c.e.opts.Logger.Warn("left the group: nobody has polled for too long", "group", c.config.Group)
}
