//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExec(t *testing.T) {
	k := newTool(t)
	k.run("{\"n\":1}\n{\"n\":2}\n", "produce", "jobs", "--json", "-k", "key", "-H", "h=x")
	show := `cat; echo " $KAFKA_TOPIC $KAFKA_PARTITION $KAFKA_OFFSET $KAFKA_KEY $KAFKA_HEADERS ${KAFKA_TIMESTAMP%%-*}"`
	out := k.run("", "consume", "jobs", "workers", "--exec", show)
	require.Regexp(t, `^{"n":1} jobs 0 0 key {"h":"x"} 20\d\d\n{"n":2} jobs 0 1 key {"h":"x"} 20\d\d\n$`, out)
	require.Empty(t, k.run("", "consume", "jobs", "workers", "--exec", show), "all of it is committed")
	require.Equal(t, "0:{\"n\":1}\n1:{\"n\":2}\n", k.run("", "consume", "jobs", "others", "--exec", "cat", "-f", `%o:%v\n`))
	require.Contains(t, k.run("", "consume", "jobs", "third", "--json", "--exec", "cat; exit $KAFKA_OFFSET",
		"--attempts", "1", "--dead-letter", "dead"), `{"topic":"jobs","partition":0,"offset":1,`)
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(k.run("", "consume", "dead", "--json")), &m))
	require.Equal(t, map[string]any{
		"h": "x", "original-topic": "jobs", "original-partition": "0", "original-offset": "1", "error": "jobs-0 offset 1: exit status 1",
	}, m["headers"])
}

func TestExecFailure(t *testing.T) {
	k := newTool(t)
	k.run("1\n2\n3\n", "produce", "jobs")
	code, out, errs := k.try("", "consume", "jobs", "g", "--exec", `cat; echo; [ $KAFKA_OFFSET != 1 ]`, "--attempts", "2", "--backoff", "1ms")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "1\n2\n2\n", out)
	line := "kafkado: jobs-0 offset 1: exit status 1\n"
	require.Equal(t, line+line+strings.Replace(line, "jobs", "stopped: jobs", 1), errs)
	require.Equal(t, "2\n3\n", k.run("", "consume", "jobs", "g"), "it comes again, and what is behind it")
}

// Ctrl-C lets the command that runs finish, and commits what it did.
func TestExecInterrupted(t *testing.T) {
	k := newTool(t)
	k.run("1\n2\n", "produce", "jobs")
	ctx, cancel := context.WithCancel(t.Context())
	out := &stopAfter{lines: 1, stop: cancel}
	var errs bytes.Buffer
	code := run(ctx, []string{"--dir", k.dir, "consume", "jobs", "g", "--follow", "--exec", "echo begun; read n; echo done $n"}, nil, out, &errs)
	require.Equal(t, exitInterrupted, code, errs.String())
	require.Equal(t, "begun\ndone 1\n", out.String())
	require.Equal(t, "2\n", k.run("", "consume", "jobs", "g"))
}
