package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/testdata"
)

// day is the length of the windows in which the demonstration counts.
const day = 24 * time.Hour

// perDay is what the demonstration counts of a region, by the beginning of the day.
type perDay struct {
	region string
	days   map[time.Time]int64
	total  int64
}

// window counts the events of each region and day with a stream, by the events' own times. It has no application id, so
// each run counts the whole topic anew. Of an earlier run's week the last event comes before the first one of the next
// run's: a week of grace keeps all windows open until the end.
func (d *demo) window([]testdata.Earthquake) error {
	events := kafka.NewTypedStream[testdata.Earthquake](d.client, demoTopic, kafka.WithUntilEnd())
	counts := events.Window(kafka.TumblingWindow(day).Grace(7 * day)).
		GroupBy(func(q testdata.Earthquake) string { return q.Region }).
		Count()
	regions, days, windows := map[string]*perDay{}, map[time.Time]bool{}, 0
	for w, err := range counts.All(d.ctx) {
		if err != nil {
			return err
		}
		r := regions[w.Key]
		if r == nil {
			r = &perDay{region: w.Key, days: map[time.Time]int64{}}
			regions[w.Key] = r
		}
		r.days[w.Start] = w.Value
		r.total += w.Value
		days[w.Start] = true
		windows++
	}
	if err := d.ctx.Err(); err != nil {
		return err
	}
	d.say("\nA stream counted the topic by region and day (UTC), in %d tumbling windows:\n", windows)
	return d.days(slices.Collect(maps.Values(regions)), slices.SortedFunc(maps.Keys(days), time.Time.Compare))
}

// days prints the regions with the most events, a column for each day.
func (d *demo) days(regions []*perDay, days []time.Time) error {
	slices.SortFunc(regions, func(a, b *perDay) int {
		return cmp.Or(cmp.Compare(b.total, a.total), cmp.Compare(a.region, b.region))
	})
	w := tabwriter.NewWriter(d.out, 0, 4, 2, ' ', tabwriter.AlignRight)
	for _, t := range days {
		fmt.Fprintf(w, "%s\t", t.Format("2 Jan"))
	}
	fmt.Fprintln(w, "ALL\t  REGION")
	for _, r := range regions[:min(8, len(regions))] {
		for _, t := range days {
			fmt.Fprintf(w, "%d\t", r.days[t])
		}
		fmt.Fprintf(w, "%d\t  %s\n", r.total, r.region)
	}
	return w.Flush()
}
