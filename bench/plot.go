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

// axis is the logarithmic scale that all bars share, in whole decades around 1.
type axis struct {
	low, high float64 // as powers of ten
}

func (a axis) x(ratio float64) float64 {
	return labelWidth + (math.Log10(ratio)-a.low)/(a.high-a.low)*(plotWidth-labelWidth-valueWidth)
}

// writeSVG draws each scenario as horizontal bars that show the ratio to the floor. Whoever beats the floor has a bar to
// the left of 1.
func writeSVG(w io.Writer, report Report) error {
	scale, height := axis{low: 0, high: 1}, plotTop
	for _, result := range report.Scenarios {
		rows := result.ranked()
		height += groupGap + len(rows)*(barHeight+barGap)
		for _, row := range rows {
			if row.Ratio > 0 {
				scale.low = min(scale.low, math.Floor(math.Log10(row.Ratio)))
				scale.high = max(scale.high, math.Ceil(math.Log10(row.Ratio)))
			}
		}
	}

	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" `+
		`font-size="11">`+"\n", plotWidth, height+10)
	fmt.Fprintf(&svg, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	fmt.Fprintf(&svg, `<text x="8" y="18">%s. Times the floor, less is better.</text>`+"\n",
		html.EscapeString(report.Machine.String()))
	for decade := scale.low; decade <= scale.high; decade++ {
		ratio := math.Pow(10, decade)
		x := scale.x(ratio)
		fmt.Fprintf(&svg, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>`+"\n", x, plotTop, x, height)
		fmt.Fprintf(&svg, `<text x="%.1f" y="%d" fill="#888" text-anchor="middle">%g</text>`+"\n", x, plotTop-4, ratio)
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

// writeBar draws one contender's bar with its top at y.
func writeBar(svg *strings.Builder, row Row, unit Unit, y int, scale axis) {
	color := "#9aa7b5"
	switch {
	case row.Contender == floorName:
		color = "#444"
	case slices.ContainsFunc(ours(), func(c Contender) bool { return c.Name == row.Contender }):
		color = "#d9480f"
	}
	one, end := scale.x(1), scale.x(1)
	if row.Ratio > 0 {
		end = scale.x(row.Ratio)
	}
	left, right := min(one, end), max(one, end)
	label := row.Title
	if row.Level != "" {
		label += ", " + string(row.Level)
	}
	fmt.Fprintf(svg, `<text x="%d" y="%d" text-anchor="end">%s</text>`,
		labelWidth-8, y+barHeight-3, html.EscapeString(label))
	fmt.Fprintf(svg, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`,
		left, y, max(right-left, 2), barHeight, color)
	fmt.Fprintf(svg, `<text x="%.1f" y="%d">%s %s</text>`+"\n", right+6, y+barHeight-3, number(row.Value), unit)
}
