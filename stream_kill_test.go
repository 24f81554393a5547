package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
	"github.com/dot-do/kafka-embedded/stream"
)

var (
	realKills = flag.Int("stream.realkills", 6, "how many processes TestStreamsSurviveKill9 kills")
	realSeed  = flag.Uint64("stream.realseed", 0, "its seed; 0 draws one")
)

// victimEnv is the directory of a process that is there to be killed.
const victimEnv = "KAFKA_EMBEDDED_STREAM_VICTIM"

// victimFailed is its exit code when it failed by itself, which no kill has.
const victimFailed = 3

// click is an input of the applications that get killed. The key of its record is neither its user nor its item.
type click struct {
	User string `json:"user"`
	Item int    `json:"item"`
	N    int    `json:"n"`
}

// clicks fills two topics of two partitions each with clicks that are up to 40 ms out of order.
func clicks(t *testing.T, dir string, each int) {
	client, err := kafka.NewClient(t.Context(), kafka.WithDir(dir))
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(11, 11))
	for _, topic := range []string{"clicks", "views"} {
		require.NoError(t, client.Admin().CreateTopic(t.Context(), topic, kafka.TopicConfig{Partitions: 2}))
		ms := make([]kafka.Message, each)
		for i := range ms {
			ms[i] = kafka.Message{
				Key:       fmt.Sprint("session-", rng.IntN(50)),
				Value:     click{User: fmt.Sprint("user-", rng.IntN(9)), Item: rng.IntN(30), N: i},
				Timestamp: time.UnixMilli(1_000_000 + int64(i)*10 + rng.Int64N(40)),
			}
		}
		require.NoError(t, client.Producer(topic).SendBatch(t.Context(), ms))
	}
	require.NoError(t, client.Close())
}

// applications are what runs until it is killed: a count by another key than the record's, sessions by that key, and a
// join. tell is called for each input.
func applications(client *kafka.Client, tell func(click)) map[string]*stream.Topology {
	source := func(app, topic string) *stream.Stream[click] {
		return kafka.NewTypedStream[click](client, topic, kafka.WithApplicationID(app), kafka.WithUntilEnd(),
			kafka.WithCommitInterval(time.Millisecond)).Peek(tell)
	}
	user := func(c click) string { return c.User }
	item := func(c click) int { return c.Item }
	pairs := stream.Join(source("join", "clicks"), source("join", "views"), stream.Keys(item, item),
		kafka.JoinWindow(200*time.Millisecond), stream.JoinGrace(time.Second))
	return map[string]*stream.Topology{
		"counts": source("count", "clicks").GroupBy(user).Count().Sink("counts"),
		"sessions": source("session", "clicks").Window(kafka.SessionWindow(100 * time.Millisecond).Grace(time.Second)).
			GroupBy(user).Count().Sink("sessions"),
		"pairs": pairs.Sink("pairs"),
	}
}

// runApplications runs all of them until they have processed everything.
func runApplications(ctx context.Context, dir string, tell func(click)) error {
	client, err := kafka.NewClient(ctx, kafka.WithDir(dir))
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	failed := make(chan error, 3)
	for _, top := range applications(client, tell) {
		work.Go(func() { failed <- top.Run(ctx) })
	}
	work.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return errors.Join(err, client.Close())
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		if err := streamVictim(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(victimFailed)
		}
		return
	}
	os.Exit(m.Run())
}

// streamVictim is the process that gets killed: it writes a byte when it begins and one for each input that it processes.
func streamVictim(dir string) error {
	tell := func(click) { _, _ = os.Stdout.WriteString(".") }
	tell(click{})
	return runApplications(context.Background(), dir, tell)
}

// TestStreamsSurviveKill9 kills processes that run stream applications on a directory, at random moments, until one has
// processed everything: the results are those of a run that nothing disturbed, none lost and none doubled.
func TestStreamsSurviveKill9(t *testing.T) {
	seed := *realSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-stream.realseed=%d", seed)
	rng, each := rand.New(rand.NewPCG(seed, 0)), min(1500, 50**realKills)
	calm := t.TempDir()
	clicks(t, calm, each)
	require.NoError(t, runApplications(t.Context(), calm, func(click) {}))
	want := resultsOf(t, calm)
	for _, topic := range []string{"counts", "sessions", "pairs"} {
		require.NotEmpty(t, want[topic])
	}

	kills, chains := 0, 0
	for ; kills < *realKills; chains++ {
		dir := t.TempDir()
		clicks(t, dir, each)
		for killed := true; killed; {
			after := 1 + rng.IntN(each)
			if kills%6 == 5 {
				after = 1 // while it opens the directory, or restores its state
			}
			if killed = kills < *realKills && lifeOf(t, dir, after); killed {
				kills++
			} else {
				require.NoError(t, runApplications(t.Context(), dir, func(click) {}))
			}
		}
		require.Equal(t, want, resultsOf(t, dir), "chain %d, after %d kills", chains, kills)
		verified(t, dir)
		require.NoError(t, os.RemoveAll(dir))
	}
	t.Logf("%d kills in %d chains", kills, chains)
}

// lifeOf starts a victim, and kills it once it has written so many bytes. It reports false when the victim came to its
// end before that.
func lifeOf(t *testing.T, dir string, n int) bool {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var told bytes.Buffer
	if _, err = io.CopyN(&told, out, int64(n)); !errors.Is(err, io.EOF) {
		require.NoError(t, err)
		_ = cmd.Process.Kill() // it may have ended just now
	}
	_, err = told.ReadFrom(out)
	require.NoError(t, err)
	err = cmd.Wait()
	require.NotEqual(t, victimFailed, cmd.ProcessState.ExitCode())
	return err != nil
}

// resultsOf is what a reader of committed records sees in each topic, sorted: keys that are grouped differently are in no
// order to each other.
func resultsOf(t *testing.T, dir string) map[string][]string {
	client, err := kafka.NewClient(t.Context(), kafka.WithDir(dir))
	require.NoError(t, err)
	all := map[string][]string{}
	for _, topic := range []string{"counts", "sessions", "pairs"} {
		consumer := client.Consumer(topic, "", kafka.WithUntilEnd())
		for m, err := range consumer.All(t.Context()) {
			require.NoError(t, err)
			all[topic] = append(all[topic], fmt.Sprint(m.Key, " ", m.Value))
		}
		slices.Sort(all[topic])
	}
	require.NoError(t, client.Close())
	return all
}

// verified reads every byte of a directory.
func verified(t *testing.T, dir string) {
	f, err := vfs.OS(dir)
	require.NoError(t, err)
	r, err := local.Verify(f)
	require.NoError(t, err)
	require.True(t, r.OK(), "%+v", r)
	require.NoError(t, f.Close())
}
