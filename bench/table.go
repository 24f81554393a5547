package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// columns are the headings of a table.
func columns(unit Unit) []string {
	heading := []string{"contender", "durability", string(unit)}
	if unit == NsPerRecord {
		heading = append(heading, "records/s")
	}
	return append(heading, "x floor", "spread", "allocs", "alloc B", "peak MiB")
}

// cells are the row's figures, under [columns].
func (r Row) cells(unit Unit) []string {
	level := string(r.Level)
	if level == "" {
		level = "-"
	}
	if r.Error != "" {
		return []string{r.Title, level, "failed"}
	}
	cells := []string{r.Title, level, number(r.Value)}
	if unit == NsPerRecord {
		cells = append(cells, perSecond(r.Value))
	}
	ratio := "-"
	if r.Ratio > 0 {
		ratio = fmt.Sprintf("%.2f", r.Ratio)
	}
	return append(cells, ratio, fmt.Sprintf("%.0f %%", 100*r.Spread),
		fmt.Sprintf("%.3g", r.Allocs), fmt.Sprintf("%.3g", r.Bytes), fmt.Sprintf("%.1f", r.PeakMiB))
}

// number prints a figure to three or more digits.
func number(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.3f", value)
	}
}

// perSecond prints the rate at which something that takes ns nanoseconds can be done.
func perSecond(ns float64) string {
	if ns <= 0 {
		return "-"
	}
	switch rate := 1e9 / ns; {
	case rate >= 1e6:
		return fmt.Sprintf("%.1f M", rate/1e6)
	case rate >= 1e4:
		return fmt.Sprintf("%.0f k", rate/1e3)
	default:
		return fmt.Sprintf("%.0f", rate)
	}
}

// writeTable prints the scenario for a terminal, the best first.
func writeTable(w io.Writer, result Result) {
	fmt.Fprintf(w, "\n%s: %s (goal: %s)\n", result.Name, result.Title, result.Goal)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	writeRow := func(cells []string) { fmt.Fprintln(table, strings.Join(cells, "\t")+"\t") }
	writeRow(columns(result.Unit))
	for _, row := range result.ranked() {
		writeRow(row.cells(result.Unit))
	}
	for _, row := range result.Rows {
		if row.Error != "" {
			writeRow(row.cells(result.Unit))
		}
	}
	_ = table.Flush() // as with any other line for a terminal
}

// writeMarkdown writes all tables as GitHub renders them.
func writeMarkdown(w io.Writer, report Report) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Measured\n\n%s. Records of %d bytes, medians of %d rounds; ratios hold within this run only.\n",
		report.Machine, recordBytes, report.Sizes.Rounds)
	for _, result := range report.Scenarios {
		fmt.Fprintf(&text, "\n## %s\n\n`%s`, goal: %s\n\n", result.Title, result.Name, escape(result.Goal))
		heading := columns(result.Unit)
		fmt.Fprintf(&text, "| %s |\n|---|---|%s\n", strings.Join(heading, " | "), strings.Repeat("---:|", len(heading)-2))
		for _, row := range result.ranked() {
			fmt.Fprintf(&text, "| %s |\n", strings.Join(row.cells(result.Unit), " | "))
		}
		for _, row := range result.Rows {
			if row.Error != "" {
				fmt.Fprintf(&text, "\n%s failed: %s\n", row.Title, escape(row.Error))
			}
		}
	}
	if len(report.Corrupt) > 0 {
		fmt.Fprintf(&text, "\n## %s\n\n`%s`, goal: %s\n\n", corruptTitle, corruptName, corruptGoal)
		text.WriteString(corruptTable(report))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// escape keeps Markdown from reading text as markup.
func escape(text string) string { return strings.NewReplacer("<", "&lt;", "|", "\\|").Replace(text) }
