package quorum_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// echo is a voter in memory that answers at once.
type echo struct{}

func (echo) Exchange(_ context.Context, requests []string, answers []quorum.Answer[string]) {
	for i, r := range requests {
		answers[i].Reply = r
	}
}

// BenchmarkBallot asks voters that answer at once: what's left is the cost of asking.
func BenchmarkBallot(b *testing.B) {
	for _, voters := range []int{1, 3, 5, 9} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%d-voters/%d-callers", voters, callers), func(b *testing.B) {
				workers := []quorum.Transport[string, string]{echo{}, echo{}}
				group := quorum.NewGroup(slices.Repeat([][]quorum.Transport[string, string]{workers}, voters), quorum.Config{})
				defer group.Close(b.Context())
				poll := quorum.Poll[string, string]{Request: "lock", Timeout: time.Minute, Seen: agree}
				var keys atomic.Uint64
				b.ReportAllocs()
				work := func(next func() bool) {
					mine := poll
					mine.Key = keys.Add(1)
					for next() {
						if result := group.Start(mine).Wait(b.Context()).Result; result != quorum.Won {
							b.Error(result)
							return
						}
					}
				}
				if callers == 1 {
					work(b.Loop)
					return
				}
				b.SetParallelism(callers / runtime.GOMAXPROCS(0)) // times GOMAXPROCS
				b.RunParallel(func(pb *testing.PB) { work(pb.Next) })
			})
		}
	}
}
