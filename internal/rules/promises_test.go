package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNamedTestsExist: a page that says which test proves something names tests that exist.
func TestNamedTestsExist(t *testing.T) {
	exist := map[string]bool{}
	for _, f := range files(t, 0) {
		if isTest(f.name) {
			for name := range f.Scope.Objects {
				exist[name] = true
			}
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	for _, page := range []string{"SECURITY.md", "docs/testing.md"} {
		b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page)))
		require.NoError(t, err)
		found := named.FindAllStringSubmatch(string(b), -1)
		require.NotEmpty(t, found, page)
		for _, m := range found {
			require.True(t, exist[m[1]], "%s names %s, which is no test", page, m[1])
		}
	}
}
