package local_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// childEnv names the role in which the test binary starts itself again: as a process of its own that may be killed, that
// has other rights, or that has less room.
const childEnv = "KAFKA_EMBEDDED_TEST_CHILD"

// children are the roles. Each gets the arguments of its process, and returns its exit code.
var children = map[string]func(args []string) int{}

func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		os.Exit(children[role](os.Args[1:]))
	}
	before := descriptors()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if after := descriptors(); code == 0 && after > before {
			fmt.Fprintf(os.Stderr, "%d descriptors are open, %d before the tests\n", after, before)
			code = 1
		}
		os.Exit(code)
	}))
}

// descriptors is how many this process has open, where that can be told. Those of the runtime do not count.
func descriptors() (n int) {
	finalize() // the journal abandons a failed file to the garbage collector
	const dir = "/proc/self/fd"
	list, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, entry := range list {
		if to, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil && !strings.HasPrefix(to, "anon_inode:") {
			n++
		}
	}
	return n
}

// finalize collects garbage and returns when what its finalizers close is closed. They run one after the other, but in no
// order within a collection: the second one tells that those of the first are done.
func finalize() {
	for range 2 {
		done := make(chan struct{})
		runtime.SetFinalizer(&struct{ done chan struct{} }{done}, func(s *struct{ done chan struct{} }) { close(s.done) })
		runtime.GC()
		<-done
	}
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func options(f vfs.FS) local.Options {
	return local.Options{FS: f, Clock: clock.NewManual(epoch), DefaultPartitions: 1}
}

func open(t testing.TB, o local.Options) *local.Engine {
	t.Helper()
	e, err := local.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

func memory(t testing.TB) *local.Engine { return open(t, options(vfs.NewVolatile())) }

func producer(t testing.TB, e engine.Engine, acks engine.Acks) engine.Producer {
	t.Helper()
	p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{Acks: acks, AutoCreateTopics: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func consumer(t testing.TB, e engine.Engine, c engine.ConsumerConfig) engine.Consumer {
	t.Helper()
	k, err := e.OpenConsumer(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.Close(t.Context())) })
	return k
}

// reader reads everything, without a group.
func reader(t testing.TB, e engine.Engine, topics ...string) engine.Consumer {
	return consumer(t, e, engine.ConsumerConfig{Topics: topics, UntilEnd: true})
}

func rec(value string) engine.Record {
	return engine.Record{Value: []byte(value), Partition: engine.AnyPartition, Timestamp: engine.NoTimestamp}
}

func recTo(partition int32, value string) engine.Record {
	r := rec(value)
	r.Partition = partition
	return r
}

func send(t testing.TB, p engine.Producer, topic string, rs ...engine.Record) {
	t.Helper()
	_, err := p.Produce(t.Context(), topic, rs)
	require.NoError(t, err)
}

func tp(topic string, partition int32) engine.TopicPartition {
	return engine.TopicPartition{Topic: topic, Partition: partition}
}

// drain polls until the end, and returns the values of each partition.
func drain(t testing.TB, k engine.Consumer) map[engine.TopicPartition][]string {
	t.Helper()
	got := map[engine.TopicPartition][]string{}
	for {
		fetches, err := k.Poll(t.Context(), 100)
		if err == io.EOF {
			return got
		}
		require.NoError(t, err)
		for _, f := range fetches {
			for _, r := range f.Records {
				got[f.TopicPartition] = append(got[f.TopicPartition], string(r.Value))
			}
		}
	}
}

// values polls until n records have come.
func values(t testing.TB, k engine.Consumer, n int) (got []string) {
	t.Helper()
	for len(got) < n {
		fetches, err := k.Poll(t.Context(), n-len(got))
		require.NoError(t, err)
		for _, f := range fetches {
			for _, r := range f.Records {
				got = append(got, string(r.Value))
			}
		}
	}
	return got
}

// countingFS counts what is open.
type countingFS struct {
	vfs.FS
	open atomic.Int64
}

type countingFile struct {
	vfs.File
	fs     *countingFS
	closed atomic.Bool
}

func (f *countingFS) OpenFile(name string, flag int) (vfs.File, error) {
	file, err := f.FS.OpenFile(name, flag)
	if err != nil {
		return nil, err
	}
	f.open.Add(1)
	return &countingFile{File: file, fs: f}, nil
}

func (f *countingFile) Close() error {
	if f.closed.CompareAndSwap(false, true) {
		f.fs.open.Add(-1)
	}
	return f.File.Close()
}

func (f *countingFS) Lock(name string) (io.Closer, error) {
	lock, err := f.FS.Lock(name)
	if err == nil {
		f.open.Add(1)
		lock = &countingLock{Closer: lock, fs: f}
	}
	return lock, err
}

type countingLock struct {
	io.Closer
	fs     *countingFS
	closed atomic.Bool
}

func (l *countingLock) Close() error {
	if l.closed.CompareAndSwap(false, true) {
		l.fs.open.Add(-1)
	}
	return l.Closer.Close()
}

func openOnce(f vfs.FS) (*local.Engine, error) { return local.Open(options(f)) }
