package local_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

var goldenWrite = flag.Bool("golden.write", false, "make the golden directories of the present format anew")

const goldenDir = "../../testdata/golden"

// goldenState is all that a program can find out about a directory.
type goldenState struct {
	Topics   map[string]goldenTopic
	Offsets  map[string]map[string]int64 // of each group and partition
	Progress map[string]map[int32]int64  // of the ID "import" in each topic
}

type goldenTopic struct {
	Config     map[string]any // of [engine.TopicConfig]
	Partitions []goldenPartition
}

type goldenPartition struct {
	Start, End, LastStable int64
	Records                []goldenRecord
	Committed              []int64 // offsets of the records that a reader of committed records sees
}

type goldenRecord struct {
	Offset, Timestamp int64
	Key, Value        *string
	Headers           []string `json:",omitempty"`
}

// TestGoldenDirectories opens directories of every version of the format there was, as this version must, finds in them what
// was written, appends, and opens them again.
func TestGoldenDirectories(t *testing.T) {
	if *goldenWrite {
		writeGolden(t)
	}
	dirs, err := filepath.Glob(filepath.Join(goldenDir, "v*", "*", "VERSION"))
	require.NoError(t, err)
	present := fmt.Sprintf("v%d", presentFormat(t))
	require.Equal(t, present, path.Base(path.Dir(path.Dir(filepath.ToSlash(slices.Max(dirs))))), "a new format needs a golden directory")
	for _, name := range dirs {
		dir := filepath.Dir(name)
		t.Run(filepath.ToSlash(strings.TrimPrefix(dir, goldenDir)), func(t *testing.T) { checkGolden(t, dir) })
	}
}

// presentFormat is the version in a directory that is made now.
func presentFormat(t *testing.T) (version int) {
	mem := vfs.NewMem()
	require.NoError(t, must(openOnce(mem)).Close())
	_, err := fmt.Sscanf(string(contentsOf(mem, "VERSION")), "kafka-embedded %d", &version)
	require.NoError(t, err)
	return version
}

func checkGolden(t *testing.T, dir string) {
	var want goldenState
	require.NoError(t, json.Unmarshal(must(os.ReadFile(dir+".json")), &want))
	work := t.TempDir()
	require.NoError(t, os.CopyFS(work, os.DirFS(dir)))
	f := must(vfs.OS(work))
	r, err := local.Verify(f)
	require.NoError(t, err)
	require.True(t, r.OK(), "%+v", r)

	e, err := local.Open(unattended(f))
	require.NoError(t, err)
	require.True(t, e.Health().OK)
	require.Equal(t, want, describe(t, e).without(want))
	appendAfter(t, e, &want)
	require.NoError(t, e.Close())

	f = must(vfs.OS(work))
	r, err = local.Verify(f)
	require.NoError(t, err)
	require.True(t, r.OK(), "%+v", r)
	e, err = local.Open(unattended(f))
	require.NoError(t, err)
	require.Empty(t, e.Health().Notes)
	require.Equal(t, want, describe(t, e).without(want))
	require.NoError(t, e.Close())
}

// without leaves out settings that came after the golden directory was made.
func (s goldenState) without(made goldenState) goldenState {
	for name, topic := range s.Topics {
		maps.DeleteFunc(topic.Config, func(key string, _ any) bool { return made.Topics[name].Config[key] == nil })
	}
	return s
}

// appendAfter appends a record to each partition, and to what is expected.
func appendAfter(t *testing.T, e *local.Engine, want *goldenState) {
	p := producer(t, e, engine.AcksAll)
	for name, topic := range want.Topics {
		for n := range topic.Partitions {
			o := &topic.Partitions[n]
			r := recTo(int32(n), "appended")
			r.Timestamp = 1
			send(t, p, name, r)
			o.Records = append(o.Records, goldenRecord{Offset: o.End, Timestamp: 1, Value: text([]byte("appended"))})
			o.Committed = append(o.Committed, o.End)
			o.End, o.LastStable = o.End+1, o.LastStable+1
		}
	}
}

