package redlockgocron_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlockgocron"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
	"github.com/a5bbb083/redlock/redlock/redlocktest/lockertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine has a scheduler of its own, a real one, whose time is the test's.
type machine struct {
	name      string
	member    *redlocktest.Member
	locker    *redlock.Locker
	scheduler gocron.Scheduler
}

func newMachine(t *testing.T, q *redlocktest.Quorum, name string, option func(*redlock.Locker) gocron.SchedulerOption) *machine {
	m := &machine{name: name, member: q.Member(name)}
	m.locker = lockertest.New(t, m.member, redlock.WithTTL(10*time.Second))
	var err error
	m.scheduler, err = gocron.NewScheduler(option(m.locker))
	require.NoError(t, err)
	return m
}

// runs counts the runs of a job, by machine.
type runs struct {
	mu     sync.Mutex
	by     []string
	at     []time.Time
	fences []int64
}

func (r *runs) add(machine string, fence int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by, r.at, r.fences = append(r.by, machine), append(r.at, time.Now()), append(r.fences, fence)
}

func (r *runs) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.by...)
}

func bubble(t *testing.T, test func(*testing.T, *redlocktest.Quorum)) {
	synctest.Test(t, func(t *testing.T) { test(t, redlocktest.New(t, 3)) })
}

func shutdown(t *testing.T, machines ...*machine) {
	for _, m := range machines {
		require.NoError(t, m.scheduler.Shutdown())
	}
}

// Two schedulers, one job, every minute, for ten minutes. One's clock is late.
func TestTwoSchedulersRunAJobOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		late  time.Duration
		opts  []redlock.LockOption
		twice bool
	}{
		"the same time":                {0, []redlock.LockOption{redlock.AtLeast(10 * time.Second)}, false},
		"a late clock":                 {5 * time.Second, []redlock.LockOption{redlock.AtLeast(20 * time.Second)}, false},
		"a late clock without AtLeast": {5 * time.Second, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, q *redlocktest.Quorum) {
				var done runs
				var machines []*machine
				start := time.Now().Add(time.Second)
				for i, name := range []string{"a", "b"} {
					m := newMachine(t, q, name, func(l *redlock.Locker) gocron.SchedulerOption {
						return gocron.WithDistributedLocker(redlockgocron.NewLocker(l, "cron:", tt.opts...))
					})
					_, err := m.scheduler.NewJob(gocron.DurationJob(time.Minute),
						gocron.NewTask(func() { done.add(m.name, 0); time.Sleep(time.Second) }), gocron.WithName("report"),
						gocron.WithStartAt(gocron.WithStartDateTime(start.Add(time.Duration(i)*tt.late))))
					require.NoError(t, err)
					m.scheduler.Start()
					machines = append(machines, m)
				}
				time.Sleep(10*time.Minute - 5*time.Second)
				shutdown(t, machines...)
				require.Len(t, done.list(), map[bool]int{false: 10, true: 20}[tt.twice])
			})
		})
	}
}

// A job's context ends with its lock, and the run counts as failed.
func TestTaskEndsWithItsLock(t *testing.T) {
	bubble(t, func(t *testing.T, q *redlocktest.Quorum) {
		var locker *redlockgocron.Locker
		m := newMachine(t, q, "a", func(l *redlock.Locker) gocron.SchedulerOption {
			locker = redlockgocron.NewLocker(l, "cron:")
			return gocron.WithDistributedLocker(locker)
		})
		var failure error
		var causes, fences = make(chan error, 1), make(chan int64, 1)
		_, err := m.scheduler.NewJob(gocron.OneTimeJob(gocron.OneTimeJobStartImmediately()),
			gocron.NewTask(locker.Task("report", func(ctx context.Context, lock *redlock.Lock) error {
				fences <- lock.Fence()
				<-ctx.Done()
				causes <- context.Cause(ctx)
				return errors.New("stopped halfway")
			})), gocron.WithName("report"),
			gocron.WithEventListeners(gocron.AfterJobRunsWithError(func(_ uuid.UUID, _ string, err error) { failure = err })))
		require.NoError(t, err)
		m.scheduler.Start()
		require.Positive(t, <-fences)
		_, held := q.Holder("cron:report")
		require.True(t, held)
		for i := range 3 {
			m.member.Link(i).Cut()
		}
		began := time.Now()
		require.ErrorIs(t, <-causes, redlock.ErrLost)
		require.LessOrEqual(t, time.Since(began), 10*time.Second, "within the TTL")
		for i := range 3 {
			m.member.Link(i).Reset()
			m.member.Link(i).Heal()
		}
		time.Sleep(time.Second)
		shutdown(t, m)
		require.ErrorIs(t, failure, redlock.ErrLost)
		require.ErrorContains(t, failure, "stopped halfway")
	})
}

// gocron ends the job's context when the scheduler stops; the lock is given back all the same.
func TestLocksAreGivenBack(t *testing.T) {
	bubble(t, func(t *testing.T, q *redlocktest.Quorum) {
		var locker *redlockgocron.Locker
		m := newMachine(t, q, "a", func(l *redlock.Locker) gocron.SchedulerOption {
			locker = redlockgocron.NewLocker(l, "")
			return gocron.WithDistributedLocker(locker)
		})
		running := make(chan struct{})
		_, err := m.scheduler.NewJob(gocron.OneTimeJob(gocron.OneTimeJobStartImmediately()),
			gocron.NewTask(locker.Task("report", func(ctx context.Context, _ *redlock.Lock) error {
				close(running)
				<-ctx.Done()
				return nil
			})), gocron.WithName("report"))
		require.NoError(t, err)
		m.scheduler.Start()
		<-running
		shutdown(t, m)
		time.Sleep(time.Second)
		_, held := q.Holder("report")
		require.False(t, held)
		require.ErrorIs(t, locker.Task("report", nil)(t.Context()), redlockgocron.ErrNoLock, "each lock is for one run")
	})
}

