package fence_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/internal/fencetest"
)

func nopWrite(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func TestMemoryConformance(t *testing.T) {
	fencetest.Run(t, func(t *testing.T, opts ...fence.Option) fencetest.Resource {
		guard, logs := fence.NewMemory(opts...), &logs{}
		return fencetest.Resource{
			Append: func(ctx context.Context, name string, token int64, entry string) error {
				return guard.Do(ctx, name, token, func(context.Context) error {
					logs.append(name, entry)
					return nil
				})
			},
			Fail: func(ctx context.Context, name string, token int64, _ string) error {
				return guard.Do(ctx, name, token, nopWrite(fencetest.ErrFailed))
			},
			Log: func(_ testing.TB, name string) []string { return logs.of(name) },
		}
	})
}

// logs is a resource in memory. Its mutex keeps the map whole; the order is the guard's job.
type logs struct {
	mu      sync.Mutex
	entries map[string][]string
}

func (l *logs) append(name, entry string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = map[string][]string{}
	}
	l.entries[name] = append(l.entries[name], entry)
}

func (l *logs) of(name string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries[name])
}

// The write belongs to the check: nobody may check while one that has passed is writing.
func TestMemoryHoldsItsNameDuringTheWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := fence.NewMemory()
		var order []string
		write := func(entry string, took time.Duration) func(context.Context) error {
			return func(context.Context) error {
				time.Sleep(took)
				order = append(order, entry)
				return nil
			}
		}
		var wg sync.WaitGroup
		defer wg.Wait()
		start := time.Now()
		wg.Go(func() { assert.NoError(t, guard.Do(t.Context(), "account", 1, write("slow", time.Second))) })
		synctest.Wait()
		require.NoError(t, guard.Do(t.Context(), "stock", 1, nopWrite(nil)))
		require.Zero(t, time.Since(start), "another name doesn't wait")

		require.NoError(t, guard.Do(t.Context(), "account", 2, write("newer", 0)))
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, []string{"slow", "newer"}, order)
	})
}

func TestMemoryWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := fence.NewMemory()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			assert.NoError(t, guard.Do(t.Context(), "account", 1, func(context.Context) error {
				time.Sleep(time.Hour)
				return nil
			}))
		})
		synctest.Wait()

		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		written := false
		err := guard.Do(ctx, "account", 5, func(context.Context) error { written = true; return nil })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, `"account" was not written`)
		require.Equal(t, time.Second, time.Since(start))
		require.False(t, written)
		require.NoError(t, guard.Do(t.Context(), "account", 4, nopWrite(nil)), "its token must not count")
	})
}

func TestMemoryOutlivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := fence.NewMemory()
		require.PanicsWithValue(t, "boom", func() {
			_ = guard.Do(t.Context(), "account", 5, func(context.Context) error { panic("boom") })
		})
		require.ErrorIs(t, guard.Do(t.Context(), "account", 4, nopWrite(nil)), fence.ErrStale)
		require.NoError(t, guard.Do(t.Context(), "account", 5, nopWrite(nil)), "the name must not stay locked")
	})
}

func TestMemoryHandsItsContextToTheWrite(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	err := fence.NewMemory().Do(ctx, "account", 1, func(ctx context.Context) error {
		require.Equal(t, "value", ctx.Value(key{}))
		return nil
	})
	require.NoError(t, err)
}

// A client that cancels its requests, each for another name, must not fill the memory.
func TestMemoryForgetsNamesThatWereNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := fence.NewMemory()
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for i := range 1000 {
			require.ErrorIs(t, guard.Do(cancelled, strconv.Itoa(i), 1, nopWrite(nil)), context.Canceled)
		}
		require.Zero(t, guard.Names())

		// Whoever gives up leaves the name to the one who writes, and to its token.
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.NoError(t, guard.Do(t.Context(), "account", 5, func(context.Context) error {
				time.Sleep(time.Hour)
				return nil
			}))
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, guard.Do(ctx, "account", 9, nopWrite(nil)), context.DeadlineExceeded)
		require.Equal(t, 1, guard.Names())
		wg.Wait()
		require.ErrorIs(t, guard.Do(t.Context(), "account", 4, nopWrite(nil)), fence.ErrStale)
		require.Equal(t, 1, guard.Names())
	})
}
