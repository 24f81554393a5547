package scenario

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var every = flag.Int("scenario.every", 0, "of so many calls of the file system TestEveryCall takes one; 0 takes six in all")

// TestEveryCall plays a script again and again, with a kill, a loss of power or a fault at another call of the file system
// each time. In a short run the calls are some of them, drawn anew each time.
func TestEveryCall(t *testing.T) {
	s := slices.DeleteFunc(scripts(t)["smoke.txt"], func(v verb) bool { return v.name == "expect" })
	m := newMachine()
	_, err := play(m, s)
	require.NoError(t, err)
	require.Greater(t, m.total, 2000, "the script does what it should")
	first := firstSeed(t)
	rng := rand.New(rand.NewPCG(first, 0))
	lines := []string{
		"kill", "power seed=1", "power seed=2", "fault kind=eio", "fault kind=eio lasting=yes", "fault kind=nospace",
		"fault kind=nospace lasting=yes", "fault kind=short", "fault kind=sync",
	}
	step := *every
	if step == 0 {
		step = m.total / 6
	}
	for n := 1 + rng.IntN(step); n <= m.total; n += step {
		for _, line := range lines {
			v, err := parseVerb(fmt.Sprintf("%s after=%d", line, n))
			require.NoError(t, err)
			if _, err := play(newMachine(), append(script{v}, s...)); err != nil {
				report(t, first, append(script{v}, s...), err)
			}
		}
	}
}
