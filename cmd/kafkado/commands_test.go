package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
)

func TestTopics(t *testing.T) {
	k := newTool(t)
	require.Equal(t, "TOPIC  PARTITIONS  RECORDS  BYTES  CODEC  RETENTION\n", k.run("", "topics", "list"))
	require.Equal(t, "Created topic orders: partitions 3, codec json, compression zstd, cleanup delete, retention 168h0m0s.\n",
		k.run("", "topics", "create", "orders", "-p", "3", "--codec", "json", "--compression", "zstd", "--retention", "168h"))
	require.Equal(t, "Altered topic orders: partitions 3, codec json, compression lz4, cleanup compact, retention forever.\n",
		k.run("", "topics", "alter", "orders", "--compression", "lz4", "--cleanup", "compact", "--retention", "0"))
	require.Equal(t, "Extended topic orders: partitions 5, codec json, compression lz4, cleanup compact, retention forever.\n",
		k.run("", "topics", "add-partitions", "orders", "2"))
	require.Contains(t, k.run("", "topics", "describe", "orders"), `
partitions         5
codec              json
compression        lz4
cleanup            compact
retention          forever
segment bytes      67108864
max message bytes  1048576

PARTITION  START  END  DURABLE  BYTES  SEGMENTS  STATE
0          0      0    0        0      1         ok
`)
	require.Equal(t, "TOPIC   PARTITIONS  RECORDS  BYTES  CODEC  RETENTION\norders  5           0        0      json   forever\n",
		k.run("", "topics", "list"))
	require.Equal(t, "Deleted topic orders.\n", k.run("", "topics", "delete", "orders"))
	require.Equal(t, []any{}, k.json("topics", "list"))
}

func TestTopicsJSON(t *testing.T) {
	k := newTool(t)
	created := k.json("topics", "create", "t", "-p", "2", "--retention-bytes", "5000000").(map[string]any)
	require.Len(t, created["id"], 32)
	delete(created, "id")
	partition := func(n float64) map[string]any {
		return map[string]any{
			"partition": n, "start": 0.0, "end": 0.0, "durable": 0.0, "bytes": 0.0, "segments": 1.0, "read_only": false,
		}
	}
	require.Equal(t, map[string]any{
		"topic": "t", "partitions": 2.0, "records": 0.0, "bytes": 0.0, "codec": "msgpack", "compression": "none", "cleanup": "delete",
		"retention_ms": -1.0, "retention_bytes": 5e6, "segment_bytes": float64(64 << 20), "max_message_bytes": float64(1 << 20),
		"details": []any{partition(0), partition(1)},
	}, created)
	altered := k.json("topics", "alter", "t", "--compression", "lz4").(map[string]any)
	require.Equal(t, "lz4", altered["compression"])
	altered = k.json("topics", "alter", "t", "--retention", "1h", "--retention-bytes", "0", "--compression", "none").(map[string]any)
	require.Equal(t, "none", altered["compression"])
	require.Equal(t, 3.6e6, altered["retention_ms"])
	require.Equal(t, -1.0, altered["retention_bytes"])
	require.Equal(t, []any{altered}, k.json("topics", "list"))
	require.Equal(t, altered, k.json("topics", "describe", "t"))
	require.Equal(t, map[string]any{"deleted": "topic", "topic": "t"}, k.json("topics", "delete", "t"))
}

