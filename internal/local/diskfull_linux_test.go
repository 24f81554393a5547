package local_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dot-do/kafka-embedded/internal/local"
	"github.com/dot-do/kafka-embedded/internal/vfs"
)

// TestSmallFileSystem fills a real file system to the last byte.
func TestSmallFileSystem(t *testing.T) {
	for _, megabytes := range []int{1, 2, 3} {
		for name, room := range map[string]func(*full){
			"delete a topic": (*full).deleteTopic, "delete records": (*full).deleteRecords, "retention": retain,
		} {
			t.Run(fmt.Sprintf("%d MiB/%s", megabytes, name), func(t *testing.T) {
				dir := smallDisk(t, megabytes)
				o := local.Options{FS: must(vfs.OS(dir)), Reserve: 64 << 10}
				e := open(t, o)
				f := newFull(t, t.Context(), e, 64<<10)
				for _, size := range []int{9000, 900, 90} {
					f.fill("more", size)
					f.commit(size)
					f.fill("keep", size)
				}
				f.read()
				room(f)
				require.NoError(t, f.send("keep", 9000), "sends resume")
				f.read()
				require.NoError(t, e.Close())
				o.FS = must(vfs.OS(dir))
				f.e = open(t, o)
				f.read()
				require.NoError(t, f.e.Close())
			})
		}
	}
}

// smallDisk mounts a file system in memory.
func smallDisk(t *testing.T, megabytes int) (dir string) {
	dir = t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skipf("it takes the right to mount a file system: %v; TestFileSizeLimit and TestRetentionOfAFullDisk need none", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	return dir
}

// TestRetentionOnASmallFileSystem is TestRetentionOfAFullDisk for real.
func TestRetentionOnASmallFileSystem(t *testing.T) {
	dir := smallDisk(t, 2)
	forever(t, func() vfs.FS { return must(vfs.OS(dir)) }, 40<<20)
}
