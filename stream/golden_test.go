package stream_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

var goldenDir = flag.String("stream.golden", "testdata/golden", "the files of scripts/stream-golden.sh that TestGolden reads")

// TestGolden compares with Kafka Streams, record by record: what a record brings about, in which order, and with which
// time. All that is let pass is in differences and in particulars.
func TestGolden(t *testing.T) {
	used := map[string]bool{}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			cases := readGolden(t, kind)
			for i, c := range namedCases(kind) {
				c.Kafka = cases[i].Kafka
				require.Equal(t, c, cases[i], "run scripts/stream-golden.sh")
			}
			for _, c := range cases {
				for _, mode := range slices.Sorted(maps.Keys(c.Kafka)) {
					t.Run(c.Name+"/"+mode, func(t *testing.T) { c.compare(t, mode, used) })
				}
			}
		})
	}
	if *goldenDir != flag.Lookup("stream.golden").DefValue || t.Failed() {
		return
	}
	docs, err := os.ReadFile(filepath.Join("..", "docs", "streams.md"))
	require.NoError(t, err)
	for _, d := range differences {
		require.True(t, used[d.name], "no case needs the difference %q", d.name)
		require.Contains(t, string(docs), "**"+d.name+".**")
	}
	for name, p := range particulars {
		require.True(t, used[name], "no case is called %q", name)
		require.Contains(t, string(docs), "**"+p.name+".**")
	}
}

func readGolden(t *testing.T, kind string) (cases []goldenCase) {
	b, err := os.ReadFile(filepath.Join(*goldenDir, kind+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &cases))
	return cases
}

// compare compares one case, and notes which differences it needed.
func (c *goldenCase) compare(t *testing.T, mode string, used map[string]bool) {
	kafka, ours := linesOf(t, c.Kafka[mode]), linesOf(t, c.run(t, mode))
	name := c.Topology + "/" + c.Name + "/" + mode
	if p, ok := particulars[name]; ok {
		used[name] = true
		require.NotEqual(t, kafka, ours)
		require.Equal(t, p.ours, shown(ours))
		return
	}
	for _, d := range differences {
		if !d.where(c, mode) || slices.Equal(kafka, ours) {
			continue
		}
		k, o := d.level(t, c, kafka, ours)
		used[d.name] = used[d.name] || !slices.Equal(k, kafka) || !slices.Equal(o, ours)
		kafka, ours = k, o
	}
	require.Equal(t, shown(kafka), shown(ours))
}

// line is one result in the notation of the golden files.
type line struct {
	step       int
	key        string
	windowed   bool
	start, end int64
	value      string
	time       int64
}

var lineForm = regexp.MustCompile(`^(\d+) ([^=@]*)(@\[(-?\d+),(-?\d+)\])?=(\S*) t(-?\d+)$`)

func linesOf(t *testing.T, all []string) (ls []line) {
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		require.NoError(t, err)
		return n
	}
	for _, s := range all {
		m := lineForm.FindStringSubmatch(s)
		require.NotNil(t, m, s)
		l := line{step: int(number(m[1])), key: m[2], windowed: m[3] != "", value: m[6], time: number(m[7])}
		if l.windowed {
			l.start, l.end = number(m[4]), number(m[5])
		}
		ls = append(ls, l)
	}
	return ls
}

func (l line) String() string {
	window := ""
	if l.windowed {
		window = fmt.Sprintf("@[%d,%d]", l.start, l.end)
	}
	return fmt.Sprintf("%d %s%s=%s t%d", l.step, l.key, window, l.value, l.time)
}

func shown(ls []line) []string {
	all := []string{}
	for _, l := range ls {
		all = append(all, l.String())
	}
	return all
}
