package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

var surveyColumns = []string{
	"contender", "durability", "right", "wrong, no error", "refused", "lost, no word", "says when opened", "says when read",
}

// cells are the survey's, under [surveyColumns].
func (s Survey) cells() []string {
	if s.NotApplicable != "" {
		return []string{s.Title, "-", "-", "-", "-", "-", "not applicable: " + s.NotApplicable, "-"}
	}
	said := func(text string) string {
		if text == "" {
			return "nothing"
		}
		return text
	}
	count := func(n int64) string { return fmt.Sprint(n) }
	return []string{
		s.Title, string(s.Level), count(s.Right), count(s.Wrong), count(s.Refused), count(s.Lost), said(s.Open), said(s.Read),
	}
}

// writeSurveys prints what all made of one kind of damage, for a terminal.
func writeSurveys(w io.Writer, d damage, rows []Survey) {
	fmt.Fprintf(w, "\n%s, %s: %s (goal: %s)\n", corruptName, d.Name, d.Title, corruptGoal)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(surveyColumns, "\t"))
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row.cells(), "\t"))
	}
	_ = table.Flush() // as with any other line for a terminal
}

// corruptTable is the same for all kinds, as Markdown.
func corruptTable(report Report) string {
	var text strings.Builder
	fmt.Fprintf(&text, "`%s`\n\n%s, on %s; %d records appended one by one.\n", report.Command, report.Date, report.Machine,
		report.Sizes.Damaged)
	text.WriteString("Refused: not read, and an error or a report says so. Lost: not there, and nothing says so;\n" +
		"what only a logger is told counts as nothing.\n")
	for _, d := range allDamage() {
		fmt.Fprintf(&text, "\n%s:\n\n", strings.ToUpper(d.Title[:1])+d.Title[1:])
		fmt.Fprintf(&text, "| %s |\n|---|---|---:|---:|---:|---:|---|---|\n", strings.Join(surveyColumns, " | "))
		for _, row := range report.Corrupt {
			if row.Damage != d.Name {
				continue
			}
			cells := row.cells()
			for i, cell := range cells {
				cells[i] = escape(cell)
			}
			fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	return text.String()
}
