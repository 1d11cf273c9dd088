//go:build unix && !linux

package cluster

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// childAttributes puts a child into a process group of its own, so that a Ctrl-C at the
// terminal reaches only the harness.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func stateSource(pid int) string { return fmt.Sprintf("ps -o state= -p %d", pid) }

// processState reads the state letter that ps shows.
func processState(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	state := strings.TrimSpace(string(out))
	if err != nil || state == "" {
		return "", fmt.Errorf("cluster: state of process %d: ps gave %q: %w", pid, state, err)
	}
	return state[:1], nil
}

func limitFiles(int, uint64) (uint64, error) {
	return 0, fmt.Errorf("%w: limiting the files of a running process needs Linux", ErrUnsupported)
}
