package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompareShowsHowFarRatiosAreApart(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for i, value := range []float64{200, 220, 210} {
		report := Report{Command: "bench", Date: "2026-11-24", Scenarios: []Result{{
			Name: "send", Title: "send one", Unit: NsPerRecord, Rows: []Row{
				{Contender: clientName, Value: value},
				{Contender: "peer", Value: 400},
				{Contender: floorName, Value: 100},
			},
		}, {
			Name: "idle", Title: "idle", Unit: BytesEach, Rows: []Row{{Contender: partitionName, Value: 1}},
		}, {
			Name: "failed", Title: "failed", Rows: []Row{{Contender: clientName, Error: "gone"}, {Contender: floorName, Value: 1}},
		}}}
		names = append(names, filepath.Join(dir, fmt.Sprint(i)))
		require.NoError(t, writeFiles(report, map[string]func(io.Writer, Report) error{names[i]: writeJSON}))
	}
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), append([]string{"-compare"}, names...), &stdout, &stderr))
	require.Contains(t, stdout.String(), "`bench`, 3 times in a row")
	require.Contains(t, stdout.String(),
		"| send one | kafka-embedded client | 2.00 2.20 2.10 | 10 % | 0.50 0.55 0.53 | 10 % |\n")
	require.NotContains(t, stdout.String(), "failed")

	document := filepath.Join(dir, "page.md")
	require.NoError(t, os.WriteFile(document, []byte("a\n<!-- compare -->\nlast\n<!-- /compare -->\nb\n"), 0o644))
	require.NoError(t, run(t.Context(), append([]string{"-compare", "-md", document}, names...), &stdout, &stderr))
	page, err := os.ReadFile(document)
	require.NoError(t, err)
	require.NotContains(t, string(page), "last")
	require.Contains(t, string(page), "2.00 2.20 2.10")

	require.ErrorContains(t, run(t.Context(), []string{"-compare", names[0]}, &stdout, &stderr), "two files or more")
	require.ErrorContains(t, run(t.Context(), []string{"nonsense"}, &stdout, &stderr), `"nonsense" is no flag`)
	require.ErrorContains(t, run(t.Context(), []string{"-compare", names[0], document}, &stdout, &stderr), "page.md")
}
