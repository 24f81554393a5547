package scenario

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var (
	runs = flag.Int("scenario.runs", 15, "how many scripts each test draws")
	seed = flag.Uint64("scenario.seed", 1, "seed of the first script; 0 draws one")
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		victim(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// firstSeed is the seed that was asked for; without one it is the same each time, so that a test that passed passes.
func firstSeed(t testing.TB) uint64 {
	first := *seed
	if first == 0 {
		first = rand.Uint64() >> 1
	}
	t.Logf("-scenario.seed=%d", first)
	return first
}

// TestRandom plays random scripts.
func TestRandom(t *testing.T) {
	first := firstSeed(t)
	for _, rough := range []bool{false, true} {
		t.Run(fmt.Sprintf("rough %v", rough), func(t *testing.T) {
			for n := range uint64(*runs) {
				s := drawScript(first+n, rough)
				if _, err := play(newMachine(), s); err != nil {
					report(t, first+n, s, err)
				}
			}
		})
	}
}

func drawScript(seed uint64, rough bool) script {
	g := generator{rand.New(rand.NewPCG(seed, 0)), rough}
	return g.draw(30 + g.IntN(60))
}

// report fails the test with a script that is as short as it could be made.
func report(t *testing.T, seed uint64, s script, err error) {
	t.Helper()
	small, smallErr := shrink(s, err, func(s script) (int, error) {
		r, err := play(newMachine(), s)
		return r.lines, err
	})
	t.Fatalf("-scenario.seed=%d -scenario.runs=1: %v\n\nThe script can be made as short as this, with: %v\n\n%s", seed, err, smallErr, small)
}

// TestScripts plays the scripts in testdata.
func TestScripts(t *testing.T) {
	for name, s := range scripts(t) {
		t.Run(name, func(t *testing.T) {
			_, err := play(newMachine(), s)
			require.NoError(t, err)
		})
	}
}

func scripts(t testing.TB) map[string]script {
	all := map[string]script{}
	names, err := filepath.Glob("testdata/scenarios/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		s, err := parseScript(string(b))
		require.NoError(t, err, name)
		all[filepath.Base(name)] = s
	}
	return all
}
