package cluster

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	differentialRuns = flag.Int("differential.runs", 8, "how many random histories the differential test plays")
	differentialSeed = flag.Uint64("differential.seed", 1, "of the first history; each has the next one's")
)

// verbsOfHistory is how many verbs a history has; replays bounds how often one that fails is played again to shorten it.
const (
	verbsOfHistory = 50
	replays        = 60
)

// TestDifferential plays random histories of verbs on the embedded engine and on a cluster, one verb after the other, and
// compares what a user of either can see. What may differ is in knownDifferences, and nothing else.
func TestDifferential(t *testing.T) {
	t.Run("fake", func(t *testing.T) { differential(t, fakeURL(t), true) })
	if url := os.Getenv("TEST_KAFKA_URL"); url != "" {
		t.Run("broker", func(t *testing.T) { differential(t, url, false) })
	}
}

func differential(t *testing.T, url string, fake bool) {
	for seed := *differentialSeed; seed < *differentialSeed+uint64(*differentialRuns); seed++ {
		history := draw(rand.New(rand.NewPCG(seed, 0)), verbsOfHistory)
		found := compare(t, url, fake, history)
		if found == nil {
			continue
		}
		history, found = shorten(history[:found.at+1], found, func(shorter []verb) *finding { return compare(t, url, fake, shorter) })
		var b strings.Builder
		for _, v := range history {
			fmt.Fprintln(&b, v)
		}
		t.Fatalf("-differential.seed %d: the engines differ\n%sembedded: %s\ncluster:  %s", seed, &b, found.embedded, found.cluster)
	}
}

// finding is where two engines differ: the index of a verb, or the length of the history for what is there after it, and
// what could be seen.
type finding struct {
	at                int
	embedded, cluster string
}

// compare plays a history on new engines, up to the first verb that does not do the same on both.
func compare(t *testing.T, url string, fake bool, history []verb) *finding {
	name := names()
	embedded := newPlayer(t, openEngine(t, "mem:"), name, false)
	other := newPlayer(t, openEngine(t, url), name, true)
	defer embedded.close()
	defer other.close()
	for i, v := range append(slices.Clone(history), lookAtAll...) {
		a, b := embedded.play(v), other.play(v)
		if a != b && !known(v, a, b, fake) {
			return &finding{min(i, len(history)-1), v.String() + " -> " + a, b}
		}
	}
	return nil
}

// shorten leaves verbs out of a history for as long as the engines still differ.
func shorten(history []verb, found *finding, again func([]verb) *finding) ([]verb, *finding) {
	left := replays
	for size := len(history) / 2; size > 0; size /= 2 {
		for first := 0; first < len(history) && left > 0; left-- {
			shorter := slices.Delete(slices.Clone(history), first, min(first+size, len(history)))
			if f := again(shorter); len(shorter) > 0 && f != nil {
				history, found = shorter, f
			} else {
				first += size
			}
		}
	}
	return history, found
}

// TestKnownDifferencesAreDocumented holds the list against the page that users read.
func TestKnownDifferencesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/cluster.md")
	require.NoError(t, err)
	for _, d := range knownDifferences {
		if !d.fake {
			require.Contains(t, string(page), d.row)
		}
	}
}
