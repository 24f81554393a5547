package testdata_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/testdata"
)

func TestEarthquakesAreCompleteAndInOrder(t *testing.T) {
	events := testdata.Earthquakes()
	require.Len(t, events, 1679)
	require.Equal(t, testdata.Earthquake{
		ID:        "uw61345682",
		Time:      time.Date(2018, time.January, 31, 1, 49, 59, 650_000_000, time.UTC),
		Magnitude: 0.31,
		Place:     "37km NNE of Amboy, Washington",
		Region:    "Washington",
		Lon:       -122.197,
		Lat:       46.2035,
		DepthKm:   3.28,
	}, events[0])

	ids, regions := map[string]bool{}, map[string]int{}
	for i, event := range events {
		require.NotEmpty(t, event.Region, event.ID)
		if i > 0 {
			require.True(t, event.Time.After(events[i-1].Time), event.ID)
		}
		ids[event.ID] = true
		regions[event.Region]++
	}
	require.Len(t, ids, len(events))
	require.Len(t, regions, 71)
	require.Equal(t, 817, regions["California"])
}

func TestEarthquakesSliceBelongsToTheCaller(t *testing.T) {
	testdata.Earthquakes()[0].Region = "changed"
	require.Equal(t, "Washington", testdata.Earthquakes()[0].Region)
}