func TestGroups(t *testing.T) {
	k := newTool(t)
	require.Equal(t, "GROUP  STATE  MEMBERS  LAG\n", k.run("", "groups", "list"))
	k.run("1\n2\n3\n4\n", "produce", "t")
	require.Equal(t, "1\n2\n3\n", k.run("", "consume", "t", "g", "-n", "3"))
	require.Equal(t, "GROUP  STATE  MEMBERS  LAG\ng      Empty  0        1\n", k.run("", "groups", "list"))
	at := func(committed, lag int) string {
		return fmt.Sprintf("group  g\nstate  Empty\nlag    %d\n\nTOPIC  PARTITION  COMMITTED  END  LAG\nt      0          %d          4    %d\n",
			lag, committed, lag)
	}
	require.Equal(t, at(3, 1), k.run("", "groups", "describe", "g"))
	require.Equal(t, at(0, 4), k.run("", "groups", "reset", "g", "-t", "t", "--to", "start"))
	require.Equal(t, at(4, 0), k.run("", "groups", "reset", "g", "-t", "t", "--to", "end"))
	require.Equal(t, at(2, 2), k.run("", "groups", "reset", "g", "-t", "t", "--to", "2"))
	require.Equal(t, at(3, 1), k.run("", "groups", "reset", "g", "-t", "t", "--to", "-1"))
	require.Equal(t, at(0, 4), k.run("", "groups", "reset", "g", "-t", "t", "--to", "-100"))
	require.Equal(t, at(1, 3), k.run("", "groups", "reset", "g", "-t", "t", "--to", "1", "-p", "0"))
	require.Equal(t, at(0, 4), k.run("", "groups", "reset", "g", "-t", "t", "--to", "@2000-01-01T00:00:00Z"))
	require.Equal(t, at(4, 0), k.run("", "groups", "reset", "g", "-t", "t", "--to", "@9999999999999"))

	offset := map[string]any{"topic": "t", "partition": 0.0, "committed": 1.0, "end": 4.0, "lag": 3.0}
	group := map[string]any{"group": "g", "state": "Empty", "lag": 3.0, "members": []any{}, "offsets": []any{offset}}
	require.Equal(t, group, k.json("groups", "reset", "g", "-t", "t", "--to", "1"))
	require.Equal(t, group, k.json("groups", "describe", "g"))
	require.Equal(t, []any{group}, k.json("groups", "list"))
	require.Equal(t, map[string]any{"deleted": "group", "group": "g"}, k.json("groups", "delete", "g"))
	require.Equal(t, []any{}, k.json("groups", "list"))
}

func TestProduceAndConsume(t *testing.T) {
	for _, c := range []struct {
		name             string
		in               string
		produce, consume []string
		out              string
	}{
		{"lines", "a\nb\n", nil, nil, "a\nb\n"},
		{"the last line need not end", "a\nb", nil, nil, "a\nb\n"},
		{"lines of Windows", "a\r\nb\r\n", nil, nil, "a\nb\n"},
		{"nothing", "", nil, nil, ""},
		{"an empty line", "\n", nil, []string{"-f", "[%v]"}, "[]"},
		{"keys", "k1:a:b\nk2:\n", []string{"-K", ":"}, []string{"-f", `%k=%v\n`}, "k1=a:b\nk2=\n"},
		{"one key", "a\n", []string{"-k", "same"}, []string{"-f", "%k=%v"}, "same=a"},
		{"tombstones", "k1:\nk2:x\n", []string{"-K", ":", "--tombstones"}, []string{"-f", `%k=%v\n`}, "k1=null\nk2=x\n"},
		{"JSON", "{\"a\": 1.5}\nnull\n\"<x>\"\n[1,2]\n", []string{"--json"}, nil, "{\"a\":1.5}\nnull\n<x>\n[1,2]\n"},
		{"headers", "a\n", []string{"-H", "b=c=d", "-H", "a="}, []string{"-f", "%h"}, `{"a":"","b":"c=d"}`},
		{"no headers", "a\n", nil, []string{"-f", "%h"}, "{}"},
		{"all of a format", "v\n", []string{"-k", "k"}, []string{"-f", `%%%t\t%p\\%o %k %v`}, "%t\t0\\0 k v"},
		{"compressed", strings.Repeat("a\n", 50), []string{"--compression", "zstd"}, []string{"-n", "2"}, "a\na\n"},
		{"leader", "a\n", []string{"--acks", "leader"}, nil, "a\n"},
		{"none", "a\n", []string{"--acks", "none"}, nil, "a\n"},
		{"to a partition", "a\nb\n", []string{"-p", "0"}, []string{"-f", "%p%v"}, "0a0b"},
		{"from an offset", "a\nb\nc\n", nil, []string{"-o", "1"}, "b\nc\n"},
		{"the last", "a\nb\nc\n", nil, []string{"-o", "-1"}, "c\n"},
		{"more than there is", "a\nb\n", nil, []string{"-o", "-10"}, "a\nb\n"},
		{"none of the last", "a\nb\n", nil, []string{"-o", "-0"}, ""},
		{"from the end", "a\n", nil, []string{"-o", "end"}, ""},
		{"since a time", "a\n", nil, []string{"-o", "@2000-01-01T00:00:00Z"}, "a\n"},
		{"since a time in ms", "a\n", nil, []string{"-o", "@9999999999999"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newTool(t)
			code, out, errs := k.try(c.in, append([]string{"produce", "t"}, c.produce...)...)
			require.Zero(t, code, errs)
			require.Empty(t, out)
			require.Regexp(t, `^\d+ messages sent to t\n$`, errs)
			require.Equal(t, c.out, k.run("", append([]string{"consume", "t"}, c.consume...)...))
		})
	}
}

