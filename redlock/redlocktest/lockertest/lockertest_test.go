package lockertest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
	"github.com/a5bbb083/redlock/redlock/redlocktest/lockertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A suspended machine's lock is over, though no timer has noticed.
func TestSuspendEndsALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := redlocktest.New(t, 5)
		alice := q.Member("alice")
		lock, err := lockertest.New(t, alice, redlock.WithTTL(10*time.Second)).Lock(t.Context(), "job")
		require.NoError(t, err)
		token, held := q.Holder("job")
		require.True(t, held)
		require.Equal(t, lock.Token(), token)
		require.True(t, lock.Valid())
		alice.Clock().Suspend(time.Minute)
		require.False(t, lock.Valid())
	})
}

// Members compete, one of them behind a cut that nobody heals.
func TestMembersHaveLockersOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := redlocktest.New(t, 3)
		alice, bob := lockertest.New(t, q.Member("alice")), lockertest.New(t, q.Member("bob"))
		q.Member("alice").Partition(0, 1)
		_, err := alice.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		lock, err := bob.TryLock(t.Context(), "job", redlock.AutoRenew(true))
		require.NoError(t, err)
		token, _ := q.Holder("job")
		require.Equal(t, lock.Token(), token)
		q.Partition(0, 1, 2)
	})
}

type failed struct{ message string }

func (f *failed) Helper()                      {}
func (f *failed) Cleanup(func())               {}
func (f *failed) Fatalf(s string, args ...any) { f.message = s }

func TestABadOptionFailsTheTest(t *testing.T) {
	var f failed
	require.Nil(t, lockertest.New(&f, redlocktest.New(t, 1).Member(""), redlock.WithTTL(-1)))
	require.NotEmpty(t, f.message)
}
