package log

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

func options(fs vfs.FS) Options {
	return Options{
		FS: fs, Pool: vfs.NewPool(fs, 64), Dir: "orders-0", Topic: "orders", ID: []byte("0123456789abcdef-0"),
		Epoch: 1, Clock: clock.Real, Config: Config{SegmentBytes: 1 << 20},
	}
}

func create(tb testing.TB, o Options) *Log {
	tb.Helper()
	require.NoError(tb, o.FS.Mkdir(o.Dir))
	require.NoError(tb, Create(o))
	l, err := Open(o)
	require.NoError(tb, err)
	return l
}

func batch(tb testing.TB, values ...string) record.Batch {
	tb.Helper()
	var b record.Builder
	for i, v := range values {
		require.NoError(tb, b.Append(int64(1000+i), []byte("k"), []byte(v), nil))
	}
	out, err := b.Finish()
	require.NoError(tb, err)
	return out
}

// values reads everything from an offset on.
func values(tb testing.TB, l *Log, from int64) []string {
	tb.Helper()
	var out []string
	for from < l.End() {
		data, next, err := l.Read(from, l.End(), 1<<16)
		require.NoError(tb, err)
		for len(data) > 0 {
			n, err := record.Peek(data)
			require.NoError(tb, err)
			var r record.Reader
			require.NoError(tb, r.Reset(record.Batch(data[:n]), 1<<20))
			rs, err := r.AppendTo(nil, from, 1<<20)
			require.NoError(tb, err)
			for _, rec := range rs {
				out = append(out, string(rec.Value))
			}
			data = data[n:]
		}
		from = next
	}
	return out
}

func TestAppendReadReopen(t *testing.T) {
	for name, fs := range map[string]func() vfs.FS{
		"memory": func() vfs.FS { return vfs.NewMem() },
		"disk": func() vfs.FS {
			fs, err := vfs.OS(t.TempDir())
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, fs.Close()) })
			return fs
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(fs())
			o.Config.SegmentBytes = 4096
			l := create(t, o)
			var want []string
			for i := range 200 {
				v := fmt.Sprintf("value-%d", i)
				a, err := l.Append(batch(t, v, v), clock.Real.Now().UnixMilli())
				require.NoError(t, err)
				require.Equal(t, int64(2*i), a.First)
				want = append(want, v, v)
			}
			require.Equal(t, want, values(t, l, 0))
			require.NoError(t, l.Close())
			for range 3 {
				o.Epoch++
				l, err := Open(o)
				require.NoError(t, err)
				require.Equal(t, int64(400), l.End())
				require.Equal(t, want, values(t, l, 0))
				require.Equal(t, want[37:], values(t, l, 37))
				require.NoError(t, l.Close())
			}
		})
	}
}
