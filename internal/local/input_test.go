package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/record"
)

// code is the code of an error.
func code(t testing.TB, err error) engine.Code {
	t.Helper()
	var e *engine.Error
	var c *engine.CorruptionError
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.As(err, &c):
		return engine.ErrCorrupt
	}
	t.Fatalf("an error without a code: %v", err)
	return ""
}

// TestBadInput: each call that cannot be right has the code that says so, and changes nothing.
func TestBadInput(t *testing.T) {
	type call = func(ctx context.Context, e engine.Engine) error
	create := func(name string, c engine.TopicConfig) call {
		return func(ctx context.Context, e engine.Engine) error { return e.CreateTopic(ctx, name, c) }
	}
	produce := func(c engine.ProducerConfig, topic string, rs ...engine.Record) call {
		return func(ctx context.Context, e engine.Engine) error {
			p, err := e.OpenProducer(ctx, c)
			if err == nil {
				_, err = p.Produce(ctx, topic, rs)
			}
			return err
		}
	}
	consume := func(c engine.ConsumerConfig, max int, then func(context.Context, engine.Consumer) error) call {
		return func(ctx context.Context, e engine.Engine) error {
			k, err := e.OpenConsumer(ctx, c)
			if err != nil {
				return err
			}
			defer k.Close(ctx)
			if _, err := k.Poll(ctx, max); err != nil || then == nil {
				return err
			}
			return then(ctx, k)
		}
	}
	group := engine.ConsumerConfig{Topics: []string{"t"}, Group: "g"}
	plain := engine.ProducerConfig{}
	auto := engine.ProducerConfig{AutoCreateTopics: true}
	commit := func(tp engine.TopicPartition, offset int64) func(context.Context, engine.Consumer) error {
		return func(ctx context.Context, k engine.Consumer) error {
			return k.Commit(ctx, map[engine.TopicPartition]int64{tp: offset})
		}
	}
	seek := func(tp engine.TopicPartition, offset int64) func(context.Context, engine.Consumer) error {
		return func(ctx context.Context, k engine.Consumer) error { return k.Seek(ctx, tp, offset) }
	}
	huge := make([]byte, 1<<20+1)
	for name, c := range map[string]struct {
		call call
		want engine.Code
	}{
		"topic without a name":        {create("", engine.TopicConfig{}), engine.ErrInvalidArgument},
		"topic above the directory":   {create("../x", engine.TopicConfig{}), engine.ErrInvalidArgument},
		"topic with a slash":          {create("a/b", engine.TopicConfig{}), engine.ErrInvalidArgument},
		"topic of 250 bytes":          {create(strings.Repeat("x", 250), engine.TopicConfig{}), engine.ErrInvalidArgument},
		"topic with a zero byte":      {create("a\x00", engine.TopicConfig{}), engine.ErrInvalidArgument},
		"topic that is a device":      {create("con", engine.TopicConfig{}), engine.ErrInvalidArgument},
		"topic that exists":           {create("t", engine.TopicConfig{}), engine.ErrTopicExists},
		"topic differing by case":     {create("T", engine.TopicConfig{}), engine.ErrInvalidArgument},
		"negative partitions":         {create("x", engine.TopicConfig{Partitions: -1}), engine.ErrInvalidArgument},
		"too many partitions":         {create("x", engine.TopicConfig{Partitions: 1 << 30}), engine.ErrInvalidArgument},
		"all partitions there may be": {create("x", engine.TopicConfig{Partitions: 100_000}), engine.ErrQuotaExceeded},
		"tiny segments":               {create("x", engine.TopicConfig{SegmentBytes: 1}), engine.ErrInvalidArgument},
		"huge segments":               {create("x", engine.TopicConfig{SegmentBytes: 1 << 40}), engine.ErrInvalidArgument},
		"negative retention":          {create("x", engine.TopicConfig{RetentionMs: -2}), engine.ErrInvalidArgument},
		"negative flush interval":     {create("x", engine.TopicConfig{FlushMs: -2}), engine.ErrInvalidArgument},
		"unknown policy":              {create("x", engine.TopicConfig{CleanupPolicy: "shred"}), engine.ErrInvalidArgument},
		"unknown codec":               {create("x", engine.TopicConfig{Codec: "xml"}), engine.ErrInvalidArgument},
		"unknown compression":         {create("x", engine.TopicConfig{Compression: 9}), engine.ErrInvalidArgument},
		"alter the codec": {func(ctx context.Context, e engine.Engine) error {
			return e.AlterTopic(ctx, "t", engine.TopicConfig{Codec: "raw"})
		}, engine.ErrInvalidArgument},
		"alter the partitions": {func(ctx context.Context, e engine.Engine) error {
			return e.AlterTopic(ctx, "t", engine.TopicConfig{Partitions: 5})
		}, engine.ErrInvalidArgument},
		"alter nothing there": {func(ctx context.Context, e engine.Engine) error {
			return e.AlterTopic(ctx, "none", engine.TopicConfig{RetentionMs: 5})
		}, engine.ErrTopicNotFound},
		"delete nothing there": {func(ctx context.Context, e engine.Engine) error { return e.DeleteTopic(ctx, "none") }, engine.ErrTopicNotFound},
		"delete above":         {func(ctx context.Context, e engine.Engine) error { return e.DeleteTopic(ctx, "..") }, engine.ErrInvalidArgument},
		"fewer partitions": {func(ctx context.Context, e engine.Engine) error {
			return e.CreatePartitions(ctx, "t", 1)
		}, engine.ErrInvalidArgument},
		"delete records beyond the end": {func(ctx context.Context, e engine.Engine) error {
			return e.DeleteRecords(ctx, tp("t", 0), 4)
		}, engine.ErrOffsetOutOfRange},
		"delete negative records": {func(ctx context.Context, e engine.Engine) error {
			return e.DeleteRecords(ctx, tp("t", 0), -1)
		}, engine.ErrOffsetOutOfRange},
		"offset in no partition": {func(ctx context.Context, e engine.Engine) error {
			_, err := e.OffsetAt(ctx, tp("t", 7), epoch)
			return err
		}, engine.ErrPartitionNotFound},

		"send to no topic":            {produce(plain, "none", rec("v")), engine.ErrTopicNotFound},
		"send to a bad name":          {produce(auto, "../x", rec("v")), engine.ErrInvalidArgument},
		"send to no partition":        {produce(plain, "t", recTo(2, "v")), engine.ErrPartitionNotFound},
		"send to partition -2":        {produce(plain, "t", recTo(-2, "v")), engine.ErrPartitionNotFound},
		"record over the limit":       {produce(plain, "t", engine.Record{Value: huge}), engine.ErrMessageTooLarge},
		"key over the limit":          {produce(plain, "t", engine.Record{Key: huge}), engine.ErrMessageTooLarge},
		"header over the limit":       {produce(plain, "t", engine.Record{Headers: []record.Header{{Value: huge}}}), engine.ErrMessageTooLarge},
		"record before 1970":          {produce(plain, "t", engine.Record{Timestamp: -2}), engine.ErrInvalidArgument},
		"unknown acks":                {produce(engine.ProducerConfig{Acks: 7}, "t"), engine.ErrInvalidArgument},
		"unknown compression of send": {produce(engine.ProducerConfig{CompressionSet: true, Compression: 7}, "t"), engine.ErrInvalidArgument},

		"consume nothing":         {consume(engine.ConsumerConfig{}, 1, nil), engine.ErrInvalidArgument},
		"consume no topic":        {consume(engine.ConsumerConfig{Topics: []string{"none"}}, 1, nil), engine.ErrTopicNotFound},
		"consume a bad topic":     {consume(engine.ConsumerConfig{Topics: []string{"a b"}, AutoCreateTopics: true}, 1, nil), engine.ErrInvalidArgument},
		"group with a bad name":   {consume(engine.ConsumerConfig{Topics: []string{"t"}, Group: "../g"}, 1, nil), engine.ErrInvalidArgument},
		"unknown assignor":        {consume(engine.ConsumerConfig{Topics: []string{"t"}, Group: "g", Assignors: []string{"fair"}}, 1, nil), engine.ErrInvalidArgument},
		"negative session":        {consume(engine.ConsumerConfig{Topics: []string{"t"}, Group: "g", SessionTimeout: -1}, 1, nil), engine.ErrInvalidArgument},
		"poll for nothing":        {consume(group, 0, nil), engine.ErrInvalidArgument},
		"poll for less":           {consume(group, -5, nil), engine.ErrInvalidArgument},
		"commit without a group":  {consume(engine.ConsumerConfig{Topics: []string{"t"}}, 1, commit(tp("t", 0), 1)), engine.ErrInvalidArgument},
		"commit a negative one":   {consume(group, 1, commit(tp("t", 0), -1)), engine.ErrInvalidArgument},
		"commit beyond the end":   {consume(group, 1, commit(tp("t", 0), 4)), engine.ErrOffsetOutOfRange},
		"commit in no partition":  {consume(group, 1, commit(tp("t", 9), 1)), engine.ErrFenced},
		"commit in no topic":      {consume(group, 1, commit(tp("none", 0), 1)), engine.ErrFenced},
		"seek a negative one":     {consume(group, 1, seek(tp("t", 0), -1)), engine.ErrOffsetOutOfRange},
		"seek beyond the end":     {consume(group, 1, seek(tp("t", 0), 4)), engine.ErrOffsetOutOfRange},
		"seek in no partition":    {consume(group, 1, seek(tp("t", 9), 0)), engine.ErrInvalidArgument},
		"describe no group":       {func(ctx context.Context, e engine.Engine) error { _, err := e.DescribeGroup(ctx, "none"); return err }, engine.ErrGroupNotFound},
		"delete no group":         {func(ctx context.Context, e engine.Engine) error { return e.DeleteGroup(ctx, "none") }, engine.ErrGroupNotFound},
		"reset beyond the end":    {reset("g", tp("t", 0), 4), engine.ErrOffsetOutOfRange},
		"reset to a negative one": {reset("g", tp("t", 0), -1), engine.ErrOffsetOutOfRange},
		"reset in no partition":   {reset("g", tp("t", 9), 0), engine.ErrPartitionNotFound},
		"reset with a bad name":   {reset("", tp("t", 0), 0), engine.ErrInvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			e := memory(t)
			require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 2}))
			send(t, producer(t, e, engine.AcksAll), "t", recTo(0, "a"), recTo(0, "b"), recTo(0, "c"))
			err := c.call(t.Context(), e)
			require.Error(t, err)
			require.Equal(t, c.want, code(t, err), "%v", err)
			require.ErrorIs(t, err, c.want)
			require.False(t, engine.IsRetriable(err))
			topics, err := e.ListTopics(t.Context())
			require.NoError(t, err)
			require.Len(t, topics, 1)
			require.Equal(t, map[engine.TopicPartition][]string{tp("t", 0): {"a", "b", "c"}}, drain(t, reader(t, e, "t")))
		})
	}
}

