package carry

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/dot-do/kafka-embedded/engine"
)

// Position is how far one partition of the source has been carried, as the ledger keeps it.
type Position struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Target    string `json:"target,omitempty"`  // identity of the target's topic; one that is made anew gets everything
	Next      int64  `json:"next"`              // offset in the source of the next record to carry
	Skipped   int64  `json:"skipped,omitempty"` // offsets below Next that were left out, ever
	Syncs     []Sync `json:"syncs,omitempty"`   // by offset; empty unless the carrier keeps them
}

// Sync is a pair of offsets that mean the same place: of what was carried, records below From in the source are below To
// in the target, and all others are not.
type Sync struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// mostSyncs bounds the pairs of a partition.
const mostSyncs = 64

// key is the ledger's key of a partition of the source: by the topic's identity, so that a topic that is made anew begins
// anew. An engine that gives topics no identity has their name.
func key(info *engine.TopicInfo, partition int32) string {
	id := identity(info)
	if id == "" {
		id = info.Name
	}
	return fmt.Sprintf("%s/%d", id, partition)
}

// identity is a topic's ID in hexadecimal, or empty.
func identity(info *engine.TopicInfo) string {
	if info.ID == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(info.ID[:])
}

func (p *Position) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("carry: a position that cannot be encoded: %v", err))
	}
	return b
}

// parsePosition decodes what encode made, and refuses what it cannot have made.
func parsePosition(b []byte) (p Position, err error) {
	if err := json.Unmarshal(b, &p); err != nil {
		return p, err
	}
	if p.Next < 0 || p.Skipped < 0 || p.Partition < 0 || len(p.Syncs) > mostSyncs {
		return p, fmt.Errorf("not a position: next %d, skipped %d, partition %d, %d pairs of offsets",
			p.Next, p.Skipped, p.Partition, len(p.Syncs))
	}
	last := Sync{-1, -1}
	for _, s := range p.Syncs {
		if s.From <= last.From || s.To < last.To || s.To < 0 {
			return p, fmt.Errorf("not a position: %v does not follow %v", s, last)
		}
		last = s
	}
	return p, nil
}

// addSync notes that Next is at an offset of the target, and reports whether that is new. Old pairs get sparser: they only
// shorten the way of those who look for an offset between two.
func (p *Position) addSync(to int64) bool {
	if n := len(p.Syncs); n > 0 && p.Syncs[n-1].From >= p.Next {
		return false
	}
	p.Syncs = append(p.Syncs, Sync{p.Next, to})
	if len(p.Syncs) <= mostSyncs {
		return true
	}
	kept := p.Syncs[:0]
	for i, s := range p.Syncs {
		if i%2 == 0 || i >= mostSyncs/2 {
			kept = append(kept, s)
		}
	}
	p.Syncs = kept
	return true
}

// Around is the last pair that is not above an offset of the source, and the target's offset of the pair after it, or -1.
// An offset below all pairs has the first one. There is none when the carrier keeps none.
func (p *Position) Around(offset int64) (s Sync, upTo int64, ok bool) {
	upTo = -1
	for i := len(p.Syncs) - 1; i >= 0; i-- {
		if s = p.Syncs[i]; s.From <= offset || i == 0 {
			return s, upTo, true
		}
		upTo = s.To
	}
	return s, upTo, false
}
