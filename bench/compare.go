package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// runCompare reads the reports of several runs and shows how far their ratios agree: this library over the floor, and
// over the best peer of the same run.
func runCompare(o options, stdout io.Writer) error {
	if len(o.reports) < 2 {
		return fmt.Errorf("-compare wants two files or more that -json has written")
	}
	reports := make([]Report, len(o.reports))
	for i, name := range o.reports {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &reports[i]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	text := compareTable(reports)
	if o.md == "" {
		_, err := io.WriteString(stdout, text)
		return err
	}
	return replaceMarked(o.md, map[string]string{"compare": text})
}

func compareTable(reports []Report) string {
	var text strings.Builder
	first := reports[0]
	fmt.Fprintf(&text, "`%s`, %d times in a row\n\n%s, on %s.\n\n", first.Command, len(reports), first.Date, first.Machine)
	text.WriteString("| scenario | contender | over the floor | apart | over the best peer | apart |\n|---|---|---|---:|---|---:|\n")
	for _, result := range first.Scenarios {
		for _, contender := range []string{clientName, partitionName} {
			floor, peer := ratiosOf(reports, result.Name, contender)
			if len(floor)+len(peer) > 0 {
				fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", escape(result.Title), contender, spread(floor), spread(peer))
			}
		}
	}
	return text.String()
}

// ratiosOf returns, for the runs in which a scenario has a figure of the contender, that over the floor's and over the
// best peer's.
func ratiosOf(reports []Report, scenario, contender string) (floor, peer []float64) {
	for _, report := range reports {
		at := slices.IndexFunc(report.Scenarios, func(r Result) bool { return r.Name == scenario })
		if at < 0 {
			continue
		}
		result := &report.Scenarios[at]
		row := result.row(contender)
		if row == nil {
			continue
		}
		if base := result.row(floorName); base != nil && base.Value > 0 {
			floor = append(floor, row.Value/base.Value)
		}
		if best := result.bestPeer(); best != nil && best.Value > 0 {
			peer = append(peer, row.Value/best.Value)
		}
	}
	return floor, peer
}

// spread writes ratios, and by how much the greatest is above the least.
func spread(ratios []float64) string {
	if len(ratios) == 0 {
		return "- | -"
	}
	var text strings.Builder
	for _, ratio := range ratios {
		fmt.Fprintf(&text, "%.2f ", ratio)
	}
	return fmt.Sprintf("%s | %.0f %%", strings.TrimSpace(text.String()), 100*(slices.Max(ratios)/slices.Min(ratios)-1))
}
