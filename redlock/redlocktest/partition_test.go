package redlocktest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reaches tells which nodes a member reaches.
func reaches(t *testing.T, m *Member) string {
	var b strings.Builder
	for i, c := range m.Clients() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if c.Ping(ctx).Err() == nil {
			fmt.Fprint(&b, i)
		}
		cancel()
	}
	return b.String()
}

func TestPartition(t *testing.T) {
	inBubble(t, 5, func(t *testing.T, q *Quorum) {
		early := q.Member("early")
		require.Equal(t, "01234", reaches(t, early))
		q.Partition(1, 3)
		assert.Equal(t, "024", reaches(t, early))
		assert.Equal(t, "024", reaches(t, q.Member("late")), "members to come, too")
		q.Member("late").Partition(0)
		assert.Equal(t, "24", reaches(t, q.Member("late")))
		assert.Equal(t, "024", reaches(t, early))
		require.Panics(t, func() { q.Partition(5) })

		early.Link(2).HoldRequests()
		early.Link(4).DropRequests(7)
		early.Link(4).Delay(time.Hour, 0)
		q.HealAll()
		for _, name := range []string{"early", "late", "later"} {
			assert.Equal(t, "01234", reaches(t, q.Member(name)), name)
		}
	})
}

func TestHealAllDeliversWhatWasStopped(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, q *Quorum) {
		warm(t, q)
		q.Partition(0)
		require.Error(t, q.Clients()[0].Set(within(t, time.Second), "k", "late", 0).Err())
		q.HealAll()
		synctest.Wait()
		value, ok := q.Node(0).Get("k")
		require.True(t, ok)
		require.Equal(t, "late", value)
	})
}

func TestHolder(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, q *Quorum) {
		holder := func() string {
			token, held := q.Holder("job")
			require.Equal(t, held, token != "")
			return token
		}
		require.Empty(t, holder())
		q.Node(0).Set("job", "a", time.Minute)
		q.Node(1).Set("job", "a", time.Minute)
		q.Node(2).Set("job", "b", time.Minute)
		require.Empty(t, holder(), "half is no majority")
		q.Node(3).Set("job", "a", time.Hour)
		require.Equal(t, "a", holder())
		q.Node(0).Crash()
		require.Equal(t, "a", holder(), "what it would know after a restart")
		q.Node(0).Restart(false)
		require.Empty(t, holder())
		q.Node(0).Set("job", "a", time.Hour)
		q.Node(1).Jump(time.Hour)
		require.Empty(t, holder(), "by each node's own clock")
	})
}

// A test may end with anything cut, held or dead, and with go-redis still dialling.
func TestFaultsNeedNoCleanUp(t *testing.T) {
	for name, fault := range map[string]func(*Quorum){
		"cut":     func(q *Quorum) { q.Partition(0) },
		"crash":   func(q *Quorum) { q.Node(0).Crash() },
		"pause":   func(q *Quorum) { q.Node(0).Pause() },
		"hold":    func(q *Quorum) { q.Member("").Link(0).HoldReplies() },
		"delay":   func(q *Quorum) { q.Member("").Link(0).Delay(time.Hour, time.Hour) },
		"nothing": func(*Quorum) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := New(t, 1)
				known := q.Member("").Client(0, nil)
				require.NoError(t, known.Ping(t.Context()).Err())
				fault(q)
				for _, c := range []redis.UniversalClient{known, q.Member("").Client(0, nil), q.Clients()[0]} {
					_ = c.Ping(within(t, 10*time.Millisecond)).Err()
				}
			})
		})
	}
}

// A pipeline is one message, though the clients' buffers are smaller.
func TestALargePipelineIsOneMessage(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := warm(t, q)
		for _, size := range []int{10, 500, 1000, 5000} {
			for _, n := range []int{1, 7, 40} {
				q.Member("").Link(0).HoldRequests()
				done := inBackground(func() error {
					_, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
						for i := range n {
							p.Set(t.Context(), fmt.Sprint("key", i), strings.Repeat("v", size), 0)
						}
						return nil
					})
					return err
				})
				synctest.Wait()
				requests, _ := q.Member("").Link(0).Held()
				assert.Equal(t, 1, requests, "%d commands of %d bytes", n, size)
				q.Member("").Link(0).Release()
				require.NoError(t, <-done)
			}
		}
	})
}

// failure is a test that may fail.
type failure struct {
	cleanup func()
	message string
}

func (f *failure) Helper()             {}
func (f *failure) Cleanup(done func()) { f.cleanup = done }
func (f *failure) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
}

// Suspending a machine whose clock no locker has would test nothing.
func TestSuspendNeedsAReader(t *testing.T) {
	for _, tt := range []struct {
		why     string
		test    func(*Quorum)
		message string
	}{
		{"no locker has the clock", func(q *Quorum) {
			_ = q.Member("a").Clients()[0].Ping(t.Context()).Err()
			q.Member("a").Clock().Suspend(time.Hour)
		}, `member "a" was suspended, but nothing has read its clock: give the locker redlock.WithClock(member.Clock())`},
		{"it was read", func(q *Quorum) {
			_ = q.Member("a").Clients()[0].Ping(t.Context()).Err()
			q.Member("a").Clock().Suspend(time.Hour)
			q.Member("a").Clock().Now()
		}, ""},
		{"nothing was suspended", func(q *Quorum) { _ = q.Member("a").Clients()[0].Ping(t.Context()).Err() }, ""},
		{"the machine does nothing", func(q *Quorum) { q.Member("a").Clock().Suspend(time.Hour) }, ""},
	} {
		var f failure
		tt.test(New(&f, 1))
		f.cleanup()
		if tt.message == "" {
			assert.Empty(t, f.message, tt.why)
		} else {
			assert.Contains(t, f.message, tt.message, tt.why)
		}
	}
}
