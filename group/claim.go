package group

import "github.com/dot-do/kafka-embedded/engine"

// Claim is the right of a member to commit offsets by way of a transaction, which is given them long before it stores
// them. Claims can be compared.
type Claim struct {
	member *Member
	gaveUp uint64 // of the member, when the claim was made
}

// Claim reports whether m may commit these offsets now, and makes the claim to be checked when they are stored. The errors
// are those of [Member.Commit].
func (m *Member) Claim(offsets map[engine.TopicPartition]int64) (Claim, error) {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	return Claim{m, m.gaveUp}, m.check(offsets)
}

// Check reports whether the offsets that the claim was made for may be committed now. Once the member has given up any
// partition they may not: it may have been given the same one again, after another member has read on from what was
// committed. Which partition it was does not count, as in Kafka, where any rebalance ends what a generation may do. The
// errors are those of [Member.Commit].
func (c Claim) Check(offsets map[engine.TopicPartition]int64) error {
	m := c.member
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	if err := m.check(offsets); err != nil {
		return err
	}
	if m.gaveUp != c.gaveUp {
		return engine.Errorf(engine.ErrRebalanceInProgress,
			"member %s of group %s has given partitions up since the transaction was given its offsets; its records come again", m.id, m.group.name)
	}
	return nil
}
