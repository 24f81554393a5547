package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func TestOpenWithoutAnEngine(t *testing.T) {
	for _, tc := range []struct{ name, url, want string }{
		{"another scheme", "https://kafka.do/orders", `"https://kafka.do/orders"`},
		{"no scheme", "orders", `"orders"`},
		{"a cluster whose package is not imported", "kafka://host:9092", "import github.com/dot-do/kafka-embedded/cluster"},
		{"credentials", "kafka://me:hunter2@host:9092", `"kafka://…@host:9092"`},
		{"an @ in the secret", "kafka://me:hun@ter2@host:9092", `"kafka://…@host:9092"`},
		{"a question mark and a slash in the secret", "kafka://me:hun?t/er2@host:9092", `"kafka://…@host:9092"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := engine.Open(t.Context(), engine.Options{URL: tc.url})
			require.ErrorIs(t, err, engine.ErrInvalidArgument)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "er2")
		})
	}
}
