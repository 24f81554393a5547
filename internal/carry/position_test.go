package carry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPositionRoundTrip(t *testing.T) {
	p := Position{Topic: "t", Partition: 3, Target: "ab", Next: 42, Skipped: 7, Syncs: []Sync{{0, 5}, {42, 49}}}
	require.JSONEq(t, `{"topic":"t","partition":3,"target":"ab","next":42,"skipped":7,"syncs":[{"from":0,"to":5},{"from":42,"to":49}]}`,
		string(p.encode()))
	again, err := parsePosition(p.encode())
	require.NoError(t, err)
	require.Equal(t, p, again)
}

func TestPositionRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":              `next`,
		"not an object":        `[1]`,
		"null":                 ``,
		"negative offset":      `{"next":-1}`,
		"negative skipped":     `{"skipped":-1}`,
		"negative partition":   `{"partition":-1}`,
		"offset too large":     `{"next":9223372036854775808}`,
		"pairs out of order":   `{"syncs":[{"from":5,"to":5},{"from":4,"to":6}]}`,
		"pairs going back":     `{"syncs":[{"from":5,"to":5},{"from":6,"to":4}]}`,
		"a pair twice":         `{"syncs":[{"from":5,"to":5},{"from":5,"to":5}]}`,
		"a negative pair":      `{"syncs":[{"from":-3,"to":5}]}`,
		"a pair to a negative": `{"syncs":[{"from":3,"to":-1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsePosition([]byte(text))
			require.Error(t, err)
		})
	}
}

func TestSyncsGetSparser(t *testing.T) {
	var p Position
	for i := range int64(10_000) {
		p.Next = 10 * i
		require.True(t, p.addSync(11*i))
		require.False(t, p.addSync(11*i))
		require.LessOrEqual(t, len(p.Syncs), mostSyncs)
	}
	_, err := parsePosition(p.encode())
	require.NoError(t, err)
	require.Equal(t, Sync{0, 0}, p.Syncs[0], "the first one stays")
	for _, c := range []struct {
		name         string
		offset       int64
		want         Sync
		upTo         int64
		onlyNotAbove bool
	}{
		{"the newest", 99_990, Sync{99_990, 109_989}, -1, false},
		{"beyond it", 1 << 40, Sync{99_990, 109_989}, -1, false},
		{"one before", 99_985, Sync{99_980, 109_978}, 109_989, false},
		{"the oldest", 5, Sync{0, 0}, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, upTo, ok := p.Around(c.offset)
			require.True(t, ok)
			require.Equal(t, c.want, s)
			if !c.onlyNotAbove {
				require.Equal(t, c.upTo, upTo)
			}
		})
	}
	_, _, ok := new(Position).Around(3)
	require.False(t, ok)
	s, upTo, ok := (&Position{Syncs: []Sync{{10, 4}, {20, 9}}}).Around(3)
	require.True(t, ok)
	require.Equal(t, Sync{10, 4}, s, "below all of them")
	require.Equal(t, int64(9), upTo)
}

func FuzzParsePosition(f *testing.F) {
	f.Add([]byte(`{"topic":"t","partition":0,"next":3,"syncs":[{"from":0,"to":0}]}`))
	f.Add([]byte(`{"next":1e3}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePosition(b)
		if err != nil {
			return
		}
		again, err := parsePosition(p.encode())
		require.NoError(t, err)
		if len(p.Syncs) == 0 {
			p.Syncs = nil
		}
		require.Equal(t, p, again)
	})
}

func TestBackoff(t *testing.T) {
	var b Backoff
	for want := firstBackoff; want <= mostBackoff; want *= 2 {
		d := b.Next()
		require.GreaterOrEqual(t, d, want/2)
		require.LessOrEqual(t, d, want)
	}
	require.LessOrEqual(t, b.Next(), mostBackoff)
	require.GreaterOrEqual(t, b.Next(), mostBackoff/2)
	b.Reset()
	require.LessOrEqual(t, b.Next(), firstBackoff)
}