func TestConsumeJSON(t *testing.T) {
	k := newTool(t)
	k.run("{\"a\": [1, \"<&>\"]}\n", "produce", "t", "--json", "-k", "key", "-H", "h=x", "-q")
	require.Regexp(t, `^{"topic":"t","partition":0,"offset":0,"timestamp":"\d{4}-\d\d-\d\dT[\d:.]+Z",`+
		`"key":"key","value":{"a":\[1,"<&>"\]},"headers":{"h":"x"}}\n$`, k.run("", "consume", "t", "--json"))
}

func TestProduceStopsAtABadLine(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		args []string
		says string
	}{
		"not JSON":         {"1\n{\n3\n", []string{"--json"}, "line 2: unexpected EOF"},
		"two JSON values":  {"1\n2 3\n", []string{"--json"}, "line 2: more than one JSON value"},
		"no separator":     {"a:1\nb\n", []string{"-K", ":"}, `line 2: no ":" between key and value`},
		"more than a line": {"1\n" + strings.Repeat("x", 2<<20) + "\n", nil, "message too large"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTool(t)
			code, _, errs := k.try(c.in, append([]string{"produce", "t"}, c.args...)...)
			require.Equal(t, exitFailed, code)
			require.Contains(t, errs, c.says)
		})
	}
}

// A pipe round trip: every line arrives once, and those of a key in order.
func TestPipe(t *testing.T) {
	const n = 100_000
	k := newTool(t)
	k.run("", "topics", "create", "numbers", "-p", "3")
	var in strings.Builder
	for i := range n {
		fmt.Fprintf(&in, "key%d:%d\n", i%97, i)
	}
	k.run(in.String(), "produce", "numbers", "-K", ":")
	first := k.run("", "consume", "numbers", "g", "-n", strconv.Itoa(n/2), "-f", `%k %v %p\n`)
	rest := k.run("", "consume", "numbers", "g", "-f", `%k %v %p\n`)
	require.Empty(t, k.run("", "consume", "numbers", "g"))

	newest := map[string]int{}
	var seen []int
	partitions := map[string]bool{}
	for line := range strings.Lines(first + rest) {
		f := strings.Fields(line)
		v, err := strconv.Atoi(f[1])
		require.NoError(t, err)
		if before, ok := newest[f[0]]; ok {
			require.Greater(t, v, before, f[0])
		}
		newest[f[0]] = v
		seen = append(seen, v)
		partitions[f[2]] = true
	}
	slices.Sort(seen)
	require.Len(t, seen, n)
	require.Equal(t, n, len(slices.Compact(seen)))
	require.Len(t, partitions, 3)
	require.Equal(t, 0.0, k.json("groups", "describe", "g").(map[string]any)["lag"])
}

func TestDemoTwiceInOneDirectory(t *testing.T) {
	k := newTool(t)
	first := k.run("", "demo")
	require.Contains(t, first, "Created topic earthquakes with 3 partitions.\nWrote 1679 earthquakes, keyed by region, fsynced (acks=all), in ")
	require.Contains(t, first, "The topic holds 1679 records")
	require.Contains(t, first, "by region and day (UTC), in 183 tumbling windows:")
	require.Contains(t, first, "  31 Jan  1 Feb  2 Feb  3 Feb  4 Feb  5 Feb  6 Feb  7 Feb  ALL  REGION\n"+
		"      85    111    126    128    155    101    105      6  817  California\n")
	second := k.run("", "demo")
	require.Contains(t, second, "Topic earthquakes is there already, with 1679 records")
	require.Contains(t, second, "up to the end: 1679 in all.")
	require.Contains(t, second, "The topic holds 3358 records")
	require.Contains(t, second, "     170    222    252    256    310    202    210     12  1634  California\n",
		"the week twice: nothing of it is late")
}

