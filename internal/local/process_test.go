package local_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func init() { children["holder"] = holder }

// holder opens a directory and holds it until its standard input ends.
func holder(args []string) int {
	e, err := engine.Open(context.Background(), engine.Options{URL: "file:" + args[0]})
	require.NoError(inChild{}, err)
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	require.NoError(inChild{}, e.Close())
	return 0
}

// TestSecondProcess: another process is told who has the directory, and gets it once that one is gone, however it went.
func TestSecondProcess(t *testing.T) {
	for name, end := range map[string]func(*os.Process, io.Closer) error{
		"closed": func(_ *os.Process, in io.Closer) error { return in.Close() },
		"killed": func(p *os.Process, _ io.Closer) error { return p.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := child(t, "holder", dir)
			in, err := cmd.StdinPipe()
			require.NoError(t, err)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			_, err = bufio.NewReader(out).ReadString('\n')
			require.NoError(t, err)

			err = openURL(t.Context(), "file:"+dir)
			require.Equal(t, engine.ErrLocked, code(t, err))
			require.ErrorContains(t, err, fmt.Sprintf("process %d", cmd.Process.Pid))

			require.NoError(t, end(cmd.Process, in))
			_ = cmd.Wait()
			require.NoError(t, openURL(t.Context(), "file:"+dir))
		})
	}
}
