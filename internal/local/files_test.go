package local

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpenFiles(t *testing.T) {
	require.Equal(t, 512, openFiles(1024))
	require.Equal(t, leastOpenFiles, openFiles(16))
	require.Equal(t, mostOpenFiles, openFiles(math.MaxUint64), "without a limit")
	require.Positive(t, descriptorLimit())
}
