package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Measures of a curve's plot, in pixels. A plot has a panel for each unit, one below the other.
const (
	panelWidth  = 420
	panelHeight = 200
	panelLeft   = 60 // room for the figures of the axis
	panelTop    = 30
	panelFoot   = 40 // room for the figures below it
	legendWidth = 330
	legendLine  = 18
)

// panelColors tell the lines of a panel apart; none of them depends on red against green alone.
var panelColors = []string{"#d9480f", "#1971c2", "#5c940d", "#862e9c", "#343a40", "#e8a000"}

// plotName is the file of a curve's plot.
func plotName(g Grown) string { return "growth-" + g.Name + ".svg" }

// series is a line of a panel: its points where there is a value.
type series struct {
	name string
	x, y []float64
}

// decades is a logarithmic scale of whole powers of ten.
type decades struct{ low, high float64 }

// spanning is the least scale that holds the values, at least one decade.
func spanning(values []float64) decades {
	d := decades{math.Inf(1), math.Inf(-1)}
	for _, v := range values {
		d.low, d.high = min(d.low, math.Floor(math.Log10(v))), max(d.high, math.Ceil(math.Log10(v)))
	}
	if len(values) == 0 {
		return decades{0, 1}
	}
	d.high = max(d.high, d.low+1)
	return d
}

// at is the place of a value between 0 and 1.
func (d decades) at(value float64) float64 { return (math.Log10(value) - d.low) / (d.high - d.low) }

// growthSVG draws a curve, both axes logarithmic.
func growthSVG(g Grown) string {
	units, byUnit := g.panels()
	height := len(units) * (panelTop + panelHeight + panelFoot)
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" `+
		`font-size="11">`+"\n", panelLeft+panelWidth+legendWidth, height)
	fmt.Fprintf(&svg, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	var at []float64
	for _, point := range g.Points {
		at = append(at, float64(point.At))
	}
	for i, unit := range units {
		p := panel{top: float64(i*(panelTop+panelHeight+panelFoot) + panelTop), x: spanning(at)}
		p.draw(&svg, g.Grows, unit, byUnit[unit])
	}
	svg.WriteString("</svg>\n")
	return svg.String()
}

// panels are the curve's lines by their units, and the units in order.
func (g Grown) panels() (units []string, byUnit map[string][]series) {
	byUnit = map[string][]series{}
	for i, line := range g.Lines {
		if _, ok := byUnit[line.Unit]; !ok {
			units = append(units, line.Unit)
		}
		s := series{name: line.Name}
		for _, point := range g.Points {
			if point.Error == "" && point.Values[i] > 0 {
				s.x, s.y = append(s.x, float64(point.At)), append(s.y, point.Values[i])
			}
		}
		byUnit[line.Unit] = append(byUnit[line.Unit], s)
	}
	return units, byUnit
}

// panel is a pair of axes.
type panel struct {
	top  float64
	x, y decades
}

func (p panel) place(x, y float64) (px, py float64) {
	return panelLeft + p.x.at(x)*panelWidth, p.top + (1-p.y.at(y))*panelHeight
}

func (p panel) draw(svg *strings.Builder, grows, unit string, lines []series) {
	var values []float64
	for _, line := range lines {
		values = append(values, line.y...)
	}
	p.y = spanning(values)
	p.grid(svg)
	bottom := p.top + panelHeight
	fmt.Fprintf(svg, `<text x="%d" y="%.1f" font-weight="bold">%s</text>`+"\n", panelLeft, p.top-8, html.EscapeString(unit))
	fmt.Fprintf(svg, `<text x="%d" y="%.1f" fill="#888" text-anchor="end">%s</text>`+"\n",
		panelLeft+panelWidth, bottom+30, html.EscapeString(grows))
	for i, line := range lines {
		color := panelColors[i%len(panelColors)]
		p.line(svg, line, color)
		y := p.top + float64(legendLine*(i+1))
		fmt.Fprintf(svg, `<circle cx="%d" cy="%.1f" r="4" fill="%s"/>`, panelLeft+panelWidth+24, y-4, color)
		fmt.Fprintf(svg, `<text x="%d" y="%.1f">%s</text>`+"\n", panelLeft+panelWidth+34, y, html.EscapeString(line.name))
	}
}

// grid draws a line and a figure for each decade.
func (p panel) grid(svg *strings.Builder) {
	for d := p.x.low; d <= p.x.high; d++ {
		x, bottom := p.place(math.Pow(10, d), math.Pow(10, p.y.low))
		fmt.Fprintf(svg, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>`, x, p.top, x, bottom)
		fmt.Fprintf(svg, `<text x="%.1f" y="%.1f" fill="#888" text-anchor="middle">%s</text>`+"\n",
			x, bottom+14, tick(d))
	}
	for d := p.y.low; d <= p.y.high; d++ {
		left, y := p.place(math.Pow(10, p.x.low), math.Pow(10, d))
		fmt.Fprintf(svg, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>`, left, y, left+panelWidth, y)
		fmt.Fprintf(svg, `<text x="%.1f" y="%.1f" fill="#888" text-anchor="end">%s</text>`+"\n", left-6, y+4, tick(d))
	}
}

// tick is a power of ten as the axes show it.
func tick(decade float64) string {
	switch {
	case decade >= 6:
		return fmt.Sprintf("%g M", math.Pow(10, decade-6))
	case decade >= 3:
		return fmt.Sprintf("%g k", math.Pow(10, decade-3))
	default:
		return fmt.Sprintf("%g", math.Pow(10, decade))
	}
}

func (p panel) line(svg *strings.Builder, s series, color string) {
	var points []string
	for i := range s.x {
		x, y := p.place(s.x[i], s.y[i])
		points = append(points, fmt.Sprintf("%.1f,%.1f", x, y))
		fmt.Fprintf(svg, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s: %s</title></circle>`,
			x, y, color, grouped(int64(s.x[i])), number(s.y[i]))
	}
	fmt.Fprintf(svg, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(points, " "), color)
}
