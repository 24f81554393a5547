package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProduceToAPartitionInBatches: there was an fsync for each line.
func TestProduceToAPartitionInBatches(t *testing.T) {
	k := newTool(t)
	k.run("", "topics", "create", "t", "-p", "2")
	k.run(strings.Repeat("a\n", 3*mostLines), "produce", "t", "-p", "1")
	logs, err := filepath.Glob(filepath.Join(k.dir, "topics", "t-1", "*.log"))
	require.NoError(t, err)
	require.Len(t, logs, 1)
	batches := strings.Count(k.run("", "dump", "--json", logs[0]), "\n")
	require.Less(t, batches, mostLines/10)
	require.Equal(t, 3*mostLines, strings.Count(k.run("", "consume", "t"), "a\n"))
}
