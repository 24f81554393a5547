// Package testdata holds small sets of real data for tests, examples and the demonstration.
package testdata

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"
)

//go:embed earthquakes.jsonl
var earthquakes []byte

// Earthquake is one event of the U.S. Geological Survey's feed. README.md beside this file names its source.
type Earthquake struct {
	ID        string    `json:"id"`
	Time      time.Time `json:"time"`      // origin time, UTC, to the millisecond
	Magnitude float64   `json:"magnitude"` // may be negative
	Place     string    `json:"place"`     // "37km NNE of Amboy, Washington"
	Region    string    `json:"region"`    // "Washington"; never empty
	Lon       float64   `json:"lon"`       // degrees, east is positive
	Lat       float64   `json:"lat"`       // degrees, north is positive
	DepthKm   float64   `json:"depth_km"`  // kilometres below sea level; negative above it
}

// Earthquakes returns the earthquakes of one week, 2018-01-31 to 2018-02-07, in the order in which they happened. Each
// call decodes the embedded file afresh (a few milliseconds), so the slice is the caller's. It is safe for concurrent
// use.
func Earthquakes() []Earthquake {
	events := make([]Earthquake, 0, bytes.Count(earthquakes, []byte{'\n'}))
	for line := range bytes.Lines(earthquakes) {
		var event Earthquake
		if err := json.Unmarshal(line, &event); err != nil {
			panic(fmt.Sprintf("testdata: earthquakes.jsonl, line %d: %v", len(events)+1, err))
		}
		events = append(events, event)
	}
	return events
}
