package main

import (
	"cmp"
	"slices"
)

// Report is everything that one run of the command found.
type Report struct {
	Command   string   `json:"command"` // that can be run again
	Date      string   `json:"date"`    // of the run, as 2006-01-02
	Machine   Machine  `json:"machine"`
	Sizes     Sizes    `json:"sizes"`
	Scenarios []Result `json:"scenarios,omitempty"`
	Corrupt   []Survey `json:"corrupt,omitempty"` // of the scenario of this name
	Growth    []Grown  `json:"growth,omitempty"`
}

// Result is one scenario's.
type Result struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Unit  Unit   `json:"unit"`
	Goal  string `json:"goal"`
	Level Level  `json:"durability,omitempty"` // that was asked for
	Rows  []Row  `json:"rows"`                 // in the order of the contenders
}

// Row is what one contender did in one scenario. The figures are the medians of its rounds.
type Row struct {
	Contender string  `json:"contender"`
	Title     string  `json:"title"` // with the version
	Level     Level   `json:"durability,omitempty"`
	Value     float64 `json:"value"`
	Ratio     float64 `json:"ratio"`  // Value over the floor's, or over the least where the floor is nothing
	Spread    float64 `json:"spread"` // (greatest - least) / median of the rounds' values
	Allocs    float64 `json:"allocs_per_record"`
	Bytes     float64 `json:"alloc_bytes_per_record"`
	PeakMiB   float64 `json:"peak_memory_mib"`
	Error     string  `json:"error,omitempty"`

	Rounds      []Figures `json:"rounds"`
	Unsupported bool      `json:"-"`
}

// finish computes each row's medians from its rounds, and the ratios.
func (r *Result) finish() {
	for i := range r.Rows {
		r.Rows[i].summarize()
	}
	base := r.base()
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Error == "" && base > 0 {
			row.Ratio = row.Value / base
		}
	}
}

// base is what ratios are formed over.
func (r *Result) base() float64 {
	least := 0.0
	for _, row := range r.Rows {
		if row.Error != "" || row.Value <= 0 {
			continue
		}
		if row.Contender == floorName {
			return row.Value
		}
		if least == 0 || row.Value < least {
			least = row.Value
		}
	}
	return least
}

func (r *Row) summarize() {
	if r.Error != "" || len(r.Rounds) == 0 {
		return
	}
	of := func(figure func(Figures) float64) []float64 {
		values := make([]float64, len(r.Rounds))
		for i, round := range r.Rounds {
			values[i] = figure(round)
		}
		slices.Sort(values)
		return values
	}
	values := of(func(f Figures) float64 { return f.Value })
	r.Value = median(values)
	if r.Value > 0 {
		r.Spread = (values[len(values)-1] - values[0]) / r.Value
	}
	r.Allocs = median(of(func(f Figures) float64 { return f.Allocs }))
	r.Bytes = median(of(func(f Figures) float64 { return f.Bytes }))
	r.PeakMiB = median(of(func(f Figures) float64 { return float64(f.PeakBytes) / (1 << 20) }))
}

// median returns the middle of sorted values, or the mean of the two in the middle.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ranked returns the rows that have a figure, the least first.
func (r *Result) ranked() []Row {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row Row) bool { return row.Error != "" })
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Value, b.Value) })
	return rows
}
