//go:build go1.27

package stream_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/stream/streamtest"
)

// From Go 1.27 on methods change the type of the elements.
func TestMethodsThatChangeTheType(t *testing.T) {
	var texts *stream.Stream[string] = source[int]("in").Map(func(n int) string { return fmt.Sprint("n", n) })
	lengths := texts.FlatMap(func(s string) []int { return []int{len(s), len(s)} })
	d := streamtest.NewDriver(t, lengths.Sink("out"))
	d.Pipe("in", "", 10, at(1))
	require.Equal(t, []string{"3", "3"}, values(d.Output("out")))
}
