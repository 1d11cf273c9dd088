package redlock_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// BenchmarkScripts measures what a lock costs a server by itself: its CPU time for a command, in pipelines of 64, where a system call
// is shared by many. It's the part of a lock's cost that no client can do anything about. docs/performance.md says what follows.
func BenchmarkScripts(b *testing.B) {
	source := func(names ...string) (text string) {
		for _, name := range names {
			part, err := os.ReadFile("scripts/" + name + ".lua")
			require.NoError(b, err)
			text += string(part)
		}
		return text
	}
	c := redistest.Start(b).Client(&redis.Options{})
	load := func(script string) string {
		hash, err := c.ScriptLoad(b.Context(), script).Result()
		require.NoError(b, err)
		return hash
	}
	empty, grant, release := load("return {1, 2, 3, 4}"), load(source("record", "each", "grant")), load(source("line", "each", "release"))
	begun := time.Now().UnixMicro()
	require.NoError(b, c.HSet(b.Context(), "redlock:voter", "until", begun-1e6, "longest", 5000, "life", 86400000, "voters:", "set 1 0").Err())
	own := func(n int) []any {
		return []any{fmt.Sprintf("%032x", n), begun + int64(n)}
	}
	// both adds a command that grants the locks of the numbers from n on, and one that releases them.
	both := func(pipe redis.Pipeliner, n, count int) {
		granted, grants := []string{}, []any{86400000, "voters:", "set", "", 5000, begun + 5e6, begun - 1e5, begun + 1e5, ""}
		released, releases := []string{}, []any{86400000, 1}
		for i := n; i < n+count; i++ {
			name := "bench:" + strconv.Itoa(i%64)
			granted, grants = append(granted, name, name+":fence"), append(grants, own(i)...)
			released, releases = append(released, name, name+":await", name+":fence"), append(releases, own(i)[0])
		}
		pipe.EvalSha(b.Context(), grant, append(granted, "redlock:voter"), grants...)
		pipe.EvalSha(b.Context(), release, released, releases...)
	}
	for _, of := range []struct {
		name  string
		count int // of locks in a command
		queue func(pipe redis.Pipeliner, n, count int)
	}{
		{"GET", 1, func(pipe redis.Pipeliner, n, _ int) { pipe.Get(b.Context(), "bench:"+strconv.Itoa(n%64)) }},
		{"SET NX PX and a script that compares and deletes", 1, func(pipe redis.Pipeliner, n, _ int) {
			name := "bench:" + strconv.Itoa(n%64)
			pipe.SetNX(b.Context(), name, own(n)[0], 5*time.Second)
			pipe.EvalSha(b.Context(), release, []string{name, name + ":await"}, 86400000, 1, own(n)[0])
		}},
		{"a script that does nothing, as long a command as a grant", 1, func(pipe redis.Pipeliner, n, _ int) {
			name := "bench:" + strconv.Itoa(n%64)
			pipe.EvalSha(b.Context(), empty, []string{name, name + ":fence", "redlock:voter"}, append(own(n), 86400000, "voters:", "set", "", 5000, begun+5e6, begun-1e5, begun+1e5, "")...)
		}},
		{"a guarded grant and its release", 1, both},
		{"of 8 in one command", 8, both},
		{"of 32 in one command", 32, both},
	} {
		b.Run(of.name, func(b *testing.B) {
			const size = 64
			before, n := serverCPU(b, c), 0
			for b.Loop() {
				pipe := c.Pipeline()
				for range size / of.count {
					of.queue(pipe, n, of.count)
					n += of.count
				}
				results, err := pipe.Exec(context.Background())
				if err != nil && err != redis.Nil {
					b.Fatal(err)
				}
				if answer, ok := results[0].(*redis.Cmd); ok {
					if granted := answer.Val().([]any)[0]; granted != int64(1) {
						b.Fatalf("not granted: %v", answer.Val())
					}
				}
			}
			b.ReportMetric(float64((serverCPU(b, c)-before).Nanoseconds())/1000/float64(n), "server-µs/each")
		})
	}
}

// serverCPU returns how much CPU time a server has used.
func serverCPU(b *testing.B, c *redis.Client) (used time.Duration) {
	info, err := c.Info(context.Background(), "cpu").Result()
	require.NoError(b, err)
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if key == "used_cpu_user" || key == "used_cpu_sys" {
			seconds, err := strconv.ParseFloat(value, 64)
			require.NoError(b, err)
			used += time.Duration(seconds * float64(time.Second))
		}
	}
	return used
}
