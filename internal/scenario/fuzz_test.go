package scenario

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseScript: whatever the text, it is a script or there is an error.
func FuzzParseScript(f *testing.F) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Add("send")
	f.Add("send orders n=-1 p=99999999999999999999\n\x00=")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseScript(text)
		if err != nil {
			require.Nil(t, s)
		}
	})
}
