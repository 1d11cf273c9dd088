package cluster

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// childAttributes puts a child into a process group of its own, so that a Ctrl-C at the
// terminal reaches only the harness, and has the kernel end it with the harness.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func stateSource(pid int) string { return fmt.Sprintf("/proc/%d/stat", pid) }

// processState reads the state letter, see proc_pid_stat(5).
func processState(pid int) (string, error) {
	stat, err := os.ReadFile(stateSource(pid))
	if err != nil {
		return "", fmt.Errorf("cluster: state of process %d: %w", pid, err)
	}
	// The name before it stands in parentheses and may itself hold spaces and parentheses.
	_, rest, found := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	if !found || rest == "" {
		return "", fmt.Errorf("cluster: state of process %d: %q isn't in the format of proc_pid_stat(5)", pid, stat)
	}
	return rest[:1], nil
}
