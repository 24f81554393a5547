package scenario

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

// victimEnv makes the test binary a victim: it plays on the directory that it names, on behalf of a process that knows what
// was acknowledged.
const victimEnv = "KAFKA_EMBEDDED_SCENARIO_VICTIM"

// victim carries out the operations that come in, until it kills itself or there are no more.
func victim(dir string) {
	ms, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		panic(err)
	}
	flush, err := time.ParseDuration(os.Args[2])
	if err != nil {
		panic(err)
	}
	m := &machine{disk: dir, clock: clock.NewManual(time.UnixMilli(ms).UTC()), flush: flush}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var o op
		if in.Decode(&o) != nil {
			return
		}
		if err := out.Encode(m.do(o)); err != nil {
			panic(err)
		}
	}
}

// killMyself is kill -9, at exactly this point.
func killMyself() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until it comes
}

// process is a target in processes of its own, one after the other, on one directory.
type process struct {
	t     testing.TB
	dir   string
	now   time.Time
	flush time.Duration
	again int // calls after which the next one kills itself; 0 is never

	cmd   *exec.Cmd
	stdin io.Closer
	in    *json.Encoder
	out   *json.Decoder
}

func (p *process) start() {
	exe, err := os.Executable()
	require.NoError(p.t, err)
	p.cmd = exec.Command(exe, fmt.Sprint(p.now.UnixMilli()), p.flush.String())
	p.cmd.Env = append(os.Environ(), victimEnv+"="+p.dir)
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	require.NoError(p.t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, p.cmd.Start())
	p.stdin, p.in, p.out = in, json.NewEncoder(in), json.NewDecoder(out)
	if n := p.again; n > 0 {
		p.again = 0
		p.call(op{Do: "trap", Trap: &trap{Kind: "kill", After: n}})
	}
}

// do implements target.
func (p *process) do(o op) outcome {
	switch o.Do {
	case "advance":
		p.now = p.now.Add(o.Pass)
	case "close":
		p.flush = o.Flush
	}
	now := o.Do == "trap" && o.Trap != nil && o.Trap.After == 0
	if o.Do == "trap" && o.Trap != nil {
		p.again = o.Trap.Again
	}
	if now && p.cmd == nil {
		return outcome{Died: true}
	}
	if p.cmd == nil {
		p.start()
	}
	if now {
		require.NoError(p.t, p.cmd.Process.Kill())
		p.bury()
		return outcome{Died: true}
	}
	return p.call(o)
}

// call hands an operation over and waits for its outcome, or for the death of the process.
func (p *process) call(o op) (out outcome) {
	if p.in.Encode(o) != nil || p.out.Decode(&out) != nil {
		p.bury()
		return outcome{Died: true}
	}
	return out
}

func (p *process) bury() {
	p.stdin.Close()
	_ = p.cmd.Wait()
	p.cmd = nil
}

func (p *process) discard() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		p.bury()
	}
}

// TestRealKill9 plays random scripts on a real disk, in processes that kill themselves. A loss of power becomes a kill.
func TestRealKill9(t *testing.T) {
	first := firstSeed(t)
	for n := range uint64(max(*runs/5, 1)) {
		s := drawScript(first+n, true)
		for i, v := range s {
			switch v.name {
			case "power":
				s[i].name = "kill"
			case "rot":
				s[i] = verb{name: "kill", opts: map[string]string{"after": "20"}}
			}
		}
		on := func() *process { return &process{t: t, dir: t.TempDir(), now: epoch} }
		if _, err := playKilled(on(), s); err != nil {
			t.Fatalf("-scenario.seed=%d -scenario.runs=1: %v\n\n%s", first+n, err, s)
		}
	}
}
