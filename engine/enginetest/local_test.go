package enginetest_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/engine/enginetest"
	"github.com/dot-do/kafka-embedded/internal/clock"
	_ "github.com/dot-do/kafka-embedded/internal/local" // file: and mem:
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The embedded engine, on disk and in memory.

func TestDisk(t *testing.T) {
	run(t, func(t *testing.T) string { return "file:" + filepath.ToSlash(t.TempDir()) })
}

func TestMemory(t *testing.T) {
	run(t, func(*testing.T) string { return "mem:" })
}

func run(t *testing.T, url func(t *testing.T) string) {
	enginetest.Run(t, func(t *testing.T) engine.Engine {
		e, err := engine.Open(t.Context(), engine.Options{
			URL: url(t), Clock: clock.Real, Logger: slog.New(slog.DiscardHandler), DefaultPartitions: 1,
		})
		require.NoError(t, err)
		return e
	}, enginetest.Features{Durability: engine.DurabilityFsync, Transactions: true, Numbering: true, OneCase: true})
}
