package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStateStoresCountAlike(t *testing.T) {
	for name, open := range stateStores {
		t.Run(name, func(t *testing.T) {
			const keys = 100
			dir, random, want := filepath.Join(t.TempDir(), "state"), rand.New(rand.NewPCG(3, 4)), map[int64]int64{}
			store, err := open(dir)
			require.NoError(t, err)
			for i := range int64(keys / 2) {
				store.restore(stateKey(nil, i), stateValue{count: i})
				want[i] = i
			}
			for i := range int64(5000) {
				key := random.Int64N(keys)
				want[key]++
				n, err := store.add(stateKey(nil, key), i)
				require.NoError(t, err)
				require.Equal(t, want[key], n, "key %d", key)
				switch {
				case i%100 == 99:
					require.NoError(t, store.commit())
				case i%1000 == 100 && name != clientName:
					require.NoError(t, store.commit())
					require.NoError(t, store.Close())
					store, err = open(dir)
					require.NoError(t, err)
				}
			}
			require.NoError(t, store.Close())
		})
	}
}

func TestStateKeysDiffer(t *testing.T) {
	seen := map[string]bool{}
	for i := range int64(10_000) {
		key := stateKey(nil, i)
		require.Len(t, key, stateKeyBytes)
		require.False(t, seen[string(key)], fmt.Sprint(i))
		seen[string(key)] = true
	}
	require.Len(t, stateValue{count: 1, time: 2}.append(nil), stateValueBytes)
	require.Equal(t, stateValue{1, 2}, decodeState(stateValue{1, 2}.append(nil)))
}

func TestScenariosApartHaveToBeAskedFor(t *testing.T) {
	for _, scenario := range stateScenarios() {
		require.True(t, options{}.leavesOut(scenario), scenario.Name)
		require.False(t, options{run: "state-store"}.leavesOut(scenario), scenario.Name)
	}
	require.False(t, options{}.leavesOut(idleScenarios()[0]))
}
