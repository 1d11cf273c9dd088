// Package workspace makes temporary directories that don't outlive the program, however it ends.
package workspace

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Workspace is a directory, and the shell process that removes it if the
// program itself no longer can: it waits for the end of its input, which the kernel brings
// about even when the program is killed with SIGKILL.
type Workspace struct {
	dir     string
	janitor *exec.Cmd
	leash   io.Closer
}

// The second try is for a process that is dying at the same time and still creates a file.
const janitorScript = `read -r _; rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }`

// New makes a directory whose name begins with the prefix.
func New(prefix string) (*Workspace, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	w := &Workspace{dir: dir, janitor: exec.Command("/bin/sh", "-c", janitorScript, "sh", dir)}
	// A session of its own, so that no signal meant for the program's group ends it first.
	w.janitor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	leash, err := w.janitor.StdinPipe()
	if err == nil {
		w.leash, err = leash, w.janitor.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return w, nil
}

// Dir is the directory's path.
func (w *Workspace) Dir() string { return w.dir }

// Sub makes a directory inside the workspace.
func (w *Workspace) Sub(name string) (string, error) {
	dir := filepath.Join(w.dir, name)
	return dir, os.Mkdir(dir, 0o700) // whose error has the path
}

// Close removes the directory and waits for the janitor's end.
func (w *Workspace) Close() error {
	err := os.RemoveAll(w.dir)
	return errors.Join(err, w.leash.Close(), w.janitor.Wait())
}
