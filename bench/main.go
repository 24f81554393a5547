// Command bench measures this library beside its peers and beside the floor: the plain system calls that the work
// cannot do without. Run it from the root of the repository:
//
//	go run -C bench . -short
//	go run -C bench . -growth -short
//	go run -C bench . -compare first.json second.json third.json
//
// For every scenario, each contender runs once a round in a process of its own, on the same disk, in an order that
// turns with the round; what is printed is the median of the rounds. A ratio is only formed between figures of one run:
// figures of different runs, days or machines do not compare.
//
// With -growth it measures this library alone, at sizes that grow: how the cost of a thing changes with how much there is.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"time"

	"github.com/dot-do/kafka-embedded/internal/clock"
)

func main() {
	if task, ok := os.LookupEnv(taskVariable); ok {
		os.Exit(childMain(task, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the command without its process: it parses args, measures, and prints and writes what was asked for.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	if o.compare {
		return runCompare(o, stdout)
	}
	work, err := os.MkdirTemp(o.dir, "kafka-embedded-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	report := Report{
		Command: o.command, Date: clock.Real.Now().Format(time.DateOnly), Machine: describeMachine(work), Sizes: o.sizes(),
	}
	if o.growth {
		return runGrowth(ctx, o, report, work, stdout, stderr)
	}
	return runScenarios(ctx, o, report, work, stdout, stderr)
}

// runScenarios measures this library beside its peers.
func runScenarios(ctx context.Context, o options, report Report, work string, stdout, stderr io.Writer) error {
	scenarios, err := matching(allScenarios(), o.run, func(s Scenario) string { return s.Name })
	if err != nil {
		return err
	}
	corrupt, err := regexp.MatchString(o.run, corruptName)
	if err != nil {
		return err
	}
	if len(scenarios) == 0 && !corrupt {
		return fmt.Errorf("no scenario matches %q", o.run)
	}
	contenders, err := matching(allContenders(), o.with, func(c Contender) string { return c.Name })
	if err != nil {
		return err
	}
	if o.list {
		list(stdout, scenarios, corrupt, contenders)
		return nil
	}
	scenarios = slices.DeleteFunc(scenarios, o.leavesOut)
	fmt.Fprintln(stdout, report.Machine)
	if report.Scenarios, err = measureAll(ctx, scenarios, contenders, report.Sizes, work, stdout, stderr); err != nil {
		return err
	}
	if corrupt {
		if report.Corrupt, err = surveyAll(ctx, contenders, report.Sizes, work, stdout); err != nil {
			return err
		}
	}
	if o.readme != "" {
		if err := replaceReadme(o.readme, report); err != nil {
			return err
		}
	}
	return writeFiles(report, map[string]func(io.Writer, Report) error{
		o.json: writeJSON, o.md: writeMarkdown, o.svg: writeSVG,
	})
}

func list(w io.Writer, scenarios []Scenario, corrupt bool, contenders []Contender) {
	for _, s := range scenarios {
		fmt.Fprintf(w, "%-18s %s\n", s.Name, s.Title)
	}
	if corrupt {
		fmt.Fprintf(w, "%-18s %s\n", corruptName, corruptTitle)
	}
	for _, c := range contenders {
		fmt.Fprintln(w, c.Title())
	}
}

// matching returns the items whose name matches expr. The floor always stays: without it there is no ratio.
func matching[T any](items []T, expr string, name func(T) string) ([]T, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	var kept []T
	for _, item := range items {
		if name(item) == floorName || re.MatchString(name(item)) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

func writeFiles(report Report, writers map[string]func(io.Writer, Report) error) error {
	for name, write := range writers {
		if name == "" {
			continue
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		err = write(f, report)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func writeJSON(w io.Writer, report Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
