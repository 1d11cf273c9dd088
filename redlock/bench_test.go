package redlock_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// BenchmarkPair takes and releases locks of different names on five redis-servers.
func BenchmarkPair(b *testing.B) {
	servers := redistest.StartAll(b, 5)
	urls := make([]string, len(servers))
	for i, s := range servers {
		urls[i] = s.Enrol().URL()
	}
	for mode, opts := range map[string][]redlock.Option{"guarded": nil, "fenced": {redlock.WithoutGuards()}, "plain": {redlock.WithoutFencing()}} {
		for _, goroutines := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%s/%d", mode, goroutines), func(b *testing.B) {
				l, err := redlock.Dial(b.Context(), urls, opts...)
				require.NoError(b, err)
				defer func() { require.NoError(b, l.Close()) }()
				var names atomic.Int64
				b.ReportAllocs()
				b.SetParallelism((goroutines + 1) / 2) // times GOMAXPROCS
				b.RunParallel(func(pb *testing.PB) {
					name := "bench:" + strconv.FormatInt(names.Add(1), 10)
					for pb.Next() {
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
				})
			})
		}
	}
}
