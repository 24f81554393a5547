package scenario

import (
	"fmt"
	"math/rand/v2"
)

// generator draws scripts.
type generator struct {
	*rand.Rand
	rough bool // with kills, losses of power and faults
}

// drawn are the lines that a script is drawn from, by how often. In them T is a topic, P a partition, N a small number, A a
// level of acknowledgement, B a size, G a group, X a transaction, C a call of the file system, S a seed, D a duration.
var drawn = []struct {
	times int
	line  string
}{
	{30, "send T p=P n=N acks=A size=B"},
	{20, "send T p=P n=N acks=A size=B keys=4"},
	{6, "send compacted p=P n=N acks=A size=B keys=3"},
	{4, "erase compacted p=P keys=3"},
	{4, "erase T p=P keys=4 acks=A"},
	{10, "async T p=P n=N acks=A size=B"},
	{3, "async b p=P n=20 acks=leader size=B"},
	{10, "number T p=P n=N acks=A id=1 again=N"},
	{6, "storm T writers=3 n=N acks=A"},
	{10, "begin X"},
	{20, "put X T p=P n=N size=B"},
	{8, "put X compacted p=P n=N keys=3"},
	{8, "take X T G n=N"},
	{12, "commit X"},
	{5, "abort X"},
	{12, "consume T G n=N"},
	{3, "consume T G n=N commit=no"},
	{6, "share T G members=2 n=N"},
	{2, "share T G members=3 n=N"},
	{2, "reset T G to=start"},
	{1, "reset T G to=end"},
	{4, "truncate T p=P keep=N"},
	{4, "stream T totals"},
	{12, "advance D"},
	{3, "back D"},
	{3, "delete T"},
	{6, "create T partitions=N segment=2000"},
	{2, "grow T partitions=N"},
	{2, "alter T retention=D"},
	{1, "alter T bytes=3000"},
	{6, "check"},
	{4, "close"},
	{2, "close flush=D"},
	{1, "close flush=0s"},
}

var roughly = []string{
	"kill after=C", "kill", "kill after=C again=C", "power seed=S after=C", "power seed=S", "power seed=S after=C again=C",
	"fault kind=eio after=C", "fault kind=eio after=C lasting=yes", "fault kind=nospace after=C",
	"fault kind=nospace after=C lasting=yes", "fault kind=short after=C", "fault kind=sync after=C",
	"power seed=S after=C", "power seed=S", "rot T p=P what=index seed=S", "rot T p=P what=log seed=S",
	"rot T p=P what=offset seed=S",
}

var topicShapes = []string{
	"partitions=1 segment=1024", "partitions=2 segment=3000", "partitions=2 segment=20000 compression=zstd",
	"partitions=1 segment=2000 retention=90s", "partitions=2 segment=1500 bytes=4000",
}

// draw draws a script of about so many lines.
func (g *generator) draw(lines int) script {
	text := "create compacted partitions=2 segment=1024 policy=compact tombstones=100s\n" +
		"create totals partitions=1\n" +
		"create a " + g.one(topicShapes) + "\ncreate b " + g.one(topicShapes) + "\n"
	total := 0
	for _, d := range drawn {
		total += d.times
	}
	for range lines {
		if g.rough && g.IntN(12) == 0 {
			text += g.fill(g.one(roughly)) + "\n"
			continue
		}
		n := g.IntN(total)
		for _, d := range drawn {
			if n -= d.times; n < 0 {
				text += g.fill(d.line) + "\n"
				break
			}
		}
	}
	s, err := parseScript(text)
	if err != nil {
		panic(err)
	}
	return s
}

func (g *generator) one(of []string) string { return of[g.IntN(len(of))] }

// fill puts values in the place of capital letters.
func (g *generator) fill(line string) string {
	out := []byte{}
	for i := range len(line) {
		switch c := line[i]; c {
		case 'T':
			out = append(out, g.one([]string{"a", "a", "b", "c", "compacted"})...)
		case 'P':
			out = fmt.Append(out, g.IntN(2))
		case 'N':
			out = fmt.Append(out, 1+g.IntN(5))
		case 'A':
			out = append(out, g.one([]string{"all", "leader", "leader", "none"})...)
		case 'B':
			out = append(out, g.one([]string{"10", "100", "300", "1500", "5000"})...)
		case 'G':
			out = append(out, g.one([]string{"g", "h"})...)
		case 'X':
			out = append(out, g.one([]string{"x", "y"})...)
		case 'C':
			out = fmt.Append(out, 1+g.IntN(1+g.IntN(120)))
		case 'S':
			out = fmt.Append(out, g.IntN(1<<20))
		case 'D':
			out = append(out, g.one([]string{"1s", "30s", "100s"})...)
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
