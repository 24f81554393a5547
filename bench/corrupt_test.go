package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What this library promises about damage, as the scenario sees it.
func TestOursLosesNothingWithoutAWord(t *testing.T) {
	const records = 50
	sizes := Sizes{Damaged: records}
	for _, d := range allDamage() {
		t.Run(d.Name, func(t *testing.T) {
			for _, c := range ours() {
				survey := surveyOne(t.Context(), d, c, sizes, filepath.Join(t.TempDir(), "log"))
				require.Empty(t, survey.NotApplicable, c.Name)
				require.EqualValues(t, records-1, survey.Right, c.Name)
				require.EqualValues(t, 1, survey.Refused, c.Name)
				require.Zero(t, survey.Wrong, c.Name)
				require.Zero(t, survey.Lost, c.Name)
				switch d.Name {
				case "cut":
					require.Contains(t, survey.Open, "00000000000000000000.log", c.Name)
				case "cut-killed":
					require.Contains(t, survey.Open, "never promised", c.Name)
				case "flip":
					require.Contains(t, survey.Read, "00000000000000000000.log at ", c.Name)
				}
			}
		})
	}
}

func TestSurveyAllCoversEveryContender(t *testing.T) {
	var stdout bytes.Buffer
	contenders := []Contender{floor, tidwallWAL, rosedbWAL, bboltDB, watermillChannel}
	surveys, err := surveyAll(t.Context(), contenders, Sizes{Damaged: 20}, t.TempDir(), &stdout)
	require.NoError(t, err)
	require.Len(t, surveys, len(allDamage())*(len(contenders)-1))
	for _, survey := range surveys {
		if survey.Contender == watermillChannel.Name {
			require.NotEmpty(t, survey.NotApplicable)
			continue
		}
		require.Empty(t, survey.NotApplicable, survey.Contender)
		total := survey.Right + survey.Wrong + survey.Refused + survey.Lost
		require.EqualValues(t, 20, total, "%s, %s: each record is in one column", survey.Contender, survey.Damage)
	}
	for _, d := range allDamage() {
		require.Contains(t, stdout.String(), d.Title)
	}

	table := corruptTable(Report{Command: "bench", Corrupt: surveys})
	require.Contains(t, table, "| contender | durability | right |")
	require.Contains(t, table, "not applicable: keeps nothing in files")
}

// A closed log of ours must be one that a lookup by index and a walk read alike where nothing is damaged.
func TestSurveyOfAnUndamagedLog(t *testing.T) {
	for _, c := range allContenders() {
		level, ok := c.weakest()
		if !ok || c.Name == floorName {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			const records = 20
			dir := t.TempDir()
			options := OpenOptions{Level: level, Batch: 1, Goroutines: 1}
			log, err := c.Open(dir, options)
			require.NoError(t, err)
			for i := range int64(records) {
				require.NoError(t, log.Append([][]byte{numbered(i)}))
			}
			require.NoError(t, log.Close())
			task := Task{Contender: c.Name, Dir: dir, Sizes: Sizes{Damaged: records}, Corrupt: corruptSurvey}
			var reply answer
			require.NoError(t, inChild(t.Context(), task, childLimit, &reply))
			require.Empty(t, reply.Error)
			require.Equal(t, Survey{Right: records}, reply.Survey)
		})
	}
}

func TestSearchFileFindsWhatLiesAcrossChunks(t *testing.T) {
	needle := numbered(7)[needleStart:needleEnd]
	data := make([]byte, 2*floorChunk+1000)
	places := []int64{3, floorChunk - 10, 2*floorChunk - int64(len(needle)), 2*floorChunk + 100}
	for _, at := range places {
		copy(data[at:], needle)
	}
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, data, 0o644))
	found, err := searchFile(name, needle)
	require.NoError(t, err)
	require.Equal(t, places, found.at)
	require.EqualValues(t, len(data), found.size)
	require.EqualValues(t, len(bytes.TrimRight(data, "\x00")), found.end)
}

func TestPlainIsShortAndWithoutTheDirectory(t *testing.T) {
	require.Equal(t, "open /a: gone", plain("open\n\t/tmp/run/a:  gone", "/tmp/run"))
	require.Len(t, []rune(plain(string(bytes.Repeat([]byte("é"), 500)), "/tmp/run")), 160)
}