func TestDump(t *testing.T) {
	k := newTool(t)
	k.run("a\nb\n", "produce", "t", "-k", "key", "-H", "h=x")
	logs, err := filepath.Glob(filepath.Join(k.dir, "topics", "t-0", "*.log"))
	require.NoError(t, err)
	require.Len(t, logs, 1)
	out := k.run("", "dump", "--records", logs[0])
	require.Contains(t, out, "position 0: offsets 0 to 1, 2 records, ")
	require.Regexp(t, `  1 \S+ key "key" value "\S+b" h="x"`, out)

	var d batchDump
	require.NoError(t, json.Unmarshal([]byte(k.run("", "dump", "--json", logs[0])), &d))
	require.Equal(t, []int64{0, 0, 1}, []int64{d.Position, d.First, d.Last})
	require.Equal(t, []string{logs[0], "none"}, []string{d.File, d.Compression})
	require.Empty(t, d.Records)
	require.Contains(t, k.run("", "dump", "--json", "--records", logs[0]), `"key":"key","value":{"base64":"`)

	b, err := os.ReadFile(logs[0])
	require.NoError(t, err)
	b[len(b)-1] ^= 1
	bad := filepath.Join(t.TempDir(), "bad.log")
	require.NoError(t, os.WriteFile(bad, b, 0o600))
	code, _, errs := k.try("", "dump", logs[0], bad)
	require.Equal(t, exitDamage, code)
	require.Contains(t, errs, "bad.log: no valid batch")
}

func TestBench(t *testing.T) {
	k := newTool(t)
	results := k.json("bench", "--time", "5ms", "--size", "10").([]any)
	require.Len(t, results, 5)
	var levels []any
	for _, r := range results {
		r := r.(map[string]any)
		levels = append(levels, r["durability"])
		require.Positive(t, r["records"], r["scenario"])
	}
	require.Equal(t, []any{"os", "fsync", "os", "fsync", "-"}, levels)
	require.Contains(t, k.run("", "bench", "--time", "5ms"), "Values of 100 bytes, one partition, no compression, one sender.")
	left, err := filepath.Glob(filepath.Join(k.dir, "..", "kafkado-bench-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestVerifyAndRepair(t *testing.T) {
	k := newTool(t)
	k.run("a\nb\n", "produce", "t")
	k.run("charlie\ndelta\n", "produce", "t")
	k.run("e\n", "produce", "t")
	require.Contains(t, k.run("", "repair", "--yes"), "All is well.")

	name := filepath.Join(k.dir, "topics", "t-0", "00000000000000000000.log")
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	second := bytes.Index(b, []byte("charlie"))
	b[second] ^= 0xff
	require.NoError(t, os.WriteFile(name, b, 0o600))

	for _, command := range []string{"verify", "repair"} {
		code, out, _ := k.try("", command)
		require.Equal(t, exitDamage, code)
		require.Contains(t, out, "1 place is damaged.")
		after, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, b, after, "%s changes nothing", command)
	}
	out := k.run("", "repair", "--yes")
	require.Contains(t, out, "All is well.")
	require.Contains(t, out, ".broken")
	require.Contains(t, k.run("", "verify"), "All is well.")
	require.Equal(t, "0 a\n1 b\n4 e\n", k.run("", "consume", "t", "-f", `%o %v\n`))
	k.run("f\n", "produce", "t")
	require.Equal(t, "5 f\n", k.run("", "consume", "t", "-o", "5", "-f", `%o %v\n`))
}

func TestRepairNeedsTheLock(t *testing.T) {
	k := newTool(t)
	k.run("a\n", "produce", "t")
	client, err := kafka.NewClient(t.Context(), kafka.WithDir(k.dir))
	require.NoError(t, err)
	code, _, errs := k.try("", "repair", "--yes")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "locked")
	require.NoError(t, client.Close())
	k.run("", "repair", "--yes")
}
