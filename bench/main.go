// Command bench measures this library beside its peers and beside the floor: the plain system calls that the work
// cannot do without. Run it from the root of the repository:
//
//	go run -C bench . -short
//
// For every scenario, each contender runs once a round in a process of its own, on the same disk, in an order that
// turns with the round; what is printed is the median of the rounds. A ratio is only formed between figures of one run:
// figures of different runs, days or machines do not compare.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
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
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		runExpr   = flags.String("run", "", "run only the scenarios whose name matches this `regexp`")
		withExpr  = flags.String("with", "", "run only the contenders whose name matches this `regexp`, and the floor")
		short     = flags.Bool("short", false, "small sizes and short runs: all of it in about a minute on an idle machine")
		rounds    = flags.Int("rounds", 0, "how many `times` each contender runs (default 5, or 2 with -short)")
		budget    = flags.Duration("budget", 0, "how long one timed run lasts (default 1s, or 50ms with -short)")
		openMiB   = flags.Int("open-mib", 0, "size in `MiB` of the log that open is timed on (default 1024, or 16 with -short)")
		dir       = flags.String("dir", "", "where the data is written: a `directory` on the disk to measure (default: a temporary one)")
		jsonFile  = flags.String("json", "", "also write every figure to this `file`")
		mdFile    = flags.String("md", "", "also write the tables as Markdown to this `file`")
		readme    = flags.String("readme", "", "also write a short table into this Markdown `file`, between its bench markers")
		svgFile   = flags.String("svg", "", "also write a plot to this `file`")
		listNames = flags.Bool("list", false, "list scenarios and contenders, and stop")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	scenarios, err := matching(allScenarios(), *runExpr, func(s Scenario) string { return s.Name })
	if err != nil {
		return err
	}
	contenders, err := matching(allContenders(), *withExpr, func(c Contender) string { return c.Name })
	if err != nil {
		return err
	}
	if *listNames {
		for _, s := range scenarios {
			fmt.Fprintf(stdout, "%-18s %s\n", s.Name, s.Title)
		}
		for _, c := range contenders {
			fmt.Fprintln(stdout, c.Title())
		}
		return nil
	}

	sizes := sizesFor(*short)
	if *rounds > 0 {
		sizes.Rounds = *rounds
	}
	if *budget > 0 {
		sizes.Budget = *budget
	}
	if *openMiB > 0 {
		sizes.OpenMiB = *openMiB
	}
	work, err := os.MkdirTemp(*dir, "kafka-embedded-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	report, err := measureAll(ctx, scenarios, contenders, sizes, work, stdout, stderr)
	if err != nil {
		return err
	}
	report.Command = command(flags)
	report.Date = clock.Real.Now().Format(time.DateOnly)
	if *readme != "" {
		if err := replaceReadme(*readme, report); err != nil {
			return err
		}
	}
	return writeFiles(report, map[string]func(io.Writer, Report) error{
		*jsonFile: writeJSON,
		*mdFile:   writeMarkdown,
		*svgFile:  writeSVG,
	})
}

// command is what was run, without where the data and the results went.
func command(flags *flag.FlagSet) string {
	text := "go run -C bench ."
	flags.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "dir", "json", "md", "readme", "svg":
		case "short":
			text += " -short"
		default:
			text += fmt.Sprintf(" -%s %s", f.Name, quote(f.Value.String()))
		}
	})
	return text
}

// quote keeps a shell from reading a word as more than a word.
func quote(word string) string {
	if strings.ContainsAny(word, " |()$^*?[]\\\"") {
		return "'" + word + "'"
	}
	return word
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
	if len(kept) == 0 {
		return nil, fmt.Errorf("no name matches %q", expr)
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
