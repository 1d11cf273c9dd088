package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// urls runs a command with node flags.
func urls(args ...string) ([]string, error) {
	var n Nodes
	var got []string
	cmd := &cobra.Command{SilenceUsage: true, SilenceErrors: true, RunE: func(*cobra.Command, []string) (err error) {
		got, err = n.URLs()
		return err
	}}
	n.Register(cmd)
	cmd.SetArgs(args)
	return got, cmd.Execute()
}

func TestNodes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nodes")
	require.NoError(t, os.WriteFile(file, []byte("# production\n\n redis://f1 \r\nredis://:p,w@f2\n"), 0o600))
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("# none\n"), 0o600))

	t.Setenv(NodesVariable, "")
	_, err := urls()
	require.ErrorContains(t, err, "--nodes: give the URL of each server")
	t.Setenv(NodesVariable, "redis://e1,redis://e2\n redis://e3")
	got, err := urls()
	require.NoError(t, err)
	assert.Equal(t, []string{"redis://e1", "redis://e2", "redis://e3"}, got)
	got, err = urls("--nodes-file", file)
	require.NoError(t, err)
	assert.Equal(t, []string{"redis://f1", "redis://:p,w@f2"}, got, "before the environment")
	got, err = urls("--nodes", "redis://a,redis://b")
	require.NoError(t, err)
	assert.Equal(t, []string{"redis://a", "redis://b"}, got)

	_, err = urls("--nodes", "redis://a", "--nodes-file", file)
	require.ErrorContains(t, err, "none of the others can be")
	_, err = urls("--nodes-file", "/no/such/file")
	require.ErrorContains(t, err, "--nodes-file: open /no/such/file")
	_, err = urls("--nodes-file", empty)
	require.ErrorContains(t, err, "names no server; write a URL")
}

func TestExit(t *testing.T) {
	sub := &cobra.Command{Use: "sub"}
	(&cobra.Command{Use: "prog"}).AddCommand(sub)
	for _, c := range []struct {
		err    error
		status int
		text   string
	}{
		{nil, 0, ""},
		{errors.New("unknown flag: --x"), 2, "prog: unknown flag: --x\nSee prog sub --help.\n"},
		{fmt.Errorf("--json: %w", &fs.PathError{Op: "open", Path: "/nowhere/x", Err: fs.ErrNotExist}), 2, "prog: --json: open /nowhere/x: file does not exist\n"},
		{fmt.Errorf("--peers: %w", &exec.Error{Name: "x", Err: exec.ErrNotFound}), 2, "prog: --peers: exec: \"x\": executable file not found in $PATH\n"},
		{fmt.Errorf("wrapped: %w", &Failure{69, errors.New("no quorum")}), 69, "prog: wrapped: no quorum\n"},
		{&Failure{Status: 3}, 3, ""},
		{errors.New("unknown shorthand flag: 'o' in -nodes=redis://u:s@cr@t@host:1,redis://:secret@b"), 2,
			"prog: unknown shorthand flag: 'o' in -nodes=redis://***@b\nSee prog sub --help.\n"},
		{errors.New("if any flags in the group [no-wait wait] are set none of the others can be; [no-wait wait] were all set"), 2,
			"prog: --no-wait and --wait: give one of them, not both\nSee prog sub --help.\n"},
		{errors.New("give redis://[USER:PASSWORD@]HOST:PORT"), 2, "prog: give redis://[USER:PASSWORD@]HOST:PORT\nSee prog sub --help.\n"},
		{errors.New("redis://[USER:PASSWORD@]secret@host"), 2, "prog: redis://***@host\nSee prog sub --help.\n"},
	} {
		var b strings.Builder
		assert.Equal(t, c.status, Exit(&b, sub, c.err))
		assert.Equal(t, c.text, b.String())
	}
}
