package local_test

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestLinkInPlaceOfEveryFile replaces each file and each directory by a link to where it was moved, inside the data
// directory and outside: nothing goes over the link, and what it leads to is not touched.
func TestLinkInPlaceOfEveryFile(t *testing.T) {
	w := newTemplate(t, t.Context(), false)
	names := map[string]bool{}
	for _, name := range w.names {
		names[name] = true
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			names[dir] = true
		}
	}
	for name := range names {
		for _, inside := range []bool{false, true} {
			dir := t.TempDir()
			w.extract(t, dir)
			to := filepath.Join(t.TempDir(), "elsewhere")
			if inside {
				to = filepath.Join(dir, "elsewhere")
			}
			link := filepath.Join(dir, filepath.FromSlash(name))
			require.NoError(t, os.Rename(link, to))
			if err := os.Symlink(to, link); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
			before := tree(t, to)
			w.checkLink(t, dir, name)
			require.Equal(t, before, tree(t, to), name)
		}
	}
}

// extract writes the template to a real directory.
func (w *template) extract(t *testing.T, dir string) {
	for _, name := range w.names {
		file := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, contentsOf(w.mem, name), 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "trash"), 0o700))
}

// checkLink opens and verifies a directory with a link in it. What opening does not need, the index of a sealed segment, is
// met by a read.
func (w *template) checkLink(t *testing.T, dir, name string) {
	f, err := vfs.OS(dir)
	require.NoError(t, err)
	r, verifyErr := local.Verify(f)
	if verifyErr != nil {
		refusal(t, verifyErr)
	}
	e, err := local.Open(unattended(f))
	if err != nil {
		refusal(t, err)
		require.False(t, verifyErr == nil && r.OK() && name != "LOCK", "Verify does not see that %s is a link: %v", name, err)
		return
	}
	refused := false
	for _, info := range must(e.ListTopics(t.Context())) {
		k := reader(t, e, info.Name)
		for err == nil && !refused {
			if _, err = k.Poll(t.Context(), 100); err != nil && err != io.EOF {
				require.ErrorIs(t, err, vfs.ErrNotRegular, name)
				refused = true
			}
		}
		err = nil
	}
	require.True(t, refused || verifyErr != nil || !r.OK() || len(e.Health().Notes) > 0 || len(r.Notes) > 0, name)
	require.NoError(t, e.Close())
}
