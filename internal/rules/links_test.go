package rules

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOnlyClusterLinksFranzGo: programs that keep their records in a directory carry nothing that talks to a cluster.
func TestOnlyClusterLinksFranzGo(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...")
	list.Dir = filepath.Join("..", "..")
	out, err := list.Output()
	require.NoError(t, err)
	var links []string
	for line := range strings.Lines(string(out)) {
		packages := strings.Fields(line)
		if slices.ContainsFunc(packages[1:], func(p string) bool { return strings.HasPrefix(p, "github.com/twmb/franz-go") }) {
			links = append(links, strings.TrimPrefix(packages[0], module))
		}
	}
	require.Equal(t, []string{"/cluster", "/cmd/kafkado"}, links)
}
