package redlock_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
)

// Some tests need processes of their own. They run this same program, and the environment says
// what it is to do in place of the tests.
const roleVariable = "REDLOCK_TEST_ROLE"

var roles = map[string]func(args []string) error{
	"dial":    dialRole,
	"fencing": fencingRole,
}

func init() {
	work, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		return
	}
	if err := work(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child returns the command that runs the role.
func child(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// dialRole takes and releases a lock on the servers with the URLs.
func dialRole(urls []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	l, err := redlock.Dial(ctx, urls, redlock.WithNodeTimeout(patience))
	if err != nil {
		return err
	}
	lk, err := l.TryLock(ctx, "job")
	if err != nil {
		return err
	}
	if err := lk.Unlock(ctx); err != nil {
		return err
	}
	return l.Close()
}