// A lock that no task has taken isn't there for the next run either.
func TestTaskWithoutALock(t *testing.T) {
	bubble(t, func(t *testing.T, q *redlocktest.Quorum) {
		l := lockertest.New(t, q.Member("a"))
		locker := redlockgocron.NewLocker(l, "cron:")
		lock, err := locker.Lock(t.Context(), "report")
		require.NoError(t, err)
		_, err = locker.Lock(t.Context(), "report")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		_, err = redlockgocron.NewLocker(l, "other:").Lock(t.Context(), "report")
		require.NoError(t, err, "the prefix is part of the name")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, lock.Unlock(ctx))
		err = locker.Task("report", nil)(t.Context())
		require.ErrorIs(t, err, redlockgocron.ErrNoLock)
		require.ErrorContains(t, err, `"report"; give the job that name`)
		_, err = locker.Lock(t.Context(), "")
		require.NoError(t, err, "the prefix alone is a name")
		_, err = redlockgocron.NewLocker(l, "").Lock(t.Context(), "")
		require.ErrorIs(t, err, redlock.ErrInvalidName)
	})
}

// The leader runs the job; when it stops, or is cut off, the other takes over.
func TestLeaderRunsTheJobs(t *testing.T) {
	bubble(t, func(t *testing.T, q *redlocktest.Quorum) {
		var done runs
		electors := map[string]*redlockgocron.Elector{}
		var machines []*machine
		for _, name := range []string{"a", "b"} {
			m := newMachine(t, q, name, func(l *redlock.Locker) gocron.SchedulerOption {
				electors[name] = redlockgocron.NewElector(l, "scheduler", redlock.Owner(name))
				return gocron.WithDistributedElector(electors[name])
			})
			task := electors[name].Task(func(_ context.Context, lock *redlock.Lock) error { done.add(name, lock.Fence()); return nil })
			_, err := m.scheduler.NewJob(gocron.DurationJob(10*time.Second), gocron.NewTask(task))
			require.NoError(t, err)
			machines = append(machines, m)
		}
		leader := func() (other string, m *machine) {
			for i, m := range machines {
				if electors[m.name].IsLeader(t.Context()) == nil {
					return machines[1-i].name, m
				}
			}
			return "", nil
		}
		time.Sleep(time.Second)
		for _, m := range machines {
			m.scheduler.Start()
		}
		time.Sleep(31 * time.Second)
		second, m := leader()
		require.NotNil(t, m)
		first := m.name
		require.Equal(t, []string{first, first, first}, done.list())

		for i := range 3 { // without a majority its term ends by its own clock
			m.member.Link(i).Cut()
		}
		time.Sleep(25 * time.Second)
		require.ErrorIs(t, electors[first].IsLeader(t.Context()), redlockgocron.ErrNotLeader)
		require.NoError(t, electors[second].IsLeader(t.Context()))
		for i := range 3 {
			m.member.Link(i).Reset()
			m.member.Link(i).Heal()
		}
		time.Sleep(20 * time.Second)
		list := done.list()
		require.Greater(t, len(list), 4)
		require.Equal(t, second, list[len(list)-1])
		require.IsIncreasing(t, terms(done.fences))

		_, m = leader()
		require.Equal(t, second, m.name)
		shutdown(t, m)
		electors[m.name].Close()
		time.Sleep(time.Second)
		require.NoError(t, electors[first].IsLeader(t.Context()), "elected at once, not after the TTL")
		require.ErrorIs(t, electors[second].IsLeader(t.Context()), redlockgocron.ErrNotLeader)
		require.ErrorIs(t, electors[second].Task(nil)(t.Context()), redlockgocron.ErrNotLeader)
		before := len(done.list())
		time.Sleep(20 * time.Second)
		require.Equal(t, []string{first, first}, done.list()[before:])
		for _, m := range machines {
			if m.name == first {
				shutdown(t, m)
			}
		}
		electors[first].Close()
		electors[first].Close() // and again
	})
}

// terms returns the numbers without repetitions.
func terms(fences []int64) []int64 { return slices.Compact(slices.Clone(fences)) }

// What can't be waited for shows where gocron asks, and is tried again.
func TestElectorSaysWhyItCannotLead(t *testing.T) {
	bubble(t, func(t *testing.T, q *redlocktest.Quorum) {
		l := lockertest.New(t, q.Member("a"))
		bad := redlockgocron.NewElector(l, "")
		time.Sleep(time.Second)
		err := bad.IsLeader(t.Context())
		require.ErrorIs(t, err, redlockgocron.ErrNotLeader)
		require.ErrorIs(t, err, redlock.ErrInvalidName)
		bad.Close()

		good := redlockgocron.NewElector(l, "office")
		time.Sleep(time.Second)
		require.NoError(t, good.IsLeader(t.Context()))
		require.NoError(t, l.Close())
		time.Sleep(time.Second)
		err = good.IsLeader(t.Context())
		assert.ErrorIs(t, err, redlockgocron.ErrNotLeader)
		assert.ErrorIs(t, err, redlock.ErrClosed)
		good.Close()
	})
}
