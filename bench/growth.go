package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// growthLimit ends a point that hangs. A log of 100 GiB takes its time.
const growthLimit = 2 * time.Hour

// Curve is how this library's costs change with one thing that grows.
type Curve struct {
	Name, Title string
	Grows       string // what grows, for the axis and the table
	Lines       []Line

	// At is where it is measured.
	At func(g GrowthSizes) []int64

	// Measure takes the value of each line, in their order, for one size of what grows. Nothing else has run in its
	// process. A value of 0 is left out.
	Measure func(g growing) ([]float64, error)
}

// Line is one figure of a curve.
type Line struct {
	Name string `json:"name"`
	Unit string `json:"unit"` // lines of one unit share a panel of the plot
}

// GrowthSizes is how far the curves go.
type GrowthSizes struct {
	Short  bool
	MaxMiB int64
	Budget time.Duration
}

// sizes picks the short or the long row.
func (g GrowthSizes) sizes(short, long []int64) []int64 {
	if g.Short {
		return short
	}
	return long
}

// Grown is a curve that was measured.
type Grown struct {
	Name   string  `json:"name"`
	Title  string  `json:"title"`
	Grows  string  `json:"grows"`
	Lines  []Line  `json:"lines"`
	Points []Point `json:"points"`
}

// Point is the values at one size.
type Point struct {
	At     int64     `json:"at"`
	Values []float64 `json:"values,omitempty"`
	Error  string    `json:"error,omitempty"`
}

// growing is one point while it is measured.
type growing struct {
	At     int64
	Dir    string
	Budget time.Duration
}

func allCurves() []Curve {
	return []Curve{
		dataCurve(), partitionsCurve(), consumersCurve(), recordSizeCurve(), goroutinesCurve(), transactionsCurve(),
		stateCurve(),
	}
}

func findCurve(name string) (Curve, error) {
	curves := allCurves()
	i := slices.IndexFunc(curves, func(c Curve) bool { return c.Name == name })
	if i < 0 {
		return Curve{}, fmt.Errorf("no curve %q", name)
	}
	return curves[i], nil
}

// runGrowth measures the curves, one point after the other, each in a process of its own.
func runGrowth(ctx context.Context, o options, report Report, work string, stdout, stderr io.Writer) error {
	curves, err := matching(allCurves(), o.run, func(c Curve) string { return c.Name })
	if err != nil {
		return err
	}
	if len(curves) == 0 {
		return fmt.Errorf("no curve matches %q", o.run)
	}
	if o.list {
		for _, c := range curves {
			fmt.Fprintf(stdout, "%-18s %s\n", c.Name, c.Title)
		}
		return nil
	}
	fmt.Fprintln(stdout, report.Machine)
	sizes := GrowthSizes{Short: o.short, MaxMiB: int64(o.maxGiB) << 10, Budget: report.Sizes.Budget}
	for _, c := range curves {
		grown := c.grow(ctx, sizes, filepath.Join(work, c.Name))
		if err := ctx.Err(); err != nil {
			return err
		}
		writeGrown(stdout, grown)
		for _, point := range grown.Points {
			if point.Error != "" {
				fmt.Fprintf(stderr, "bench: %s at %d: %s\n", c.Name, point.At, point.Error)
			}
		}
		report.Growth = append(report.Growth, grown)
	}
	return writeGrowth(o, report)
}

func (c Curve) grow(ctx context.Context, sizes GrowthSizes, dir string) Grown {
	grown := Grown{Name: c.Name, Title: c.Title, Grows: c.Grows, Lines: c.Lines}
	for _, at := range c.At(sizes) {
		point, err := c.point(ctx, Task{Curve: c.Name, Growing: growing{At: at, Dir: dir, Budget: sizes.Budget}})
		if err != nil {
			point = Point{At: at, Error: plain(err.Error(), dir)}
		}
		grown.Points = append(grown.Points, point)
	}
	return grown
}

func (c Curve) point(ctx context.Context, task Task) (Point, error) {
	dir := task.Growing.Dir
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Point{}, err
	}
	var reply answer
	if err := inChild(ctx, task, growthLimit, &reply); err != nil {
		return Point{}, err
	}
	if reply.Error != "" {
		return Point{}, errors.New(reply.Error)
	}
	if len(reply.Values) != len(c.Lines) {
		return Point{}, fmt.Errorf("%d values, want %d", len(reply.Values), len(c.Lines))
	}
	return Point{At: task.Growing.At, Values: reply.Values}, nil
}

// writeGrowth writes the files that were asked for.
func writeGrowth(o options, report Report) error {
	if o.md != "" {
		if err := replaceGrowth(o.md, report, o.svg); err != nil {
			return err
		}
	}
	if o.svg != "" {
		if err := os.MkdirAll(o.svg, 0o755); err != nil {
			return err
		}
		for _, grown := range report.Growth {
			if err := os.WriteFile(filepath.Join(o.svg, plotName(grown)), []byte(growthSVG(grown)), 0o644); err != nil {
				return err
			}
		}
	}
	return writeFiles(report, map[string]func(io.Writer, Report) error{o.json: writeJSON})
}
