package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestColdScenariosRun(t *testing.T) {
	sizes := Sizes{Rounds: 1, Budget: time.Millisecond, ReadRecords: 2 * batchSize, OpenMiB: 1}
	for _, scenario := range coldScenarios() {
		t.Run(scenario.Name, func(t *testing.T) {
			dir := t.TempDir()
			data := preparedData{dir: filepath.Join(dir, "data"), failed: map[string]error{}}
			result := measureScenario(t.Context(), scenario, []Contender{floor, embeddedClient, partitionLog, bboltDB}, sizes, dir, &data)
			for _, row := range result.Rows {
				require.Empty(t, row.Error, row.Contender)
				require.Positive(t, row.Value, row.Contender)
			}
		})
	}
}
