package scenario

import (
	"errors"
	"fmt"
	"slices"

	kafka "github.com/dot-do/kafka-embedded"
)

// run is a script that is being played on a target, and what the model makes of it.
type run struct {
	*model
	target target
	death  survival // what the trap that was set last leaves
	lines  int      // that were played
	looks  int
}

// play plays a script on a target, and lets the oracle judge in the end: as it is, after a close, and after a loss of power.
func play(t target, s script) (*run, error) { return playTo(t, s, "power") }

// playKilled is play on what can only be killed.
func playKilled(t target, s script) (*run, error) { return playTo(t, s, "kill") }

func playTo(t target, s script, death string) (*run, error) {
	r := &run{model: newModel(), target: t}
	defer t.discard()
	for i, v := range slices.Concat(s, script{{name: "check"}, {name: "close"}, {name: death}}) {
		r.lines = min(i+1, len(s))
		if err := r.play(v); err != nil {
			return r, fmt.Errorf("line %d, %s: %w", i+1, v, err)
		}
	}
	return r, nil
}

func (r *run) play(v verb) error {
	switch v.name {
	case "kill", "power", "fault":
		return r.trap(v)
	case "close":
		if v.has("flush") {
			r.flush = v.duration("flush")
		}
		return r.close()
	case "rot":
		return r.rot(v)
	case "check":
		return r.look(alive)
	case "expect":
		return r.expect(v)
	}
	for s := r.begin(v); s != nil; {
		out := r.target.do(s.op)
		if out.Died {
			return r.look(r.death)
		}
		r.shaken = out.Shaken
		next, err := s.judge(out)
		if err != nil {
			return err
		}
		s = next
	}
	return nil
}

// judge holds an outcome against what a step may have.
func (s *step) judge(out outcome) (next *step, err error) {
	if s.refused && out.Err == "" {
		return nil, fmt.Errorf("%s went well", s.op.Do)
	}
	if out.Err == s.expect || s.either && out.Err == "" {
		if s.end != nil {
			return s.end(out)
		}
		return nil, nil
	}
	if s.refused {
		return nil, nil
	}
	if err := out.faulty(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.op.Do, err)
	}
	if s.failed != nil {
		s.failed(out)
	}
	return nil, nil
}

// faulty returns an error unless the outcome's can be the consequence of a fault, and says of what kind it is.
func (out outcome) faulty() error {
	if out.Shaken && (out.Err == kafka.ErrIO || out.Err == kafka.ErrDiskFull) {
		return nil
	}
	return fmt.Errorf("unexpected outcome %q: %s", out.Err, out.Text)
}

func (r *run) trap(v verb) error {
	kind := v.name
	r.death = killed
	switch kind {
	case "fault":
		kind = v.word("kind")
	case "power":
		r.death = powerless
	}
	t := &trap{
		Kind: kind, After: v.number("after", 0), Again: v.number("again", 0), Seed: uint64(v.number("seed", 0)),
		Lasting: v.name == "fault" && v.word("lasting") == "yes" && v.has("lasting"),
	}
	if v.name == "fault" {
		t.After = max(t.After, 1)
	}
	if out := r.target.do(op{Do: "trap", Trap: t}); out.Died {
		return r.look(r.death)
	}
	return nil
}

func (r *run) close() error {
	out := r.target.do(op{Do: "close", Flush: r.flush})
	switch {
	case out.Died:
		return r.look(r.death)
	case out.Err == "":
		return r.look(closed)
	}
	if err := out.faulty(); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return r.look(killed)
}

// look lets the oracle look, if need be after further deaths. What fails because of a fault is closed and opened again.
func (r *run) look(s survival) error {
	o := op{Do: "look"}
	for _, t := range r.sorted() {
		for id := range t.progress {
			o.IDs = append(o.IDs, named{t.name, id})
		}
	}
	for range 5 {
		out := r.target.do(o)
		if r.shaken = out.Shaken; out.Died {
			s = max(s, r.death)
			continue
		}
		if out.Err == "" || out.Err == kafka.ErrCorrupt && r.damaged() {
			r.looks++
			return r.judge(out.View, s)
		}
		if err := out.faulty(); err != nil {
			return fmt.Errorf("looking: %w", err)
		}
		r.target.do(op{Do: "trap"}) // no further fault
		if out := r.target.do(op{Do: "close", Flush: r.flush}); out.Err != "" {
			if err := out.faulty(); err != nil {
				return fmt.Errorf("closing: %w", err)
			}
		}
		s = max(s, killed)
	}
	return errors.New("it cannot be looked at, after five attempts")
}

// rot changes a bit of a file that nobody has open.
func (r *run) rot(v verb) error {
	t := r.usable(v.args[0])
	if t == nil {
		return nil
	}
	r.target.do(op{Do: "trap"}) // no further fault
	if err := r.close(); err != nil {
		return err
	}
	if out := r.target.do(op{Do: "close", Flush: r.flush}); out.Err != "" || out.Died {
		return fmt.Errorf("closing: %q %s", out.Err, out.Text)
	}
	p := t.part(v.number("p", 0))
	out := r.target.do(op{Do: "rot", Topic: t.name, Partition: p.number, Rot: v.word("what"), N: v.number("seed", 0)})
	if out.Err != "" {
		return fmt.Errorf("changing a bit: %s", out.Text)
	}
	if v.word("what") == "index" || out.Text != "" {
		return r.look(closed)
	}
	p.damaged = true
	return r.look(rotten)
}

func (r *run) expect(v verb) error {
	out := r.target.do(op{Do: "look"})
	if out.Err != "" || out.Died {
		return fmt.Errorf("looking: %q %s", out.Err, out.Text)
	}
	for _, t := range out.View.Topics {
		if t.Name != v.args[0] {
			continue
		}
		p := t.Partitions[v.number("p", 0)%len(t.Partitions)]
		for key, is := range map[string]int{"start": int(p.Start), "end": int(p.End), "records": len(p.Visible)} {
			if v.has(key) && v.number(key, 0) != is {
				return fmt.Errorf("%s is %d", key, is)
			}
		}
		return nil
	}
	return errors.New("there is no such topic")
}
