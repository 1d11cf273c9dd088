package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// versions names what a run depends on, each with its version as far as that can be known.
func versions(backend cluster.Backend) []string {
	return []string{"redlock-bench " + cli.Version(), serverVersion(backend), system()}
}

// serverVersion is that of the nodes' program.
func serverVersion(backend cluster.Backend) string {
	if backend == cluster.Redis {
		out, _ := exec.Command("redis-server", "--version").Output()
		return programVersion(string(out))
	}
	return "miniredis " + moduleVersion("github.com/alicebob/miniredis/v2")
}

// programVersion reads what a server says of itself, whatever its file is called:
// "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=..." or "Valkey server v=8.1.1 ...".
func programVersion(says string) string {
	kind, rest, found := strings.Cut(says, " server v=")
	if !found {
		return "redis-server, version unknown"
	}
	version, _, _ := strings.Cut(rest, " ")
	return strings.ToLower(kind) + "-server " + version
}

// moduleVersion is that of a module that was built in.
func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "unknown"
}

// system is the machine that everything runs on.
func system() string {
	kernel := runtime.GOOS
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel += " " + strings.TrimSpace(string(release))
	}
	return fmt.Sprintf("%s, %d CPUs", kernel, runtime.NumCPU())
}
