package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is measured beside appends and reads checks itself; here all of it runs, as small as can be.
func TestByScenariosRun(t *testing.T) {
	sizes := Sizes{
		Rounds: 1, Budget: 20 * time.Millisecond, ReadRecords: 2 * batchSize, OpenMiB: 1, MemoryMiB: 1, LimitMiB: 1, Idle: 3,
		StateKeys: 100,
	}
	for _, scenario := range allScenarios() {
		if scenario.By == nil {
			continue
		}
		t.Run(scenario.Name, func(t *testing.T) {
			dir := t.TempDir()
			data := preparedData{dir: filepath.Join(dir, "data"), failed: map[string]error{}}
			result := measureScenario(t.Context(), scenario, allContenders(), sizes, dir, &data)
			require.Len(t, result.Rows, len(scenario.By), "each name is a contender's")
			for _, row := range result.Rows {
				if scenario.Name == "open-killed" && row.Contender == tidwallWAL.Name {
					continue // it may find its own log corrupt, according to where the kill has hit
				}
				require.Empty(t, row.Error, row.Contender)
				require.Len(t, row.Rounds, 1, row.Contender)
			}
			require.NotNil(t, result.row(clientName))
		})
	}
}

func TestRepeatStopsAtTheLimitOfEach(t *testing.T) {
	counts := make([]int, 3)
	n, err := repeat(len(counts), time.Minute, 5, func(i int) func() error {
		return func() error { counts[i]++; return nil }
	})
	require.NoError(t, err)
	require.EqualValues(t, 15, n)
	require.Equal(t, []int{5, 5, 5}, counts)
}

func TestReplaceReadmeTouchesOnlyWhatIsBetweenTheMarkers(t *testing.T) {
	report := Report{Command: "bench", Date: "2026-11-24", Scenarios: []Result{{
		Title: "send one", Unit: NsPerRecord, Level: System, Rows: []Row{
			{Contender: clientName, Title: clientName, Level: System, Value: 300, Ratio: 3},
			{Contender: floorName, Title: floorName, Level: System, Value: 100, Ratio: 1},
			{Contender: "fast", Title: "fast v1", Level: Memory, Value: 10, Ratio: 0.1},
			{Contender: "slow", Title: "slow v2", Level: System, Value: 20_000, Ratio: 200},
			{Contender: "broken", Title: "broken v3", Level: System, Error: "gone"},
		},
	}}}
	name := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(name, []byte("before\n<!-- bench -->\nlast figures\n<!-- /bench -->after\n"), 0o644))
	for range 2 { // the second time, over what the first has written
		require.NoError(t, replaceReadme(name, report))
	}
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Regexp(t, "(?s)^before\n<!-- bench -->\n`bench`.*<!-- /bench -->after\n$", string(text))
	require.Contains(t, string(text), "| send one | os | 300 ns (3.00) | - | slow v2: 20.0 µs (200.00) | 100 ns |\n")
	require.NotContains(t, string(text), "last figures")

	require.NoError(t, os.WriteFile(name, []byte("no markers"), 0o644))
	require.ErrorContains(t, replaceReadme(name, report), "no markers")
}

func TestHumanKeepsFiguresShort(t *testing.T) {
	for _, test := range []struct {
		value float64
		unit  Unit
		text  string
	}{
		{950, NsPerRecord, "950 ns"},
		{12_340, NsPerOperation, "12.3 µs"},
		{2_500_000, NsPerRecord, "2.500 ms"},
		{4096, BytesEach, "4.000 KiB"},
		{110, BytesPerRecord, "110 B"},
		{1, GoroutinesEach, "1.000"},
		{3.5, Milliseconds, "3.500 ms"},
	} {
		require.Equal(t, test.text, human(test.value, test.unit))
	}
}
