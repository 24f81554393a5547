package local_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

var bankFor = flag.Duration("txn.bank", 300*time.Millisecond, "how long the bank is open")

const (
	tellers  = 64
	accounts = 100
)

// bank moves money between accounts: each transfer is a transaction of two records in the topic "journal", which has one
// partition, and of two in "accounts", by account in four.
type bank struct {
	mu        sync.Mutex
	attempted map[int]bool // true once the commit returned nil
	serial    int
}

func (b *bank) begin() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial++
	b.attempted[b.serial] = false
	return b.serial
}

func (b *bank) done(id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempted[id] = true
}

func (b *bank) snapshot() map[int]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.attempted)
}

// teller transfers until ctx ends. One transfer in four is aborted.
func (b *bank) teller(ctx context.Context, e *local.Engine, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	p, err := e.OpenProducer(context.Background(), engine.ProducerConfig{})
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		from, to, amount := rng.IntN(accounts), rng.IntN(accounts), 1+rng.IntN(1000)
		abort := rng.IntN(4) == 0
		id := -1
		if !abort {
			id = b.begin()
		}
		legs := func() []engine.Record {
			return []engine.Record{leg(id, from, -amount), leg(id, to, amount)}
		}
		err := p.Begin(context.Background())
		if err == nil {
			_, err = p.Produce(context.Background(), "journal", legs())
		}
		if err == nil {
			_, err = p.Produce(context.Background(), "accounts", legs())
		}
		if err == nil {
			err = p.End(context.Background(), !abort)
		}
		if err != nil {
			return err
		}
		if !abort {
			b.done(id)
		}
	}
	return p.Close()
}

func leg(id, account, amount int) engine.Record {
	r := rec(fmt.Sprintf("%d %d", id, amount))
	r.Key = fmt.Append(nil, account)
	return r
}

// read counts the legs of each transfer, and adds up all amounts.
func read(f engine.Fetch, seen map[int]int) (sum int, err error) {
	for _, r := range f.Records {
		var id, amount int
		if _, err := fmt.Sscanf(string(r.Value), "%d %d", &id, &amount); err != nil {
			return 0, err
		}
		seen[id]++
		sum += amount
	}
	return sum, nil
}

// auditor follows the journal: the sum of all amounts is zero wherever it has read everything that is committed.
func auditor(ctx context.Context, e *local.Engine) error {
	k, err := e.OpenConsumer(context.Background(), engine.ConsumerConfig{Topics: []string{"journal"}})
	if err != nil {
		return err
	}
	defer k.Close(context.Background())
	sum, points := 0, 0
	for {
		fetches, err := k.Poll(ctx, 1000)
		if ctx.Err() != nil {
			if points == 0 {
				return errors.New("the auditor has seen nothing")
			}
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range fetches {
			add, err := read(f, map[int]int{})
			if err != nil {
				return err
			}
			if sum += add; f.Next >= f.End {
				if points++; sum != 0 {
					return fmt.Errorf("the sum is %d at %d", sum, f.Next)
				}
			}
		}
	}
}

// inspect opens what a crash left: the sum is zero, each transfer is whole, and none that was acknowledged is missing.
func (b *bank) inspect(t *testing.T, f vfs.FS, acked map[int]bool, place string) {
	e, err := local.Open(options(f))
	require.NoError(t, err, place)
	defer func() { require.NoError(t, e.Close()) }()
	attempted := b.snapshot()
	for _, topic := range []string{"journal", "accounts"} {
		k, err := e.OpenConsumer(t.Context(), engine.ConsumerConfig{Topics: []string{topic}, UntilEnd: true})
		require.NoError(t, err, place)
		seen, sum := map[int]int{}, 0
		for {
			fetches, err := k.Poll(t.Context(), 10_000)
			if err == io.EOF {
				break
			}
			require.NoError(t, err, place)
			for _, f := range fetches {
				add, err := read(f, seen)
				require.NoError(t, err, place)
				sum += add
			}
		}
		require.Zero(t, sum, "%s: the sum of %s", place, topic)
		for id, legs := range seen {
			_, known := attempted[id]
			if legs != 2 || !known {
				t.Fatalf("%s: %d legs of transfer %d in %s, begun %v", place, legs, id, topic, known)
			}
		}
		for id, done := range acked {
			if done && seen[id] != 2 {
				t.Fatalf("%s: transfer %d is not in %s", place, id, topic)
			}
		}
		require.NoError(t, k.Close(t.Context()))
	}
}

// gate keeps changes of files from happening while one looks at all of them: what a kill leaves is of one moment.
type gate struct {
	vfs.FS
	mu sync.RWMutex
}

type gatedFile struct {
	vfs.File
	mu *sync.RWMutex
}

func (g *gate) OpenFile(name string, flag int) (vfs.File, error) {
	f, err := g.FS.OpenFile(name, flag)
	if err != nil {
		return nil, err
	}
	return &gatedFile{f, &g.mu}, nil
}

func (f *gatedFile) WriteAt(p []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.File.WriteAt(p, off)
}

func (f *gatedFile) Truncate(size int64) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.File.Truncate(size)
}

func (f *gatedFile) Sync() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.File.Sync()
}

func TestBank(t *testing.T) {
	mem := vfs.NewMem()
	files := &gate{FS: mem}
	e := open(t, options(files))
	require.NoError(t, e.CreateTopic(t.Context(), "journal", engine.TopicConfig{SegmentBytes: 1 << 20}))
	require.NoError(t, e.CreateTopic(t.Context(), "accounts", engine.TopicConfig{Partitions: 4, SegmentBytes: 1 << 20}))
	b := &bank{attempted: map[int]bool{}}
	ctx, cancel := context.WithTimeout(t.Context(), *bankFor)
	defer cancel()
	var running, auditing sync.WaitGroup
	errs := make(chan error, tellers+1)
	audit, stop := context.WithCancel(t.Context())
	defer stop()
	auditing.Go(func() { errs <- auditor(audit, e) })
	for i := range uint64(tellers) {
		running.Go(func() { errs <- b.teller(ctx, e, i) })
	}
	for kill := uint64(0); ctx.Err() == nil; kill++ {
		acked := b.snapshot()
		files.mu.Lock()
		left := mem.KillClone()
		files.mu.Unlock()
		if kill%2 == 1 {
			left = left.CrashClone(kill)
		}
		b.inspect(t, left, acked, fmt.Sprintf("kill %d, after %d transfers", kill, len(acked)))
	}
	running.Wait()
	stop()
	auditing.Wait()
	close(errs)
	for err := range errs {
		require.True(t, err == nil || errors.Is(err, context.DeadlineExceeded), "%v", err)
	}
	b.inspect(t, mem.KillClone(), b.snapshot(), "at the end")
	t.Logf("%d transfers", len(b.attempted))
}
