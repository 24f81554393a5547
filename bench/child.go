package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// taskVariable is the environment variable that makes a process of this program one run, described by its value.
const taskVariable = "KAFKA_EMBEDDED_BENCH_TASK"

// childLimit ends a run that hangs.
const childLimit = 2 * time.Minute

// Task is what a child process is asked to do.
type Task struct {
	Scenario  string
	Contender string
	Dir       string
	Sizes     Sizes
	Fill      bool // make the scenario's data ready instead of running it
	Endless   bool // append until killed, instead of running it

	Corrupt corruptStep // a step of the scenario corrupt, in place of all that

	Curve   string // measure a point of this curve, in place of all that
	Growing growing
}

// Figures is what a child process answers.
type Figures struct {
	Value       float64 `json:"value"` // in the scenario's unit
	Records     int64   `json:"records"`
	Allocs      float64 `json:"allocs_per_record"`
	Bytes       float64 `json:"alloc_bytes_per_record"`
	PeakBytes   int64   `json:"peak_memory_bytes"`
	Unsupported bool    `json:"-"`
}

// answer is [Figures] on its way to the parent.
type answer struct {
	Figures
	Survey      Survey    // of the damaged records, when that was asked for
	Values      []float64 // of the lines of a curve
	Unsupported bool
	Error       string
}

// childMain does one task and prints its answer. It returns the exit status.
func childMain(description string, stdout io.Writer) int {
	reply, err := perform(description)
	switch {
	case errors.Is(err, errUnsupported):
		reply.Unsupported = true
	case err != nil:
		reply.Error = err.Error()
	}
	if err := json.NewEncoder(stdout).Encode(reply); err != nil {
		return 1
	}
	return 0
}

func perform(description string) (reply answer, err error) {
	var task Task
	if err := json.Unmarshal([]byte(description), &task); err != nil {
		return reply, err
	}
	if task.Curve != "" {
		return task.measurePoint()
	}
	contenders := allContenders()
	c := slices.IndexFunc(contenders, func(c Contender) bool { return c.Name == task.Contender })
	if c < 0 {
		return reply, fmt.Errorf("no contender %q", task.Contender)
	}
	if task.Corrupt != "" {
		reply.Survey, err = task.corrupt(contenders[c])
		return reply, err
	}
	reply.Figures, err = task.measure(contenders[c])
	return reply, err
}

func (t Task) measurePoint() (reply answer, err error) {
	curve, err := findCurve(t.Curve)
	if err != nil {
		return reply, err
	}
	if t.Endless {
		return reply, t.Growing.appendUntilKilled(os.Stdout)
	}
	reply.Values, err = curve.Measure(t.Growing)
	return reply, err
}

// measure runs a contender in the scenario.
func (t Task) measure(contender Contender) (Figures, error) {
	scenarios := allScenarios()
	s := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == t.Scenario })
	if s < 0 {
		return Figures{}, fmt.Errorf("no scenario %q", t.Scenario)
	}
	scenario := scenarios[s]
	r := Run{
		Scenario: scenario.Name, Contender: contender, Level: scenario.Level, Dir: t.Dir, Sizes: t.Sizes,
		Data: scenario.Data,
	}
	if r.Level == "" {
		r.Level, _ = contender.weakest()
	}
	if scenario.Data != nil {
		r.Records = scenario.Data.Records(t.Sizes)
	}
	if t.Fill {
		return Figures{}, r.fill()
	}
	if t.Endless {
		return Figures{}, r.appendUntilKilled(os.Stdout)
	}
	run := scenario.run(contender.Name)
	if run == nil {
		return Figures{}, errUnsupported
	}
	err := run(&r)
	return Figures{
		Value: r.value, Records: r.meter.Records, Allocs: r.meter.Allocs, Bytes: r.meter.Bytes, PeakBytes: r.meter.Peak,
	}, err
}

// perform runs the task in a child process, so that what it leaves in memory is its own.
func (t Task) perform(ctx context.Context) (Figures, error) {
	var reply answer
	err := inChild(ctx, t, childLimit, &reply)
	if err == nil && reply.Error != "" {
		err = errors.New(reply.Error)
	}
	reply.Figures.Unsupported = reply.Unsupported
	return reply.Figures, err
}

// inChild has a child process of this program do the task, and decodes its answer into reply.
func inChild(ctx context.Context, task any, limit time.Duration, reply any) error {
	child, cancel, err := childFor(ctx, task, limit)
	if err != nil {
		return err
	}
	defer cancel()
	var stdout, stderr bytes.Buffer
	child.Stdout, child.Stderr = &stdout, &stderr
	if err := child.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, lastLine(stderr.String()))
	}
	if err := json.Unmarshal(stdout.Bytes(), reply); err != nil {
		return fmt.Errorf("unreadable answer %q: %w", stdout.String(), err)
	}
	return nil
}

// childFor is a child process that is yet to be started. It is killed after the limit.
func childFor(ctx context.Context, task any, limit time.Duration) (*exec.Cmd, context.CancelFunc, error) {
	description, err := json.Marshal(task)
	if err != nil {
		return nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), taskVariable+"="+string(description))
	return child, cancel, nil
}

// lastLine returns what a process that failed said last, or the panic that it ended with.
func lastLine(text string) string {
	if at := strings.Index(text, "panic: "); at >= 0 {
		line, _, _ := strings.Cut(text[at:], "\n")
		return line
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
