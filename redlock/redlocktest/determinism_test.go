package redlocktest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// trace runs three members that take, watch and release a lock on five nodes at the same time,
// while links and nodes fail, and returns every command that arrived anywhere, with its time.
func trace(t *testing.T, seed int64) string {
	t.Helper()
	var out strings.Builder
	synctest.Test(t, func(t *testing.T) {
		q := New(t, 5, WithSeed(seed), WithLatency(200*time.Microsecond, 5*time.Millisecond))
		start := time.Now()
		var mu sync.Mutex
		for i, n := range q.Nodes() {
			n.OnCommand(func(c Command) {
				mu.Lock()
				defer mu.Unlock()
				fmt.Fprintf(&out, "%v %d %s %s %q\n", time.Since(start), i, c.Member, c.Name, c.Args)
			})
		}
		var members sync.WaitGroup
		for _, name := range []string{"a", "b", "c"} {
			members.Go(func() {
				for round := range 3 {
					attempt(t, q.Member(name), fmt.Sprintf("%s%d", name, round))
				}
			})
		}
		faults(q)
		members.Wait()
	})
	return out.String()
}

// attempt takes the lock on each node in parallel, counts, and releases it.
func attempt(t *testing.T, m *Member, token string) {
	ctx := within(t, 50*time.Millisecond)
	votes := make(chan bool)
	for _, c := range m.Clients() {
		go func() { votes <- c.SetNX(ctx, "lock", token, 80*time.Millisecond).Val() }()
	}
	won := 0
	for range m.Clients() {
		if <-votes {
			won++
		}
	}
	ctx = within(t, 50*time.Millisecond)
	release := redis.NewScript("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")
	for _, c := range m.Clients() {
		go func() { votes <- release.Run(ctx, c, []string{"lock"}, token).Err() == nil }()
	}
	for range m.Clients() {
		<-votes
	}
	time.Sleep(time.Duration(won+1) * 7 * time.Millisecond)
}

func faults(q *Quorum) {
	for _, f := range []func(){
		q.Member("a").Link(0).Cut, q.Member("b").Link(1).CutReplies, q.Node(2).Pause,
		q.Member("a").Link(0).Heal, q.Node(2).Resume, q.Node(3).Crash,
		func() { q.Node(4).Jump(40 * time.Millisecond) }, func() { q.Node(3).Restart(false) },
		q.Member("b").Link(1).Heal, func() { q.Member("c").Link(2).DropReplies(2) }, q.Member("a").Link(4).Reset,
	} {
		time.Sleep(17*time.Millisecond + 333)
		f()
	}
}

func TestOneSeedOneTrace(t *testing.T) {
	var traces []string
	for seed := range int64(3) {
		want := trace(t, seed)
		require.Greater(t, strings.Count(want, "\n"), 100)
		for range 100 {
			if got := trace(t, seed); got != want {
				require.Equal(t, want, got, "seed %d", seed)
			}
		}
		assert.NotContains(t, traces, want, "another seed must give another trace")
		traces = append(traces, want)
	}
}
