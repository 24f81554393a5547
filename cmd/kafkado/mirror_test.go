package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/dot-do/kafka-embedded/mirror"
)

// mirrored is the mirror command, which takes no --dir.
func mirrored(t *testing.T, args ...string) (code int, out, errs string) {
	return tool{t: t}.bare(t.Context(), append([]string{"mirror"}, args...)...)
}

func (k tool) bare(ctx context.Context, args ...string) (code int, out, errs string) {
	var o, e strings.Builder
	code = run(ctx, args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestMirror(t *testing.T) {
	from, to := newTool(t), newTool(t)
	from.run("", "topics", "create", "orders", "-p", "3", "--codec", "json", "--compression", "zstd")
	from.run("1\n2\n3\n4\n", "produce", "orders", "-H", "source=test")
	require.Equal(t, "1\n2\n3\n", from.run("", "consume", "orders", "g", "-n", "3"))
	from.run("5\n", "produce", "other")

	code, out, errs := mirrored(t, from.dir, "file:"+filepath.ToSlash(to.dir), "--topic", "ord*")
	require.Zero(t, code, errs)
	require.Regexp(t, `^Carried 4 records, 52 bytes, of 1 topics with 3 partitions in .*s\.
Groups whose offsets were translated: 1\.
$`, out)
	require.Empty(t, errs)
	require.Equal(t, "4\n", to.run("", "consume", "orders", "g", "-n", "1"))
	require.Contains(t, to.run("", "topics", "describe", "orders"), "compression        zstd")

	code, out, _ = mirrored(t, from.dir, to.dir, "--json")
	require.Zero(t, code)
	require.Contains(t, out, `"topics": 2,
  "partitions": 4,
  "records": 1,`)
	require.Contains(t, out, `"groups": 1,
  "groups_in_use": [],
  "exactly_once": true,`)
	require.Contains(t, out, `"complete": true`)
}

// TestMirrorCluster: to a cluster and back. Values keep their codec; bytes of other programs stay bytes.
func TestMirrorCluster(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "foreign"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	url := "kafka://" + cluster.ListenAddrs()[0]
	other, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	require.NoError(t, err)
	require.NoError(t, other.ProduceSync(t.Context(), &kgo.Record{Topic: "foreign", Value: []byte("{not JSON")}).FirstErr())
	other.Close()

	from, back := newTool(t), newTool(t)
	from.run("", "topics", "create", "orders", "--codec", "json")
	from.run("{\"a\":1}\n", "produce", "orders", "--json")
	code, _, errs := mirrored(t, from.dir, url)
	require.Zero(t, code, errs)
	code, out, errs := mirrored(t, url, back.dir)
	require.Zero(t, code, errs)
	require.Contains(t, out, "Carried 2 records")
	require.Contains(t, back.run("", "topics", "describe", "orders"), "codec              json")
	require.Contains(t, back.run("", "topics", "describe", "foreign"), "codec              raw")
	require.Equal(t, from.run("", "consume", "orders"), back.run("", "consume", "orders"))
	require.Equal(t, "{not JSON\n", back.run("", "consume", "foreign"))
}

func TestMirrorRefused(t *testing.T) {
	from := newTool(t)
	from.run("1\n", "produce", "t")
	missing := filepath.Join(from.dir, "missing")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"one log", []string{from.dir, from.dir}, exitFailed, "source and target are one log"},
		{"one log by two names", []string{from.dir, "file:" + filepath.ToSlash(from.dir)}, exitFailed, "source and target are one log"},
		{"no source", []string{missing, t.TempDir()}, exitFailed, "the source: "},
		{"no topic", []string{from.dir, t.TempDir(), "-t", "x"}, exitFailed, "(x): the source has no topic like it"},
		{"no target", []string{from.dir}, exitUsage, "accepts 2 arg(s), received 1"},
		{"a place too many", []string{from.dir, t.TempDir(), "--dir", from.dir}, exitUsage, "leave out --dir and --url"},
		{"no such scheme", []string{from.dir, "http://host"}, exitFailed, "no engine for URL"},
		{"malformed id", []string{from.dir, t.TempDir(), "--id", "a b"}, exitFailed, `mirror name "a b"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := mirrored(t, c.args...)
			require.Equal(t, c.code, code, errs)
			require.Empty(t, out)
			require.Contains(t, errs, c.says)
		})
	}
	_, err := os.Stat(missing)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestMirrorFollow(t *testing.T) {
	from, to := newTool(t), newTool(t)
	from.run("1\n2\n", "produce", "t")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var code int
	var out string
	go func() {
		defer close(ended)
		code, out, _ = tool{t: t}.bare(ctx, "mirror", "--follow", from.dir, to.dir)
	}()
	has := func(records string) func() bool {
		return func() bool {
			code, out, _ := to.try("", "topics", "describe", "t", "--json")
			return code == 0 && strings.Contains(out, records)
		}
	}
	require.Eventually(t, has(`"end": 3`), time.Minute, time.Millisecond)
	from.run("3\n", "produce", "t")
	require.Eventually(t, has(`"end": 5`), time.Minute, time.Millisecond)
	stop()
	<-ended
	require.Equal(t, exitInterrupted, code)
	require.Regexp(t, "^Interrupted; run it again to go on.\nCarried 3 records, ", out)
}

func TestMirrorView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs strings.Builder
		v := newMirrorView(&errs)
		v.show(mirror.Progress{Offsets: 1, Total: 10, Records: 1, Bytes: 5})
		require.Empty(t, errs.String())
		<-time.After(lineEvery)
		v.show(mirror.Progress{Offsets: 7, Total: 10, Records: 6, Bytes: 30})
		v.show(mirror.Progress{Offsets: 8, Total: 10, Records: 7, Bytes: 35})
		require.Equal(t, "7 of 10 offsets, 6 records, 30 bytes\n", errs.String())
	})
}

func TestIsURL(t *testing.T) {
	for name, want := range map[string]bool{
		"kafka://h:9092": true, "mem:x": true, "file:a": true, "kafka+ssl://h": true, "dir": false, "./a:b": false, `C:\logs`: false,
		"/var/a:b": false, "c:": false, "": false,
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, want, isURL(name)) })
	}
}