func reset(group string, tp engine.TopicPartition, offset int64) func(context.Context, engine.Engine) error {
	return func(ctx context.Context, e engine.Engine) error {
		return e.SetOffsets(ctx, group, map[engine.TopicPartition]int64{tp: offset})
	}
}

// verbs are calls of everything that takes a context.
func verbs(e engine.Engine, p engine.Producer, k engine.Consumer) map[string]func(context.Context) error {
	offsets := map[engine.TopicPartition]int64{tp("t", 0): 0}
	return map[string]func(context.Context) error{
		"OpenProducer":     func(ctx context.Context) error { _, err := e.OpenProducer(ctx, engine.ProducerConfig{}); return err },
		"CreateTopic":      func(ctx context.Context) error { return e.CreateTopic(ctx, "new", engine.TopicConfig{}) },
		"ListTopics":       func(ctx context.Context) error { _, err := e.ListTopics(ctx); return err },
		"DescribeTopic":    func(ctx context.Context) error { _, err := e.DescribeTopic(ctx, "t"); return err },
		"AlterTopic":       func(ctx context.Context) error { return e.AlterTopic(ctx, "t", engine.TopicConfig{RetentionMs: 5}) },
		"CreatePartitions": func(ctx context.Context) error { return e.CreatePartitions(ctx, "t", 3) },
		"DeleteRecords":    func(ctx context.Context) error { return e.DeleteRecords(ctx, tp("t", 0), 0) },
		"OffsetAt":         func(ctx context.Context) error { _, err := e.OffsetAt(ctx, tp("t", 0), epoch); return err },
		"ListGroups":       func(ctx context.Context) error { _, err := e.ListGroups(ctx); return err },
		"DescribeGroup":    func(ctx context.Context) error { _, err := e.DescribeGroup(ctx, "g"); return err },
		"DeleteGroup":      func(ctx context.Context) error { return e.DeleteGroup(ctx, "g") },
		"SetOffsets":       func(ctx context.Context) error { return e.SetOffsets(ctx, "h", offsets) },
		"DeleteTopic":      func(ctx context.Context) error { return e.DeleteTopic(ctx, "t") },
		"Produce":          func(ctx context.Context) error { _, err := p.Produce(ctx, "t", []engine.Record{rec("v")}); return err },
		"Flush":            p.Flush,
		"Poll":             func(ctx context.Context) error { _, err := k.Poll(ctx, 1); return err },
		"Commit":           func(ctx context.Context) error { return k.Commit(ctx, offsets) },
		"Committed":        func(ctx context.Context) error { _, err := k.Committed(ctx, tp("t", 0)); return err },
		"Seek":             func(ctx context.Context) error { return k.Seek(ctx, tp("t", 0), 0) },
		"Ends":             func(ctx context.Context) error { _, err := k.Ends(ctx); return err },
		"OpenConsumer": func(ctx context.Context) error {
			_, err := e.OpenConsumer(ctx, engine.ConsumerConfig{Topics: []string{"t"}})
			return err
		},
	}
}

