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
	Unsupported bool
	Error       string
}

// childMain does one task and prints its answer. It returns the exit status.
func childMain(description string, stdout io.Writer) int {
	var reply answer
	figures, err := perform(description)
	reply.Figures = figures
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

func perform(description string) (Figures, error) {
	var task Task
	if err := json.Unmarshal([]byte(description), &task); err != nil {
		return Figures{}, err
	}
	scenarios, contenders := allScenarios(), allContenders()
	s := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == task.Scenario })
	c := slices.IndexFunc(contenders, func(c Contender) bool { return c.Name == task.Contender })
	if s < 0 || c < 0 {
		return Figures{}, fmt.Errorf("no scenario %q or no contender %q", task.Scenario, task.Contender)
	}
	scenario, contender := scenarios[s], contenders[c]
	r := Run{Scenario: scenario.Name, Contender: contender, Level: scenario.Level, Dir: task.Dir, Sizes: task.Sizes, Data: scenario.Data}
	if r.Level == "" {
		r.Level, _ = contender.weakest()
	}
	if scenario.Data != nil {
		r.Records = scenario.Data.Records(task.Sizes)
	}
	if task.Fill {
		return Figures{}, r.fill()
	}
	if task.Endless {
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
	description, err := json.Marshal(t)
	if err != nil {
		return Figures{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return Figures{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, childLimit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), taskVariable+"="+string(description))
	child.Stdout, child.Stderr = &stdout, &stderr
	if err := child.Run(); err != nil {
		return Figures{}, fmt.Errorf("%w: %s", err, lastLine(stderr.String()))
	}
	var reply answer
	if err := json.Unmarshal(stdout.Bytes(), &reply); err != nil {
		return Figures{}, fmt.Errorf("unreadable answer %q: %w", stdout.String(), err)
	}
	if reply.Error != "" {
		return Figures{}, errors.New(reply.Error)
	}
	reply.Figures.Unsupported = reply.Unsupported
	return reply.Figures, nil
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
