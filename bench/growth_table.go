package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// grownMachine is the mark of the lines that say where, when and by which command the curves were measured.
const grownMachine = "growth"

// grownMark is the name of the markers between which a curve stands.
func grownMark(name string) string { return grownMachine + " " + name }

func (g Grown) columns() []string {
	heading := []string{g.Grows}
	for _, line := range g.Lines {
		heading = append(heading, line.Name+", "+line.Unit)
	}
	return heading
}

// cells are the point's, under [Grown.columns].
func (p Point) cells(lines int) []string {
	cells := []string{grouped(p.At)}
	for i := range lines {
		switch {
		case p.Error != "":
			cells = append(cells, "failed")
		case p.Values[i] == 0:
			cells = append(cells, "-")
		default:
			cells = append(cells, number(p.Values[i]))
		}
	}
	return cells
}

// grouped prints a number with its digits in groups of three.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// writeGrown prints the curve for a terminal.
func writeGrown(w io.Writer, g Grown) {
	fmt.Fprintf(w, "\n%s: %s\n", g.Name, g.Title)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	writeRow := func(cells []string) { fmt.Fprintln(table, strings.Join(cells, "\t")+"\t") }
	writeRow(g.columns())
	for _, point := range g.Points {
		writeRow(point.cells(len(g.Lines)))
	}
	_ = table.Flush() // as with any other line for a terminal
}

// markdown is the curve's plot, if there is one below plots, and its table.
func (g Grown) markdown(plots string) string {
	var text strings.Builder
	if plots != "" {
		fmt.Fprintf(&text, "![%s](%s)\n\n", g.Title, plots)
	}
	fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(g.columns(), " | "), strings.Repeat("---:|", len(g.Lines)+1))
	for _, point := range g.Points {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(point.cells(len(g.Lines)), " | "))
	}
	for _, point := range g.Points {
		if point.Error != "" {
			fmt.Fprintf(&text, "\nFailed at %s: %s\n", grouped(point.At), escape(point.Error))
		}
	}
	return text.String()
}

// replaceGrowth puts the curves between their markers in a Markdown file, with links to the plots that are written to a
// directory. A file that does not exist is made with all of them.
func replaceGrowth(name string, report Report, plots string) error {
	texts := map[string]string{grownMachine: fmt.Sprintf("`%s`\n\n%s, on %s.\n", report.Command, report.Date, report.Machine)}
	for _, grown := range report.Growth {
		link := ""
		if plots != "" {
			relative, err := filepath.Rel(filepath.Dir(name), filepath.Join(plots, plotName(grown)))
			if err != nil {
				return err
			}
			link = filepath.ToSlash(relative)
		}
		texts[grownMark(grown.Name)] = grown.markdown(link)
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(name, []byte(emptyGrowth(report)), 0o644); err != nil {
			return err
		}
	}
	return replaceMarked(name, texts)
}

// emptyGrowth is a page with markers for the report's curves.
func emptyGrowth(report Report) string {
	var text strings.Builder
	mark := func(name string) { fmt.Fprintf(&text, "\n<!-- %s -->\n<!-- /%s -->\n", name, name) }
	text.WriteString("# Growth\n")
	mark(grownMachine)
	for _, grown := range report.Growth {
		fmt.Fprintf(&text, "\n## %s\n", grown.Title)
		mark(grownMark(grown.Name))
	}
	return text.String()
}
