package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// workspace is the directory of one cluster, and the shell process that removes it if the
// harness itself no longer can: it waits for the end of its input, which the kernel brings
// about even when the harness is killed with SIGKILL.
type workspace struct {
	dir     string
	janitor *exec.Cmd
	leash   io.Closer
}

// The second try is for a server that is dying at the same time and still creates a file.
const janitorScript = `read -r _; rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }`

func newWorkspace() (*workspace, error) {
	dir, err := os.MkdirTemp("", "redlock-bench-")
	if err != nil {
		return nil, fmt.Errorf("cluster: a directory for the servers: %w", err)
	}
	w := &workspace{dir: dir, janitor: exec.Command("/bin/sh", "-c", janitorScript, "sh", dir)}
	// A session of its own, so that no signal meant for the harness's group ends it first.
	w.janitor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	leash, err := w.janitor.StdinPipe()
	if err == nil {
		w.leash, err = leash, w.janitor.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cluster: the process that cleans up: %w", err), os.RemoveAll(dir))
	}
	return w, nil
}

// sub makes a directory inside the workspace.
func (w *workspace) sub(name string) (string, error) {
	dir := filepath.Join(w.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("cluster: a directory for one server: %w", err)
	}
	return dir, nil
}

// close removes the directory and waits for the janitor's end.
func (w *workspace) close() error {
	err := os.RemoveAll(w.dir)
	return errors.Join(err, w.leash.Close(), w.janitor.Wait())
}