func openVerbs(t *testing.T) (engine.Engine, engine.Producer, engine.Consumer) {
	e := memory(t)
	require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{Partitions: 2}))
	p := producer(t, e, engine.AcksAll)
	send(t, p, "t", recTo(0, "v"))
	k := consumer(t, e, engine.ConsumerConfig{Topics: []string{"t"}, Group: "g"})
	values(t, k, 1)
	return e, p, k
}

func TestCancelledContext(t *testing.T) {
	e, p, k := openVerbs(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for name, verb := range verbs(e, p, k) {
		t.Run(name, func(t *testing.T) {
			err := verb(cancelled)
			require.ErrorIs(t, err, context.Canceled)
			require.False(t, engine.IsRetriable(err))
			err = verb(late)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, engine.ErrTimeout, code(t, err))
		})
	}
}

func TestClosed(t *testing.T) {
	t.Run("engine", func(t *testing.T) {
		e, p, k := openVerbs(t)
		require.NoError(t, e.Close())
		require.NoError(t, e.Close(), "again")
		for name, verb := range verbs(e, p, k) {
			require.Equal(t, engine.ErrClosed, code(t, verb(t.Context())), name)
		}
		require.False(t, e.Health().OK)
		require.NotPanics(t, func() { e.Stats() })
	})
	t.Run("producer", func(t *testing.T) {
		_, p, _ := openVerbs(t)
		require.NoError(t, p.Close())
		require.NoError(t, p.Close())
		_, err := p.Produce(t.Context(), "t", []engine.Record{rec("v")})
		require.Equal(t, engine.ErrClosed, code(t, err))
	})
	t.Run("consumer", func(t *testing.T) {
		e, p, k := openVerbs(t)
		require.NoError(t, k.Close(t.Context()))
		require.NoError(t, k.Close(t.Context()))
		for _, name := range []string{"Poll", "Commit", "Seek"} {
			require.Equal(t, engine.ErrClosed, code(t, verbs(e, p, k)[name](t.Context())), name)
		}
		_, err := k.Position(tp("t", 0))
		require.Equal(t, engine.ErrClosed, code(t, err))
		require.Empty(t, k.Assignment())
		k.Pause(tp("t", 0))
		k.Resume(tp("t", 0))
	})
}

