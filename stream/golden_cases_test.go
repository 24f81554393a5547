package stream_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	goldenCases  = flag.String("stream.cases", "", "where TestWriteGoldenCases writes the inputs for scripts/stream-golden.sh")
	goldenRandom = flag.Int("stream.random", 20, "how many random cases it writes for each kind of topology")
	goldenSeed   = flag.Uint64("stream.seed", 1, "their seed")
)

// kinds are the topologies, one golden file for each.
var kinds = []string{
	"tumbling", "hopping", "sliding", "session", "join", "leftJoin", "outerJoin", "tableJoin", "leftTableJoin", "table", "count",
}

// TestWriteGoldenCases writes the cases for Kafka Streams; scripts/stream-golden.sh calls it.
func TestWriteGoldenCases(t *testing.T) {
	if *goldenCases == "" {
		t.Skip("it needs -stream.cases")
	}
	for i, kind := range kinds {
		cases := append(namedCases(kind), randomCases(kind, *goldenSeed+uint64(i)<<32, *goldenRandom)...)
		var b bytes.Buffer
		b.WriteString("[")
		for i := range cases {
			line, err := json.Marshal(cases[i])
			require.NoError(t, err)
			fmt.Fprintf(&b, "%s\n%s", []string{"", ","}[min(i, 1)], line)
		}
		b.WriteString("\n]\n")
		require.NoError(t, os.WriteFile(filepath.Join(*goldenCases, kind+".json"), b.Bytes(), 0o666))
	}
}

// randomCases are cases of a kind; most records come somewhat out of order, some far.
func randomCases(kind string, seed uint64, n int) (cases []goldenCase) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		c := goldenCase{Name: fmt.Sprint("random ", i), Topology: kind, Topics: 1}
		if c.isJoin() && i%2 == 1 || strings.HasSuffix(kind, "ableJoin") {
			c.Topics = 2
		}
		c.Size = 1 + rng.Int64N(30)
		c.Advance, c.Grace = c.Size, rng.Int64N(2)*rng.Int64N(30)
		if kind == "hopping" {
			c.Advance = 1 + rng.Int64N(c.Size)
		}
		c.In = randomInput(rng, &c)
		cases = append(cases, c)
	}
	return cases
}

// randomInput ends with records far in the future, which close everything before.
func randomInput(rng *rand.Rand, c *goldenCase) (in []string) {
	now := int64(1000)
	for i := range 8 + rng.IntN(14) {
		now += rng.Int64N(1 + c.Size*[]int64{1, 1, 3}[rng.IntN(3)]/2)
		at := now
		switch rng.IntN(6) {
		case 0, 1:
			at -= rng.Int64N(1 + c.Grace)
		case 2:
			at -= rng.Int64N(1 + c.Grace + 3*c.Size)
		}
		in = append(in, randomRecord(rng, c, i, at))
	}
	topics := []string{"in"}
	if sides(c.Topology) {
		topics = []string{"l", "r"}
	}
	for _, topic := range topics {
		in = append(in, fmt.Sprintf("%d %s z %s", now+1000, topic, valueOf(c.Topology, topic, "z", len(in))))
	}
	return in
}

func randomRecord(rng *rand.Rand, c *goldenCase, i int, at int64) string {
	key, topic := []string{"a", "a", "b"}[rng.IntN(3)], "in"
	if sides(c.Topology) {
		topic = []string{"l", "r"}[rng.IntN(2)]
	}
	value := valueOf(c.Topology, topic, key, i)
	if rng.IntN(5) == 0 && (c.Topology == "table" || strings.HasSuffix(c.Topology, "ableJoin") && topic == "r") {
		value = "-"
	}
	return fmt.Sprintf("%d %s %s %s", at, topic, key, value)
}

// sides reports whether a topology has two inputs.
func sides(topology string) bool { return strings.HasSuffix(strings.ToLower(topology), "join") }

// valueOf is the value of the ith record: in a join of streams it tells the side, elsewhere the key.
func valueOf(topology, topic, key string, i int) string {
	if topology == "join" || topology == "leftJoin" || topology == "outerJoin" {
		return fmt.Sprint(topic, i)
	}
	return fmt.Sprint(key, i)
}
