package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be its own child process, as the command is.
func TestMain(m *testing.M) {
	if task, ok := os.LookupEnv(taskVariable); ok {
		os.Exit(childMain(task, os.Stdout))
	}
	os.Exit(m.Run())
}

// Figures of a contender that loses or mixes up records mean nothing.
func TestContendersKeepWhatTheyAreGiven(t *testing.T) {
	for _, contender := range allContenders() {
		level, ok := contender.weakest()
		if !ok || contender.Name == floorName {
			continue
		}
		t.Run(contender.Name, func(t *testing.T) {
			dir, records := t.TempDir(), makeRecords()
			options := OpenOptions{Level: level, Batch: batchSize, Goroutines: 1}
			for range 2 { // the second time, behind what is there
				log, err := contender.Open(dir, options)
				require.NoError(t, err)
				require.NoError(t, log.Append(records))
				require.NoError(t, log.Close())
			}

			log, err := contender.Open(dir, options)
			require.NoError(t, err)
			n, size, err := log.ReadAll()
			if !errors.Is(err, errUnsupported) {
				require.NoError(t, err)
				require.EqualValues(t, 2*batchSize, n)
				require.EqualValues(t, 2*batchSize*recordBytes, size)
			}
			for _, index := range []int64{0, 1, batchSize - 1, batchSize, 2*batchSize - 1} {
				record, err := log.Read(index)
				if !errors.Is(err, errUnsupported) {
					require.NoError(t, err)
					require.Equal(t, records[index%batchSize], record, "record %d", index)
				}
			}
			require.NoError(t, log.Close())
		})
	}
}

func TestRunMeasuresAndWritesEveryFormat(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	var stdout bytes.Buffer
	err := run(t.Context(), []string{
		"-short", "-rounds", "2", "-run", "^(batch-os|read-all|disk)$", "-with", "^tidwall", "-dir", dir,
		"-json", file("o.json"), "-md", file("o.md"), "-svg", file("o.svg"),
	}, &stdout, io.Discard)
	require.NoError(t, err)
	require.Contains(t, stdout.String(), "batch-os: batches of 1000, to the operating system")

	var report Report
	text, err := os.ReadFile(file("o.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &report))
	require.Len(t, report.Scenarios, 3)
	for _, result := range report.Scenarios {
		require.Len(t, result.Rows, 2)
		for _, row := range result.Rows {
			require.Empty(t, row.Error)
			require.Len(t, row.Rounds, 2)
			require.Positive(t, row.Value)
			if row.Contender == floorName {
				require.Equal(t, 1.0, row.Ratio)
			}
		}
	}

	text, err = os.ReadFile(file("o.md"))
	require.NoError(t, err)
	require.Contains(t, string(text), "| contender | durability | ns/record |")

	text, err = os.ReadFile(file("o.svg"))
	require.NoError(t, err)
	for decoder := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
	}

	left, err := filepath.Glob(filepath.Join(dir, "kafka-embedded-bench-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFinishFormsMediansAndRatios(t *testing.T) {
	rounds := func(values ...float64) (figures []Figures) {
		for _, value := range values {
			figures = append(figures, Figures{Value: value})
		}
		return figures
	}
	for _, test := range []struct {
		name   string
		rows   []Row
		ratios []float64
	}{
		{"over the floor", []Row{
			{Contender: "a", Rounds: rounds(30, 10, 20)}, {Contender: floorName, Rounds: rounds(10, 10, 90)},
		}, []float64{2, 1}},
		{"over the least where the floor is nothing", []Row{
			{Contender: "a", Rounds: rounds(8)}, {Contender: floorName, Rounds: rounds(0)},
			{Contender: "b", Rounds: rounds(4)},
		}, []float64{2, 0, 1}},
		{"none for what failed", []Row{
			{Contender: "a", Error: "broken", Rounds: rounds(8)}, {Contender: floorName, Rounds: rounds(1, 3)},
		}, []float64{0, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			result := Result{Rows: test.rows}
			result.finish()
			for i, row := range result.Rows {
				require.Equal(t, test.ratios[i], row.Ratio, row.Contender)
			}
		})
	}
}

func TestLastLineFindsThePanic(t *testing.T) {
	require.Equal(t, "panic: gone", lastLine("warning\npanic: gone\n\ngoroutine 1"))
	require.Equal(t, "out of room", lastLine("warning\nout of room\n"))
	require.Empty(t, lastLine(""))
}
