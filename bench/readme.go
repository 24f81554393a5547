package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// replaceReadme puts the report's tables between those of their markers that an existing file has.
func replaceReadme(name string, report Report) error {
	tables := map[string]string{}
	if len(report.Scenarios) > 0 {
		tables["bench"] = readmeTable(report)
	}
	if len(report.Corrupt) > 0 {
		tables["corrupt"] = corruptTable(report)
	}
	return replaceMarked(name, tables)
}

// replaceMarked puts each text between the markers of its name in an existing file: the lines <!-- name --> and
// <!-- /name -->. Markers that the file does not have are passed over, as long as it has one.
func replaceMarked(name string, texts map[string]string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	document, replaced := string(data), 0
	for _, mark := range slices.Sorted(maps.Keys(texts)) {
		begin, end := fmt.Sprintf("<!-- %s -->\n", mark), fmt.Sprintf("<!-- /%s -->", mark)
		before, rest, ok := strings.Cut(document, begin)
		_, after, ended := strings.Cut(rest, end)
		if !ok || !ended {
			continue
		}
		document = before + begin + texts[mark] + end + after
		replaced++
	}
	if replaced == 0 {
		return fmt.Errorf("%s: no markers such as <!-- %s -->", name, strings.Join(slices.Sorted(maps.Keys(texts)), " --> or <!-- "))
	}
	return os.WriteFile(name, []byte(document), 0o644)
}

// readmeTable is one row for each scenario: this library's client and its package log, the best of the peers that reach
// the same durability, the floor.
func readmeTable(report Report) string {
	var text strings.Builder
	fmt.Fprintf(&text, "`%s`\n\n%s, on %s; medians of %d rounds, values of %d bytes.\n", report.Command, report.Date,
		report.Machine, report.Sizes.Rounds, recordBytes)
	text.WriteString("The machine is shared and noisy: only the ratios within a row say something. In brackets: times the " +
		"floor,\nwhich is the plain system calls, the plain fdatasync of a growing file for transactions, or the codec " +
		"alone.\nWith -short the logs that are read are small enough for tidwall/wal to hold all of them in memory.\n\n")
	text.WriteString("| scenario | durability | client | package log | best peer | floor |\n|---|---|---:|---:|---:|---:|\n")
	for _, result := range report.Scenarios {
		durability := string(result.Level)
		if durability == "" {
			durability = "-"
		}
		client, log, floor := result.row(clientName), result.row(partitionName), result.row(floorName)
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s |\n", escape(result.Title), durability,
			result.figure(client), result.figure(log), result.figure(result.bestPeer()), result.figure(floor))
	}
	return text.String()
}

// row finds a contender's row; nil when it has no figure.
func (r *Result) row(contender string) *Row {
	i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Contender == contender && row.Error == "" })
	if i < 0 {
		return nil
	}
	return &r.Rows[i]
}

// bestPeer is the least row that is neither this library's nor the floor's, and as durable as was asked for.
func (r *Result) bestPeer() *Row {
	own := map[string]bool{floorName: true}
	for _, c := range ours() {
		own[c.Name] = true
	}
	peers := slices.DeleteFunc(r.ranked(), func(row Row) bool { return own[row.Contender] || row.Level != r.Level })
	if len(peers) == 0 {
		return nil
	}
	best := slices.MinFunc(peers, func(a, b Row) int { return cmp.Compare(a.Value, b.Value) })
	return &best
}

// figure prints a row's value, whose it is where that is not plain, and the ratio where there is a floor.
func (r *Result) figure(row *Row) string {
	if row == nil {
		return "-"
	}
	text := human(row.Value, r.Unit)
	switch row.Contender {
	case clientName, partitionName:
	case floorName:
		return text
	default:
		text = row.Title + ": " + text
	}
	if r.row(floorName) != nil && row.Ratio > 0 {
		text += fmt.Sprintf(" (%.2f)", row.Ratio)
	}
	return text
}

// human prints a value with the unit in which it is short.
func human(value float64, unit Unit) string {
	switch unit {
	case NsPerRecord, NsPerOperation:
		switch {
		case value >= 1e6:
			return number(value/1e6) + " ms"
		case value >= 1e4:
			return number(value/1e3) + " µs"
		}
		return number(value) + " ns"
	case BytesEach:
		return number(value/1024) + " KiB"
	case BytesPerRecord:
		return number(value) + " B"
	case GoroutinesEach:
		return number(value)
	default:
		return number(value) + " " + string(unit)
	}
}
