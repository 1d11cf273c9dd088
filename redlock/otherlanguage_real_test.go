package redlock_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

const (
	otherTTL     = 5 * time.Second
	otherTimeout = 2 * time.Second
)

// otherClient is testdata/clients/client.py, which does what docs/protocol.md says and has nothing in common with this library
// but the Lua scripts.
type otherClient struct {
	in  io.Writer
	out *bufio.Reader
}

func startOtherClient(t *testing.T, servers []*redistest.Server) *otherClient {
	t.Helper()
	cmd := exec.Command("../testdata/clients/client.py", strings.Join(addrs(servers), ","),
		"--ttl", strconv.FormatInt(otherTTL.Milliseconds(), 10), "--node-timeout", strconv.FormatInt(otherTimeout.Milliseconds(), 10))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	t.Cleanup(redistest.Launch(t, cmd).Kill)
	return &otherClient{in, bufio.NewReader(out)}
}

func (c *otherClient) do(t *testing.T, command string) string {
	t.Helper()
	_, err := fmt.Fprintln(c.in, command)
	require.NoError(t, err)
	answer, err := c.out.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(answer)
}

// hold takes the lock and returns its fencing token.
func (c *otherClient) hold(t *testing.T, name string) int64 {
	t.Helper()
	answer := c.do(t, "acquire "+name)
	fence, held := strings.CutPrefix(answer, "held ")
	require.True(t, held, answer)
	n, err := strconv.ParseInt(fence, 10, 64)
	require.NoError(t, err)
	return n
}

// A client in another language and this library exclude each other, whoever of them the servers hear first.
func TestOtherLanguage(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_WORKERS"), err)
		t.Skip(err)
	}
	for first, enrols := range map[string]func(*testing.T, *otherClient, *redlock.Locker){
		"the other enrols": func(t *testing.T, other *otherClient, _ *redlock.Locker) {
			assert.Equal(t, "refused quarantined,quarantined,quarantined", other.do(t, "acquire first"))
			redistest.Await(t, time.Minute, func() bool { return strings.HasPrefix(other.do(t, "acquire first"), "held ") }, "it was never admitted")
			assert.Equal(t, "released", other.do(t, "release"))
		},
		"the library enrols": func(t *testing.T, _ *otherClient, l *redlock.Locker) {
			lk, err := l.Lock(t.Context(), "first")
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
		},
	} {
		t.Run(first, func(t *testing.T) {
			t.Parallel() // they mostly wait
			servers := redistest.StartAll(t, 3)
			other := startOtherClient(t, servers)
			l := dial(t, servers, redlock.Lazy(), redlock.WithTTL(otherTTL), redlock.WithNodeTimeout(otherTimeout))
			enrols(t, other, l)
			exclude(t, other, l)
			confirm(t, servers, other, l)
			apart(t, servers)
			restart(t, servers[2], other, l)
		})
	}
}

func exclude(t *testing.T, other *otherClient, l *redlock.Locker) {
	t.Helper()
	before := other.hold(t, "job")
	_, err := l.TryLock(t.Context(), "job")
	require.ErrorIs(t, err, redlock.ErrNotAcquired)
	assert.Equal(t, "extended", other.do(t, "extend"))
	_, err = l.TryLock(t.Context(), "job")
	require.ErrorIs(t, err, redlock.ErrNotAcquired)
	assert.Equal(t, "released", other.do(t, "release"))

	lk, err := l.TryLock(t.Context(), "job")
	require.NoError(t, err)
	assert.Greater(t, lk.Fence(), before)
	requireHeld(t, other, "job")
	require.NoError(t, lk.Extend(t.Context()))
	requireHeld(t, other, "job")
	require.NoError(t, lk.Unlock(t.Context()))
	assert.Greater(t, other.hold(t, "job"), lk.Fence())
	assert.Equal(t, "released", other.do(t, "release"))
}

// requireHeld has the other client be refused by a majority. The library doesn't wait for the third voter, which may be late.
func requireHeld(t *testing.T, other *otherClient, name string) {
	t.Helper()
	answer := other.do(t, "acquire "+name)
	require.True(t, strings.HasPrefix(answer, "refused "), answer)
	require.GreaterOrEqual(t, strings.Count(answer, "held"), 2, answer)
}

// confirm has the voters grant three different fencing values.
func confirm(t *testing.T, servers []*redistest.Server, other *otherClient, l *redlock.Locker) {
	t.Helper()
	ahead := time.Now().Add(time.Minute).UnixMicro()
	for i, s := range servers[:2] {
		s.Do("SET", "contested:fence", strconv.FormatInt(ahead+int64(1000*i), 10))
	}
	assert.Equal(t, ahead+1001, other.hold(t, "contested"))
	assert.Equal(t, "released", other.do(t, "release"))
	lk := use(t, l, "contested")
	assert.Equal(t, ahead+1002, lk.Fence())
}

// apart has a client with another list of voters.
func apart(t *testing.T, servers []*redistest.Server) {
	t.Helper()
	other := startOtherClient(t, servers[:2])
	assert.Equal(t, "refused wrong quorum,wrong quorum", other.do(t, "acquire job"))
}

// restart has the other client do without a server, and admit it when it's back without its memory.
func restart(t *testing.T, s *redistest.Server, other *otherClient, l *redlock.Locker) {
	t.Helper()
	s.Kill()
	other.hold(t, "job")
	_, err := l.TryLock(t.Context(), "job")
	require.ErrorIs(t, err, redlock.ErrNotAcquired)
	assert.Equal(t, "released", other.do(t, "release"))
	s.Restart()
	redistest.Await(t, time.Minute, func() bool {
		other.hold(t, "job")
		assert.Equal(t, "released", other.do(t, "release"))
		return s.Do("HEXISTS", "redlock:voter", "until") == int64(1) && s.Do("HEXISTS", "redlock:voter", "voters") == int64(1)
	}, "nobody has admitted it")
	use(t, l, "job")
}