func openURL(ctx context.Context, url string) error {
	e, err := engine.Open(ctx, engine.Options{URL: url})
	if err != nil {
		return err
	}
	return e.Close()
}

func TestBadDirectories(t *testing.T) {
	write := func(t *testing.T, dir, name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	real := func(t *testing.T, dir string) {
		e := must(engine.Open(t.Context(), engine.Options{URL: "file:" + filepath.ToSlash(dir)}))
		send(t, must(e.OpenProducer(t.Context(), engine.ProducerConfig{AutoCreateTopics: true})), "t", rec("v"))
		require.NoError(t, e.Close())
	}
	link := func(t *testing.T, dir, name string) {
		to := filepath.Join(t.TempDir(), "elsewhere")
		require.NoError(t, os.Rename(filepath.Join(dir, name), to))
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		below   string // what is opened
		want    engine.Code
		says    string
	}{
		"a file":         {func(t *testing.T, dir string) { write(t, dir, "f", "x") }, "f", engine.ErrInvalidArgument, "is a file"},
		"below a file":   {func(t *testing.T, dir string) { write(t, dir, "f", "x") }, "f/a/b", engine.ErrInvalidArgument, "is a file"},
		"another's":      {func(t *testing.T, dir string) { write(t, dir, "thesis.txt", "x") }, "", engine.ErrInvalidArgument, "thesis.txt"},
		"no VERSION":     {func(t *testing.T, dir string) { real(t, dir); require.NoError(t, os.Remove(dir+"/VERSION")) }, "", engine.ErrCorrupt, "missing"},
		"a newer format": {func(t *testing.T, dir string) { write(t, dir, "VERSION", "kafka-embedded 2\n") }, "", engine.ErrInvalidArgument, "use a newer program"},
		"another VERSION": {func(t *testing.T, dir string) { write(t, dir, "VERSION", "1.2.3\n") }, "",
			engine.ErrCorrupt, "not a data directory"},
		"a huge VERSION": {func(t *testing.T, dir string) { write(t, dir, "VERSION", strings.Repeat("x", 5000)) }, "",
			engine.ErrCorrupt, "not a data directory"},
		"a damaged VERSION": {func(t *testing.T, dir string) { write(t, dir, "VERSION", "kafka-embedded 1\nff\n00000000\n") }, "",
			engine.ErrCorrupt, "checksum"},
		"no journal": {func(t *testing.T, dir string) { real(t, dir); require.NoError(t, os.RemoveAll(dir+"/journal")) }, "",
			engine.ErrCorrupt, "journal"},
		"a linked VERSION":   {func(t *testing.T, dir string) { real(t, dir); link(t, dir, "VERSION") }, "", engine.ErrInvalidArgument, "links"},
		"a linked partition": {func(t *testing.T, dir string) { real(t, dir); link(t, dir, "topics/t-0") }, "", engine.ErrInvalidArgument, "links"},
		"a linked journal":   {func(t *testing.T, dir string) { real(t, dir); link(t, dir, "journal") }, "", engine.ErrIO, "not a regular file"},
		"a linked log": {func(t *testing.T, dir string) { real(t, dir); link(t, dir, "topics/t-0/00000000000000000000.log") }, "",
			engine.ErrIO, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.prepare(t, dir)
			locked := strings.HasPrefix(name, "a linked") || name == "no journal" // found when the lock had been taken
			var before map[string]string
			if !locked {
				before = tree(t, dir)
			}
			err := openURL(t.Context(), "file:"+filepath.ToSlash(filepath.Join(dir, c.below)))
			require.Error(t, err)
			require.Equal(t, c.want, code(t, err), "%v", err)
			require.ErrorContains(t, err, c.says)
			if !locked {
				require.Equal(t, before, tree(t, dir), "nothing was touched")
			}
		})
	}
}

