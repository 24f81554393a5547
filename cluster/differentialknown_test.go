package cluster

import (
	"regexp"
	"strings"
)

// knownDifference is one that is meant, or that only the fake cluster has.
type knownDifference struct {
	row  string // of docs/cluster.md, or what the fake does otherwise than a broker
	fake bool   // the fake cluster's only
	// level is what was seen without the difference. What is seen may have several at once.
	level func(v verb, embedded, cluster string) (string, string)
}

// known reports whether all differences in what was seen of a verb are known.
func known(v verb, embedded, cluster string, fake bool) bool {
	for _, d := range knownDifferences {
		if fake || !d.fake {
			embedded, cluster = d.level(v, embedded, cluster)
		}
	}
	return embedded == cluster
}

// knownDifferences are all that the test lets pass. Besides them the histories keep away from what would leave the
// engines with other topics or records, or would not end: names that differ only by case, compacted topics with records
// without a key, sizes between a record's and its batch's bound, topics that are deleted under an open transaction,
// members of a group whose offsets are in one, its reset and deletion, and transactions that would move a group back. A
// player takes the header that names the codec away, and checks that it is right.
var knownDifferences = []knownDifference{
	{row: "| a group without members and offsets |", level: func(v verb, embedded, cluster string) (string, string) {
		rest := emptyGroup.ReplaceAllString(cluster, "")
		switch {
		case rest == cluster || embedded != "group_not_found" && v.do != "groups":
			return embedded, cluster
		case v.do == "groups":
			return embedded, rest
		}
		return embedded, embedded
	}},
	{row: "| a commit of a partition that the consumer does not read |", level: func(v verb, embedded, cluster string) (string, string) {
		const from, to = "commit one: fenced", "commit one: rebalance_in_progress, retriable"
		if !strings.Contains(cluster, to) {
			return embedded, cluster
		}
		return strings.Replace(embedded, from, to, 1), cluster
	}},
	{row: "| a transaction without anything in it, of a name", level: func(v verb, embedded, cluster string) (string, string) {
		if !strings.Contains(cluster, "ends what was empty: ok") {
			return embedded, cluster
		}
		return strings.Replace(embedded, "ends what was empty: fenced", "ends what was empty: ok", 1), cluster
	}},
	{row: "| `OffsetAt` where the marker of a transaction", level: func(v verb, embedded, cluster string) (string, string) {
		a, b := foundOffset.FindStringSubmatch(embedded), foundOffset.FindStringSubmatch(cluster)
		if v.do != "at" || a == nil || b == nil || a[2] != b[2] {
			return embedded, cluster
		}
		return embedded, embedded
	}},
	{row: "who is fenced is told of a wrong state while the other has no transaction open", fake: true,
		level: func(v verb, embedded, cluster string) (string, string) {
			return embedded, strings.Replace(cluster, "ends what was not empty: io", "ends what was not empty: fenced", 1)
		}},
}

// foundOffset is an offset that was found by a time, and the record that is read from there.
var foundOffset = regexp.MustCompile(`^ok (\d+), (.*)$`)

// emptyGroup is a group that only a cluster still knows.
var emptyGroup = regexp.MustCompile(`(?m)\n  [gh] Empty \S* 0 members$`)
