package stream_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/stream"
	"github.com/dot-do/kafka-embedded/stream/streamtest"
)

// goldenCase is a topology and its input, and what Kafka Streams makes of them. scripts/topology-golden describes it.
type goldenCase struct {
	Name     string              `json:"name"`
	Topology string              `json:"topology"`
	Size     int64               `json:"size"` // of windows; gap of sessions; reach of a join
	Advance  int64               `json:"advance"`
	Grace    int64               `json:"grace"`
	Topics   int                 `json:"topics"`
	In       []string            `json:"in"`
	Kafka    map[string][]string `json:"kafka,omitempty"` // by mode
}

// input is one record of a case.
type input struct {
	at         int64
	topic, key string
	value      any // nil is a tombstone
}

func (c *goldenCase) input(t *testing.T, i int) (in input) {
	f := strings.Fields(c.In[i])
	require.Len(t, f, 4)
	var err error
	in.at, err = strconv.ParseInt(f[0], 10, 64)
	require.NoError(t, err)
	if in.topic = f[1]; c.Topics == 1 {
		in.topic = "in"
	}
	if f[2] != "-" {
		in.key = f[2]
	}
	if f[3] != "-" {
		in.value = f[3]
	}
	return in
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// isJoin reports whether two streams are joined.
func (c *goldenCase) isJoin() bool {
	return c.Topology == "join" || c.Topology == "leftJoin" || c.Topology == "outerJoin"
}

// window is the window of an aggregation; false when the case has none.
func (c *goldenCase) window() (w stream.Window, ok bool) {
	switch c.Topology {
	case "tumbling":
		w = stream.TumblingWindow(ms(c.Size))
	case "hopping":
		w = stream.HoppingWindow(ms(c.Size), ms(c.Advance))
	case "sliding":
		w = stream.SlidingWindow(ms(c.Size))
	case "session":
		w = stream.SessionWindow(ms(c.Size))
	default:
		return w, false
	}
	return w.Grace(ms(c.Grace)), true
}

// list gathers elements, so that the order in which an aggregate got them shows.
func list(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}

// initial is the key of an element in the topologies that look at elements only.
func initial(v string) string { return v[:min(1, len(v))] }

// topology is the case as a topology of this package.
func (c *goldenCase) topology(mode string) *stream.Topology {
	if w, ok := c.window(); ok {
		in := source[string]("in")
		if c.Topics == 2 {
			in = source[string]("l").Merge(source[string]("r"))
		}
		grouped := in.Window(w).GroupBy(initial)
		table := stream.Aggregate(grouped, func() string { return "" }, list, list)
		if mode == "updates" {
			table = table.EmitUpdates()
		}
		return table.Sink("out")
	}
	switch c.Topology {
	case "count":
		return source[string]("in").GroupBy(initial).Count().Sink("out")
	case "table":
		return stream.ToTable(source[string]("in")).Sink("out")
	case "tableJoin":
		return stream.JoinTable(source[string]("l"), stream.ToTable(source[string]("r")), initial).Sink("out")
	case "leftTableJoin":
		return stream.LeftJoinTable(source[string]("l"), stream.ToTable(source[string]("r")), initial).Sink("out")
	}
	return c.join().Sink("out")
}

func (c *goldenCase) join() *stream.Stream[stream.JoinResult[string, string]] {
	left, right := source[string]("l"), source[string]("r")
	if c.Topics == 1 {
		both := source[string]("in")
		left = both.Filter(func(v string) bool { return strings.HasPrefix(v, "l") })
		right = both.Filter(func(v string) bool { return strings.HasPrefix(v, "r") })
	}
	join := map[string]joinFunc{
		"join": stream.Join[string, string], "leftJoin": stream.LeftJoin[string, string], "outerJoin": stream.OuterJoin[string, string],
	}[c.Topology]
	return join(left, right, stream.Cond[string, string]{}, stream.JoinWindow(ms(c.Size)), stream.JoinGrace(ms(c.Grace)))
}

// run is what this package makes of a case, in the notation of the golden files.
func (c *goldenCase) run(t *testing.T, mode string) []string {
	d := streamtest.NewDriver(t, c.topology(mode))
	out := []string{}
	for i := range c.In {
		in := c.input(t, i)
		d.Pipe(in.topic, in.key, in.value, at(in.at))
		for _, r := range d.Output("out") {
			out = append(out, fmt.Sprintf("%d %s t%d", i, c.show(t, r), r.Time.UnixMilli()))
		}
	}
	return out
}

func (c *goldenCase) show(t *testing.T, r streamtest.Record) string {
	if _, ok := c.window(); ok {
		var w stream.Result[string, string]
		require.NoError(t, json.Unmarshal(r.Value, &w))
		return fmt.Sprintf("%s@[%d,%d]=%s", w.Key, w.Start.UnixMilli(), w.End.UnixMilli(), w.Value)
	}
	if r.Value == nil {
		return r.Key + "=null"
	}
	if c.Topology == "count" || c.Topology == "table" {
		return r.Key + "=" + strings.Trim(string(r.Value), `"`)
	}
	var p stream.JoinResult[string, string]
	require.NoError(t, json.Unmarshal(r.Value, &p))
	if !p.HasLeft {
		p.Left = "-"
	}
	if !p.HasRight {
		p.Right = "-"
	}
	return r.Key + "=" + p.Left + "+" + p.Right
}
