package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/clock"
)

func engineAt(t testing.TB, o engine.Options) engine.Engine {
	t.Helper()
	e, err := engine.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// odd is a clock of a type that == panics for.
type odd struct {
	clock.Clock
	_ []int
}

// TestSharedDirectory: clients of one process share a directory; each is closed by itself.
func TestSharedDirectory(t *testing.T) {
	dir := filepath.ToSlash(filepath.Join(t.TempDir(), "a", "b"))
	for name, url := range map[string]string{"file": "file:" + dir, "memory": "mem:shared"} {
		t.Run(name, func(t *testing.T) {
			o := engine.Options{URL: url}
			a, b := engineAt(t, o), engineAt(t, o)
			p := producer(t, a, engine.AcksAll)
			send(t, p, "t", rec("v"))
			k := consumer(t, a, engine.ConsumerConfig{Topics: []string{"t"}, Group: "g"})
			values(t, k, 1)
			waiting := poll(t.Context(), consumer(t, a, engine.ConsumerConfig{Topics: []string{"t"}}))
			<-waiting
			require.NoError(t, a.Close())
			_, err := p.Produce(t.Context(), "t", []engine.Record{rec("v")})
			require.Equal(t, engine.ErrClosed, code(t, err), "what was opened through a closed one is closed")
			_, err = a.ListTopics(t.Context())
			require.Equal(t, engine.ErrClosed, code(t, err))
			send(t, producer(t, b, engine.AcksAll), "t", rec("w"))
			other := consumer(t, b, engine.ConsumerConfig{Topics: []string{"t"}, Group: "g"})
			require.Equal(t, []string{"v", "w"}, values(t, other, 2), "its members have left")
			require.NoError(t, b.Close())
			c := engineAt(t, o)
			topics := must(c.ListTopics(t.Context()))
			require.Equal(t, name == "file", len(topics) == 1, "memory goes with its last client")
		})
	}
}

func TestContradictoryOptions(t *testing.T) {
	o := engine.Options{URL: "mem:contradiction", DefaultPartitions: 2, Codec: "raw", Quota: 5 << 20, FlushInterval: time.Second, Clock: clock.Real}
	engineAt(t, o)
	engineAt(t, o)
	for what, change := range map[string]func(*engine.Options){
		"default number of partitions": func(o *engine.Options) { o.DefaultPartitions = 3 },
		"codec":                        func(o *engine.Options) { o.Codec = "json" },
		"quota":                        func(o *engine.Options) { o.Quota = 0 },
		"flush interval":               func(o *engine.Options) { o.FlushInterval = 0 },
		"clock":                        func(o *engine.Options) { o.Clock = odd{Clock: clock.Real} },
	} {
		t.Run(what, func(t *testing.T) {
			other := o
			change(&other)
			_, err := engine.Open(t.Context(), other)
			require.Equal(t, engine.ErrInvalidArgument, code(t, err))
			require.ErrorContains(t, err, what)
		})
	}
	engineAt(t, engine.Options{URL: "mem:", Codec: "json"}) // private: nothing to contradict
}

// TestOneDirectoryByTwoNames: the first name is of a directory that does not exist yet, below a link.
func TestOneDirectoryByTwoNames(t *testing.T) {
	base := t.TempDir()
	link := filepath.Join(base, "link")
	require.NoError(t, os.Mkdir(filepath.Join(base, "real"), 0o700))
	if err := os.Symlink(filepath.Join(base, "real"), link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	for _, dir := range []string{filepath.Join(link, "data"), filepath.Join(base, "real", "data"), filepath.Join(link, "x", "..", "data")} {
		engineAt(t, engine.Options{URL: "file:" + filepath.ToSlash(dir)})
	}
}

// TestOpenAndCloseFromManyGoroutines: whoever opens gets a directory that works, however the others come and go.
func TestOpenAndCloseFromManyGoroutines(t *testing.T) {
	url := "file:" + filepath.ToSlash(t.TempDir())
	var work sync.WaitGroup
	for i := range 6 {
		work.Go(func() {
			for range 15 {
				e, err := engine.Open(t.Context(), engine.Options{URL: url})
				if err != nil {
					t.Error(err)
					return
				}
				p, err := e.OpenProducer(t.Context(), engine.ProducerConfig{Acks: engine.AcksLeader, AutoCreateTopics: true})
				if err == nil {
					_, err = p.Produce(t.Context(), fmt.Sprint("t", i%3), []engine.Record{rec("v")})
				}
				if err != nil {
					t.Error(err)
				}
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	e := engineAt(t, engine.Options{URL: url})
	total := int64(0)
	for _, info := range must(e.ListTopics(t.Context())) {
		total += info.Partitions[0].End
	}
	require.Equal(t, int64(6*15), total)
}