// describe finds out everything about a directory.
func describe(t *testing.T, e *local.Engine) goldenState {
	s := goldenState{Topics: map[string]goldenTopic{}, Offsets: map[string]map[string]int64{}, Progress: map[string]map[int32]int64{}}
	numbered, err := e.OpenProducer(t.Context(), engine.ProducerConfig{ID: "import"})
	require.NoError(t, err)
	for _, info := range must(e.ListTopics(t.Context())) {
		var topic goldenTopic
		require.NoError(t, json.Unmarshal(must(json.Marshal(info.Config)), &topic.Config))
		for _, p := range info.Partitions {
			topic.Partitions = append(topic.Partitions, goldenPartition{Start: p.Start, End: p.End, LastStable: p.LastStable})
		}
		eachRecord(t, e, info.Name, engine.ReadUncommitted, func(n int32, r *record.Record) {
			topic.Partitions[n].Records = append(topic.Partitions[n].Records, golden(r))
		})
		eachRecord(t, e, info.Name, engine.ReadCommitted, func(n int32, r *record.Record) {
			topic.Partitions[n].Committed = append(topic.Partitions[n].Committed, r.Offset)
		})
		s.Topics[info.Name] = topic
		s.Progress[info.Name], err = numbered.Progress(t.Context(), info.Name)
		require.NoError(t, err)
	}
	for _, g := range must(e.ListGroups(t.Context())) {
		s.Offsets[g.ID] = map[string]int64{}
		for _, o := range must(e.DescribeGroup(t.Context(), g.ID)).Offsets {
			s.Offsets[g.ID][fmt.Sprintf("%s-%d", o.Topic, o.Partition)] = o.Committed
		}
	}
	return s
}

func eachRecord(t *testing.T, e *local.Engine, topic string, i engine.Isolation, fn func(int32, *record.Record)) {
	k := consumer(t, e, engine.ConsumerConfig{Topics: []string{topic}, UntilEnd: true, Isolation: i})
	for {
		fetches, err := k.Poll(t.Context(), 100)
		if err != nil {
			require.Equal(t, "EOF", err.Error())
			return
		}
		for _, f := range fetches {
			for i := range f.Records {
				fn(f.Partition, &f.Records[i])
			}
		}
	}
}

func golden(r *record.Record) goldenRecord {
	g := goldenRecord{Offset: r.Offset, Timestamp: r.Timestamp, Key: text(r.Key), Value: text(r.Value)}
	for h := range r.Headers() {
		g.Headers = append(g.Headers, h.Key+":"+string(h.Value))
	}
	return g
}

// text is a string, or nil for null.
func text(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

// writeGolden makes two directories of the present format: one that was closed, and one whose process was killed.
func writeGolden(t *testing.T) {
	for _, kill := range []bool{false, true} {
		w := newGoldenTemplate(t, t.Context(), kill)
		dir := filepath.Join(goldenDir, fmt.Sprintf("v%d", presentFormat(t)), w.name)
		require.NoError(t, os.RemoveAll(dir))
		for _, name := range w.names {
			b := contentsOf(w.mem, name)
			if kept := len(strings.TrimRight(string(b), "\x00")) + 100; strings.HasSuffix(name, ".log") && kept < len(b) {
				b = b[:kept] // of the zeros by which the file was grown
			}
			file := filepath.Join(dir, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, b, 0o644))
		}
		e := must(local.Open(unattended(w.mem)))
		state := must(json.MarshalIndent(describe(t, e), "", " "))
		require.NoError(t, e.Close())
		require.NoError(t, os.WriteFile(dir+".json", append(state, '\n'), 0o644))
	}
}

// newGoldenTemplate is a template with more: every compression, codec, and kind of value.
func newGoldenTemplate(t *testing.T, ctx context.Context, kill bool) *template {
	return newTemplateWith(t, ctx, kill, func(b *builder) {
		for c := record.None; c <= record.Zstd; c++ {
			name := "with-" + c.String()
			codec := []string{"msgpack", "json", "raw"}[c%3]
			require.NoError(t, b.e.CreateTopic(ctx, name, engine.TopicConfig{Compression: c, Codec: codec, RetentionMs: 1 << 40}))
			rs := []engine.Record{
				{Key: []byte("key"), Value: []byte(strings.Repeat("value ", 20)), Timestamp: 1_000_000},
				{Value: []byte{}, Timestamp: engine.NoTimestamp},
				{Key: []byte{}, Timestamp: 2_000_000, Headers: []record.Header{{Key: "h"}, {Key: "h", Value: []byte("again")}}},
			}
			_, err := b.producer(engine.ProducerConfig{}).Produce(ctx, name, rs)
			require.NoError(t, err)
		}
	})
}
