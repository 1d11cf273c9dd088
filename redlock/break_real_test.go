package redlock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

func TestBreakReal(t *testing.T) {
	servers := startVoters(t, 3)
	for _, kind := range []struct {
		name string
		opts []redlock.Option
	}{{"guarded", nil}, {"unguarded", []redlock.Option{redlock.WithoutGuards()}}, {"plain", []redlock.Option{redlock.WithoutFencing()}}} {
		t.Run(kind.name, func(t *testing.T) {
			holder, operator := dial(t, servers, kind.opts...), dial(t, servers, kind.opts...)
			held, err := holder.TryLock(t.Context(), kind.name)
			require.NoError(t, err)

			err = operator.Break(t.Context(), kind.name, strings.Repeat("0", 32))
			require.ErrorIs(t, err, redlock.ErrLost, "another token")
			require.NoError(t, held.Extend(t.Context()), "and the lock is still there")

			require.NoError(t, operator.Break(t.Context(), kind.name, held.Token()))
			require.ErrorIs(t, held.Extend(t.Context()), redlock.ErrLost)
			next, err := operator.TryLock(t.Context(), kind.name)
			require.NoError(t, err, "free at once, though its TTL is 10 s")
			assert.True(t, next.Fence() > held.Fence() || kind.name == "plain")
			require.ErrorIs(t, operator.Break(t.Context(), kind.name, held.Token()), redlock.ErrLost, "broken already")
			assert.True(t, next.Valid())
			require.NoError(t, next.Unlock(t.Context()))
		})
	}
}

func TestBreakWithoutAVoterReal(t *testing.T) {
	servers := startVoters(t, 3)
	holder := dial(t, servers)
	operator := dial(t, servers, redlock.WithNodeTimeout(300*time.Millisecond))
	held, err := holder.TryLock(t.Context(), "job")
	require.NoError(t, err)
	for _, s := range servers { // a request that comes to a voter after the break would plant the lock there
		redistest.Await(t, 5*time.Second, func() bool { return s.Do("EXISTS", "job") == int64(1) }, "%s doesn't have the lock", s.Addr)
	}
	servers[0].Kill()
	require.NoError(t, operator.Break(t.Context(), "job", held.Token()))
	_, err = operator.TryLock(t.Context(), "job")
	require.NoError(t, err)
	servers[1].Kill()
	require.ErrorIs(t, operator.Break(t.Context(), "job", held.Token()), redlock.ErrNoQuorum)
}

func TestBreakRefusesNonsense(t *testing.T) {
	l, err := redlock.Dial(t.Context(), []string{"redis://127.0.0.1:1"}, redlock.Lazy())
	require.NoError(t, err)
	require.ErrorIs(t, l.Break(t.Context(), "", "t"), redlock.ErrInvalidName)
	require.ErrorIs(t, l.Break(t.Context(), "job", ""), redlock.ErrInvalidOption)
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Break(t.Context(), "job", "t"), redlock.ErrClosed)
}
