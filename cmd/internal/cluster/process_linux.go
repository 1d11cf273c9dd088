package cluster

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
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

// limitFiles sets how many files a process may have open, and returns how many it might before. What is open stays open.
func limitFiles(pid int, most uint64) (before uint64, err error) {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return 0, fmt.Errorf("cluster: file limit of process %d: %w", pid, err)
	}
	before, limit.Cur = limit.Cur, most // not the hard limit, which only root could raise again
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		return 0, fmt.Errorf("cluster: file limit of process %d to %d: %w", pid, most, err)
	}
	return before, nil
}
