package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// All curves run, at their least sizes.
func TestCurvesRun(t *testing.T) {
	for _, curve := range allCurves() {
		t.Run(curve.Name, func(t *testing.T) {
			sizes := GrowthSizes{Short: true, MaxMiB: 1 << 10, Budget: 2 * time.Millisecond}
			all := curve.At
			curve.At = func(g GrowthSizes) []int64 { return all(g)[:1] }
			grown := curve.grow(t.Context(), sizes, filepath.Join(t.TempDir(), curve.Name))
			require.Len(t, grown.Points, 1)
			require.Empty(t, grown.Points[0].Error)
			for i, line := range curve.Lines {
				require.GreaterOrEqual(t, grown.Points[0].Values[i], 0.0, line.Name)
			}
			require.Positive(t, grown.Points[0].Values[0], curve.Lines[0].Name)
			wellFormed(t, growthSVG(grown))
		})
	}
}

func TestCurvesGrow(t *testing.T) {
	for _, curve := range allCurves() {
		short := curve.At(GrowthSizes{Short: true, MaxMiB: 10 << 10})
		long := curve.At(GrowthSizes{MaxMiB: 10 << 10})
		require.IsIncreasing(t, short, curve.Name)
		require.IsIncreasing(t, long, curve.Name)
	}
	data := dataCurve()
	require.Equal(t, []int64{100, 1024}, data.At(GrowthSizes{MaxMiB: 1 << 10}))
	require.EqualValues(t, 100<<10, data.At(GrowthSizes{MaxMiB: 100 << 10})[3])
}

func TestGrowthWritesItsFiles(t *testing.T) {
	dir := t.TempDir()
	page, plots := filepath.Join(dir, "page.md"), filepath.Join(dir, "plots")
	var stdout strings.Builder
	args := []string{"-growth", "-short", "-budget", "2ms", "-run", "^(goroutines|record-size)$", "-dir", dir, "-md", page, "-svg", plots}
	for range 2 { // the second time between the markers that the first has made
		require.NoError(t, run(t.Context(), args, &stdout, io.Discard))
	}
	require.Contains(t, stdout.String(), "goroutines: How many goroutines send at once")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), "![How long a record is](plots/growth-record-size.svg)"))
	require.Contains(t, string(text), "<!-- growth goroutines -->\n![")
	require.Contains(t, string(text), "`go run -C bench . -budget 2ms -growth -run")
	for _, name := range []string{"growth-goroutines.svg", "growth-record-size.svg"} {
		text, err := os.ReadFile(filepath.Join(plots, name))
		require.NoError(t, err)
		wellFormed(t, string(text))
	}
}

func TestAPointThatFailedIsShownAsFailed(t *testing.T) {
	grown := Grown{
		Name: "x", Title: "X", Grows: "things", Lines: []Line{{"cost", "ns"}, {"room", "B"}},
		Points: []Point{{At: 1, Values: []float64{10, 0}}, {At: 10_000, Error: "no <room>"}},
	}
	text := grown.markdown("")
	require.Contains(t, text, "| things | cost, ns | room, B |\n|---:|---:|---:|\n")
	require.Contains(t, text, "| 1 | 10.0 | - |\n")
	require.Contains(t, text, "| 10,000 | failed | failed |\n")
	require.Contains(t, text, "Failed at 10,000: no &lt;room>")
	wellFormed(t, growthSVG(grown))
}

func TestSpanningIsWholeDecades(t *testing.T) {
	require.Equal(t, decades{0, 1}, spanning(nil))
	require.Equal(t, decades{0, 1}, spanning([]float64{1}))
	require.Equal(t, decades{-1, 3}, spanning([]float64{0.5, 900}))
	require.Equal(t, []string{"0.1", "100", "1 k", "10 M"}, []string{tick(-1), tick(2), tick(3), tick(7)})
	require.InDelta(t, 0.5, decades{0, 2}.at(10), 1e-9)
}

func TestReplaceMarkedPassesOverMarkersThatAreNotThere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(name, []byte("<!-- a -->\nold\n<!-- /a -->\nkept"), 0o644))
	require.NoError(t, replaceMarked(name, map[string]string{"a": "new\n", "b": "nowhere\n"}))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "<!-- a -->\nnew\n<!-- /a -->\nkept", string(text))
	require.ErrorContains(t, replaceMarked(name, map[string]string{"b": "nowhere\n"}), "no markers")
}

// wellFormed checks that a browser can read the picture.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, "NaN")
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else {
			require.NoError(t, err)
		}
	}
}
