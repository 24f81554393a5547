package main

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// Measures of the plot, in pixels.
const (
	plotWidth  = 900
	labelWidth = 220
	valueWidth = 130
	barHeight  = 14
	barGap     = 4
	groupGap   = 34
	plotTop    = 40
)

// writeSVG draws each scenario as horizontal bars: the ratio to the floor, on a logarithmic scale that all share.
func writeSVG(w io.Writer, report Report) error {
	greatest, height := 10.0, plotTop
	for _, result := range report.Scenarios {
		rows := result.ranked()
		height += groupGap + len(rows)*(barHeight+barGap)
		for _, row := range rows {
			greatest = max(greatest, row.Ratio)
		}
	}
	decades := math.Ceil(math.Log10(greatest))
	scale := (plotWidth - labelWidth - valueWidth) / decades

	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" `+
		`font-size="11">`+"\n", plotWidth, height+10)
	fmt.Fprintf(&svg, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	fmt.Fprintf(&svg, `<text x="8" y="18">%s. Times the floor, less is better.</text>`+"\n",
		html.EscapeString(report.Machine.String()))
	for decade := 0.0; decade <= decades; decade++ {
		x := labelWidth + decade*scale
		fmt.Fprintf(&svg, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>`+"\n", x, plotTop, x, height)
		fmt.Fprintf(&svg, `<text x="%.1f" y="%d" fill="#888" text-anchor="middle">%.0f</text>`+"\n",
			x, plotTop-4, math.Pow(10, decade))
	}
	y := plotTop
	for _, result := range report.Scenarios {
		y += groupGap
		fmt.Fprintf(&svg, `<text x="8" y="%d" font-weight="bold">%s</text>`+"\n", y-8, html.EscapeString(result.Title))
		for _, row := range result.ranked() {
			writeBar(&svg, row, result.Unit, y, scale)
			y += barHeight + barGap
		}
	}
	svg.WriteString("</svg>\n")
	_, err := io.WriteString(w, svg.String())
	return err
}

// writeBar draws one contender's bar with its top at y. Whoever beats the floor has a bar to the left of 1.
func writeBar(svg *strings.Builder, row Row, unit Unit, y int, scale float64) {
	color := "#9aa7b5"
	switch {
	case row.Contender == floorName:
		color = "#444"
	case slices.ContainsFunc(ours(), func(c Contender) bool { return c.Name == row.Contender }):
		color = "#d9480f"
	}
	width := 0.0
	if row.Ratio > 0 {
		width = math.Log10(row.Ratio) * scale
	}
	left, right := min(width, 0), max(width, 0)
	label := row.Title
	if row.Level != "" {
		label += ", " + string(row.Level)
	}
	fmt.Fprintf(svg, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labelWidth-8, y+barHeight-3, html.EscapeString(label))
	fmt.Fprintf(svg, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`,
		labelWidth+left, y, max(right-left, 2), barHeight, color)
	fmt.Fprintf(svg, `<text x="%.1f" y="%d">%s %s</text>`+"\n", labelWidth+right+6, y+barHeight-3, number(row.Value), unit)
}
