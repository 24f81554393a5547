package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func TestValidateName(t *testing.T) {
	for _, name := range []string{
		"a", "orders", "Orders.v2_eu-west", "__consumer_offsets", "...a", "0", "-", strings.Repeat("x", 249),
		"console", "con1", "com10", "com", "lpt", "a.con", "nul-1", "xcom1",
	} {
		t.Run("good "+name, func(t *testing.T) {
			require.NoError(t, engine.ValidateName("topic", name))
		})
	}
	for _, tc := range []struct{ name, in, rule string }{
		{"empty", "", "topic name is empty"},
		{"too long", strings.Repeat("x", 250), "has 250 bytes: shorten it to at most 249"},
		{"dot", ".", "means a directory"},
		{"two dots", "..", "means a directory"},
		{"trailing dot", "orders.", "remove the dot"},
		{"three dots", "...", "remove the dot"},
		{"slash", "a/b", "character at byte 1"},
		{"backslash", `a\b`, "character at byte 1"},
		{"space", "my topic", "character at byte 2"},
		{"zero byte", "a\x00", "character at byte 1"},
		{"not ASCII", "größe", "character at byte 2"},
		{"not UTF-8", "ab\xff", "character at byte 2"},
		{"device", "CON", "device CON"},
		{"device in lower case", "nul", "device NUL"},
		{"device with an extension", "Aux.log", "device AUX"},
		{"device with two extensions", "prn.a.b", "device PRN"},
		{"serial port", "com0", "device COM0"},
		{"printer port", "LPT9.x", "device LPT9"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := engine.ValidateName("topic", tc.in)
			require.ErrorIs(t, err, engine.ErrInvalidArgument)
			require.ErrorContains(t, err, tc.rule)
		})
	}
}

func FuzzValidateName(f *testing.F) {
	for _, seed := range []string{"orders", "", "..", "con.txt", "a b", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := engine.ValidateName("group", name)
		if err == nil {
			require.NotContains(t, name, "/")
			require.LessOrEqual(t, len(name), engine.MaxNameBytes)
			return
		}
		var e *engine.Error
		require.True(t, errors.As(err, &e))
		require.Equal(t, engine.ErrInvalidArgument, e.Code)
	})
}

func BenchmarkValidateName(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := engine.ValidateName("topic", "orders.v2_eu-west"); err != nil {
			b.Fatal(err)
		}
	}
}
