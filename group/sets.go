package group

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
)

// Lists of partitions are sorted by topic and partition, hold each once, and are shared: they are never changed in place.

func compare(a, b engine.TopicPartition) int {
	if c := strings.Compare(a.Topic, b.Topic); c != 0 {
		return c
	}
	return cmp.Compare(a.Partition, b.Partition)
}

func contains(tps []engine.TopicPartition, tp engine.TopicPartition) bool {
	_, ok := slices.BinarySearchFunc(tps, tp, compare)
	return ok
}

// union returns what is in a or b, which have nothing in common.
func union(a, b []engine.TopicPartition) []engine.TopicPartition {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make([]engine.TopicPartition, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if compare(a[0], b[0]) < 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// subtract returns what is in a and not in b.
func subtract(a, b []engine.TopicPartition) []engine.TopicPartition {
	if len(a) == 0 || len(b) == 0 {
		return a
	}
	var out []engine.TopicPartition
	for _, tp := range a {
		for len(b) > 0 && compare(b[0], tp) < 0 {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != tp {
			out = append(out, tp)
		}
	}
	return out
}
