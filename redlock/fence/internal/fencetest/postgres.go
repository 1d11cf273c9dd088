package fencetest

import (
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequireSQL is the environment variable that turns a missing database server into a failure.
const RequireSQL = "REDLOCK_REQUIRE_SQL"

// StartPostgres starts a PostgreSQL server with an empty database, ends it with the test, and returns how
// to connect to it. The function ping says whether one can.
func StartPostgres(t *testing.T, ping func(dsn string) error) (dsn string) {
	const programs = "/usr/lib/postgresql/*/bin/"
	server := Binary(t, RequireSQL, "postgres", programs+"postgres")
	initdb := Binary(t, RequireSQL, "initdb", programs+"initdb")
	dir := TempDir(t)
	data := filepath.Join(dir, "data")
	Complete(t, As(t, "postgres", exec.Command(initdb, "--pgdata", data, "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--no-sync"), dir))
	dsn = "host=" + dir + " user=postgres database=postgres"
	Start(t, As(t, "postgres", exec.Command(server, "-D", data, "-k", dir, "-h", "", "-F")), func() error { return ping(dsn) })
	return dsn
}

// As makes a server run as another user where the tests run as root, which servers refuse to.
// The directories are handed to that user.
func As(t *testing.T, name string, cmd *exec.Cmd, dirs ...string) *exec.Cmd {
	if syscall.Getuid() != 0 {
		return cmd
	}
	account, err := user.Lookup(name)
	require.NoError(t, err)
	uid, err := strconv.Atoi(account.Uid)
	require.NoError(t, err)
	gid, err := strconv.Atoi(account.Gid)
	require.NoError(t, err)
	for _, dir := range dirs {
		require.NoError(t, syscall.Chown(dir, uid, gid))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return cmd
}

// Complete runs a command to its end.
func Complete(t *testing.T, cmd *exec.Cmd) {
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s:\n%s", cmd, output)
}
