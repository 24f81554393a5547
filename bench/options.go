package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// options are the command's flags.
type options struct {
	run, with             string
	short, growth, list   bool
	compare               bool
	reports               []string // to compare
	rounds, openMiB       int
	maxGiB                int
	budget                time.Duration
	dir                   string
	json, md, readme, svg string
	command               string // what was run
}

func parseOptions(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.run, "run", "", "run only the scenarios, or the curves, whose name matches this `regexp`")
	flags.StringVar(&o.with, "with", "", "run only the contenders whose name matches this `regexp`, and the floor")
	flags.BoolVar(&o.short, "short", false, "small sizes and short runs: all of it in about two minutes on an idle machine")
	flags.BoolVar(&o.growth, "growth", false, "measure how this library's costs grow, in place of the scenarios")
	flags.IntVar(&o.rounds, "rounds", 0, "how many `times` each contender runs (default 5, or 2 with -short)")
	flags.DurationVar(&o.budget, "budget", 0, "how long one timed run lasts (default 1s, or 50ms with -short)")
	flags.IntVar(&o.openMiB, "open-mib", 0, "size in `MiB` of the log that open is timed on (default 1024, or 16 with -short)")
	flags.IntVar(&o.maxGiB, "max-gib", 10, "with -growth: the largest log in `GiB`; 100 needs as much room on the disk")
	flags.StringVar(&o.dir, "dir", "", "where the data is written: a `directory` on the disk to measure (default: a temporary one)")
	flags.StringVar(&o.json, "json", "", "also write every figure to this `file`")
	flags.StringVar(&o.md, "md", "", "also write the tables as Markdown to this `file`; with -growth, between its growth markers")
	flags.StringVar(&o.readme, "readme", "", "also write short tables into this Markdown `file`, between its markers")
	flags.StringVar(&o.svg, "svg", "", "also write a plot to this `file`; with -growth, one of each curve into this directory")
	flags.BoolVar(&o.compare, "compare", false, "measure nothing: compare the ratios of the runs whose -json files follow;\nwith -md, between the compare markers of that file")
	flags.BoolVar(&o.list, "list", false, "list what there is to run, and stop")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.command, o.reports = command(flags), flags.Args()
	if len(o.reports) > 0 && !o.compare {
		return o, fmt.Errorf("%q is no flag; see -h", o.reports[0])
	}
	if o.growth && (o.readme != "" || o.with != "") {
		return o, fmt.Errorf("-growth is about this library alone: -readme and -with have no part in it")
	}
	return o, nil
}

// sizes are those of the flags, or their defaults.
func (o options) sizes() Sizes {
	sizes := sizesFor(o.short)
	if o.rounds > 0 {
		sizes.Rounds = o.rounds
	}
	if o.budget > 0 {
		sizes.Budget = o.budget
	}
	if o.openMiB > 0 {
		sizes.OpenMiB = o.openMiB
	}
	return sizes
}

// leavesOut reports whether the scenario is one that has to be asked for, and was not.
func (o options) leavesOut(s Scenario) bool { return s.Apart && o.run == "" }

// command is what was run, without where the data and the results went.
func command(flags *flag.FlagSet) string {
	text := "go run -C bench ."
	flags.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "dir", "json", "md", "readme", "svg":
		case "short", "growth":
			text += " -" + f.Name
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
