package redlock_test

import (
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// modes are what a lock can be, from the cheapest on.
var modes = []struct {
	name string
	opts []redlock.Option
}{
	{"plain", []redlock.Option{redlock.WithoutFencing()}},
	{"fenced", []redlock.Option{redlock.WithoutGuards()}},
	{"guarded", nil},
}

// BenchmarkPair takes and releases locks of different names on five redis-servers. Compared with other
// libraries it's redlock-bench load that measures.
func BenchmarkPair(b *testing.B) {
	servers := redistest.StartAll(b, 5)
	urls := make([]string, len(servers))
	for i, s := range servers {
		urls[i] = s.Enrol().URL()
	}
	for _, mode := range modes {
		for _, goroutines := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%s/%d", mode.name, goroutines), func(b *testing.B) {
				l, err := redlock.Dial(b.Context(), urls, mode.opts...)
				require.NoError(b, err)
				takeAndRelease(b, l, goroutines)
			})
		}
	}
}

// BenchmarkMemory does the same on embedded nodes: no network and no other process, so that the library's
// own part can be profiled. What the nodes take and allocate counts, too.
func BenchmarkMemory(b *testing.B) {
	for _, mode := range modes {
		for _, goroutines := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", mode.name, goroutines), func(b *testing.B) {
				m := redlocktest.New(b, 5).Member("bench")
				l, err := redlock.New(m.Clients(), append([]redlock.Option{redlock.WithClock(m.Clock())}, mode.opts...)...)
				require.NoError(b, err)
				takeAndRelease(b, l, goroutines)
			})
		}
	}
}

// takeAndRelease is a benchmark of a locker, which it closes.
func takeAndRelease(b *testing.B, l *redlock.Locker, goroutines int) {
	defer func() { require.NoError(b, l.Close()) }()
	b.ReportAllocs()
	var names atomic.Int64
	work := func(next func() bool) {
		name := "bench:" + strconv.FormatInt(names.Add(1), 10)
		for next() {
			lk, err := l.TryLock(b.Context(), name)
			if err != nil {
				b.Error(err)
				return
			}
			if err := lk.Unlock(b.Context()); err != nil {
				b.Error(err)
				return
			}
		}
	}
	if goroutines == 1 {
		work(b.Loop)
		return
	}
	b.SetParallelism(goroutines / runtime.GOMAXPROCS(0)) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) { work(pb.Next) })
}