// tree is all that is in a directory.
func tree(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			files[name] = "directory"
			return err
		}
		b, err := os.ReadFile(name)
		files[name] = string(b)
		return err
	}))
	return files
}

func TestBadURLs(t *testing.T) {
	for name, url := range map[string]string{
		"no scheme": "x", "unknown": "ftp://x", "cluster": "https://kafka.do", "empty path": "file:", "empty absolute": "file://",
		"remote": "file://host/dir",
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, engine.ErrInvalidArgument, code(t, openURL(t.Context(), url)))
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, openURL(ctx, "mem:"), context.Canceled)
	require.ErrorIs(t, openURL(ctx, "file:"+t.TempDir()), context.Canceled)
}

// TestEmptyEnough: the root of a fresh file system counts as empty, and so does what an interrupted start left.
func TestEmptyEnough(t *testing.T) {
	for _, name := range []string{"lost+found/", "LOCK", "VERSION.tmp"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if strings.HasSuffix(name, "/") {
				require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
			} else {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
			}
			require.NoError(t, openURL(t.Context(), "file:"+filepath.ToSlash(dir)))
		})
	}
}

// TestUnownedDirectories: what nobody knows is kept and reported; what creation left is removed.
func TestUnownedDirectories(t *testing.T) {
	mem := vfs.NewMem()
	require.NoError(t, must(openOnce(mem)).Close())
	write := func(name, content string) {
		require.NoError(t, vfs.WriteFileAtomic(mem, name, []byte(content)))
	}
	for _, dir := range []string{"empty-0", "unfinished-0", "records-0", "foreign-0"} {
		require.NoError(t, mem.Mkdir("topics/"+dir))
	}
	write("topics/unfinished-0/00000000000000000000.log", "")
	write("topics/unfinished-0/partition.metadata", "version: 0\n")
	write("topics/unfinished-0/manifest.tmp", "x")
	write("topics/records-0/00000000000000000000.log", "records")
	write("topics/foreign-0/notes.txt", "mine")
	write("topics/.DS_Store", "x")
	e := open(t, options(mem))
	var left []string
	for _, entry := range must(mem.ReadDir("topics")) {
		left = append(left, entry.Name())
	}
	require.Equal(t, []string{".DS_Store", "foreign-0", "records-0"}, left)
	require.Len(t, e.Health().Notes, 3)
	require.True(t, e.Health().OK)
	for _, name := range []string{"records", "foreign"} {
		err := e.CreateTopic(t.Context(), name, engine.TopicConfig{})
		require.Equal(t, engine.ErrInvalidArgument, code(t, err))
		require.ErrorContains(t, err, "move it away")
	}
	require.NoError(t, e.CreateTopic(t.Context(), "unfinished", engine.TopicConfig{}))
	require.Equal(t, "records", string(must(vfs.ReadFile(mem, "topics/records-0/00000000000000000000.log", 100))))
	require.Equal(t, "mine", string(must(vfs.ReadFile(mem, "topics/foreign-0/notes.txt", 100))))
}

// TestRetentionOfAges: a number of milliseconds that no duration holds is very long, and not short.
func TestRetentionOfAges(t *testing.T) {
	for _, ms := range []int64{1<<63 - 1, 1 << 44, 18446744073710} {
		t.Run(fmt.Sprint(ms), func(t *testing.T) {
			e := memory(t)
			require.NoError(t, e.CreateTopic(t.Context(), "t", engine.TopicConfig{RetentionMs: ms, SegmentMs: ms, DeleteRetentionMs: ms}))
			send(t, producer(t, e, engine.AcksAll), "t", rec("v"))
			e.Maintain(t.Context())
			require.Equal(t, []string{"v"}, drain(t, reader(t, e, "t"))[tp("t", 0)])
		})
	}
}
