package redlocktest

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeysExpireOnTime(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := warm(t, q)
		require.NoError(t, c.Set(t.Context(), "k", "v", 1500*time.Millisecond).Err())
		time.Sleep(1500*time.Millisecond - time.Nanosecond)
		assert.Equal(t, "v", c.Get(t.Context(), "k").Val())
		time.Sleep(time.Nanosecond)
		assert.ErrorIs(t, c.Get(t.Context(), "k").Err(), redis.Nil)
	})
}

func TestJumpForwardExpiresKeys(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, q *Quorum) {
		for _, n := range q.Nodes() {
			n.Set("k", "v", 30*time.Second)
		}
		before := q.Node(0).Now()
		q.Node(0).Jump(40 * time.Second)
		assert.Equal(t, before.Add(40*time.Second), q.Node(0).Now())
		assert.Zero(t, q.Clients()[0].Exists(t.Context(), "k").Val())
		assert.EqualValues(t, 1, q.Clients()[1].Exists(t.Context(), "k").Val(), "the other node's clock must not move")
	})
}

func TestJumpBackwardGivesKeysMoreTime(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := warm(t, q)
		require.NoError(t, c.Set(t.Context(), "k", "v", 30*time.Second).Err())
		require.NoError(t, c.Set(t.Context(), "gone", "v", time.Second).Err())
		time.Sleep(2 * time.Second)
		q.Node(0).Jump(-20 * time.Second)
		assert.Equal(t, 48*time.Second, c.PTTL(t.Context(), "k").Val())
		assert.Zero(t, c.Exists(t.Context(), "gone").Val(), "what has expired stays away")
		time.Sleep(47 * time.Second)
		assert.EqualValues(t, 1, c.Exists(t.Context(), "k").Val())
		time.Sleep(time.Second)
		assert.Zero(t, c.Exists(t.Context(), "k").Val())
	})
}

func TestJumpsAddUp(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		n := q.Node(0)
		n.Set("k", "v", time.Minute)
		for _, d := range []time.Duration{-3 * time.Second, 10 * time.Second, -time.Millisecond, time.Millisecond, -7 * time.Second} {
			n.Jump(d)
		}
		left, ok := n.PTTL("k")
		assert.True(t, ok)
		assert.Equal(t, time.Minute, left)
		assert.Equal(t, time.Now().UTC(), n.Now())
	})
}

func TestRate(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		n := q.Node(0)
		before := n.Now()
		n.SetRate(1.25)
		assert.Equal(t, before, n.Now(), "a change of rate isn't a jump")
		n.Set("k", "v", time.Second)
		time.Sleep(799 * time.Millisecond)
		_, ok := n.Get("k")
		assert.True(t, ok)
		time.Sleep(time.Millisecond)
		_, ok = n.Get("k")
		assert.False(t, ok)
		n.SetRate(0.5)
		time.Sleep(2 * time.Second)
		assert.Equal(t, before.Add(2*time.Second), n.Now())
		assert.Panics(t, func() { n.SetRate(0) })
	})
}

func TestTimeIsTheNodesClock(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		n.Jump(-time.Hour)
		time.Sleep(1234 * time.Microsecond)
		assert.Equal(t, n.Now().UnixMicro(), c.Time(t.Context()).Val().UnixMicro())
		got, err := c.Eval(t.Context(), "return redis.call('TIME')", nil).StringSlice()
		require.NoError(t, err)
		assert.Equal(t, []string{strconv.FormatInt(n.Now().Unix(), 10), strconv.Itoa(n.Now().Nanosecond() / 1000)}, got)
	})
}

func TestPauseAndResume(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		n.Pause()
		assert.True(t, n.Running())

		start := time.Now()
		err := c.Set(within(t, time.Second), "abandoned", "1", 0).Err()
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		_, ok := n.Get("abandoned")
		assert.False(t, ok, "a paused node executes nothing")

		// The kernel still takes new connections; this one waits for its turn.
		waiting := inBackground(func() error { return q.Member("b").Client(0, nil).Set(t.Context(), "abandoned", "2", 0).Err() })
		synctest.Wait()
		n.Resume()
		require.NoError(t, <-waiting)
		assert.Equal(t, "2", c.Get(t.Context(), "abandoned").Val(), "both are executed, in the order in which they were sent")
	})
}

func TestPausePilesUpInOrder(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		n := q.Node(0)
		var want, got []string
		for i := range 20 {
			name := strconv.Itoa(i)
			want = append(want, name)
			require.NoError(t, q.Member(name).Clients()[0].Ping(t.Context()).Err())
		}
		n.OnCommand(func(c Command) { got = append(got, c.Args[0]) })
		n.Pause()
		for _, name := range want {
			err := q.Member(name).Clients()[0].Do(within(t, time.Millisecond), "ECHO", name).Err()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		}
		require.Empty(t, got)
		n.Resume()
		synctest.Wait()
		assert.Equal(t, want, got)
	})
}

func TestPauseFromACommand(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		n.OnCommand(func(cmd Command) {
			if cmd.Name == "SET" {
				n.Pause()
			}
		})
		require.ErrorIs(t, c.Set(within(t, time.Second), "k", "v", 0).Err(), os.ErrDeadlineExceeded)
		assert.Empty(t, n.Keys(), "the command must wait for Resume")
		n.Resume()
		synctest.Wait()
		assert.Equal(t, []string{"k"}, n.Keys())
	})
}

func TestCrash(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		n.Set("k", "v", 0)
		n.Crash()
		assert.False(t, n.Running())
		assert.ErrorIs(t, c.Ping(t.Context()).Err(), syscall.ECONNREFUSED)

		start := time.Now()
		err := q.Member("").Client(0, nil).Ping(t.Context()).Err()
		assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.GreaterOrEqual(t, time.Since(start), 400*time.Millisecond, "go-redis's own retries of the dial show")

		n.Restart(true)
		assert.True(t, n.Running())
		assert.Equal(t, "v", c.Get(t.Context(), "k").Val(), "the first command after a restart works, as on a socket")
		n.Crash()
		n.Restart(false)
		assert.ErrorIs(t, c.Get(t.Context(), "k").Err(), redis.Nil)
	})
}

func TestCrashLosesWhatWasQueued(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		n.Pause()
		done := inBackground(func() error { return c.Set(t.Context(), "k", "v", 0).Err() })
		synctest.Wait()
		n.Crash()
		assert.ErrorIs(t, <-done, syscall.ECONNRESET)
		n.Restart(true)
		require.NoError(t, c.Ping(t.Context()).Err(), "a restarted node isn't paused")
		assert.Empty(t, n.Keys())
	})
}

func TestCrashFromACommand(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		n.OnCommand(func(cmd Command) {
			if cmd.Name == "SET" {
				n.Restart(true)
			}
		})
		_, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			p.Incr(t.Context(), "n")
			p.Set(t.Context(), "k", "v", 0)
			p.Incr(t.Context(), "n")
			return nil
		})
		assert.ErrorIs(t, err, syscall.ECONNRESET)
		value, _ := n.Get("n")
		assert.Equal(t, "1", value, "only what came before the crash was executed")
		assert.Equal(t, []string{"n"}, n.Keys())
	})
}

func TestKeysExpireWhileDown(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		n := q.Node(0)
		n.Set("short", "v", time.Second)
		n.Set("long", "v", time.Minute)
		n.Crash()
		time.Sleep(2 * time.Second)
		n.Restart(true)
		assert.Equal(t, []string{"long"}, n.Keys())
		left, _ := n.PTTL("long")
		assert.Equal(t, 58*time.Second, left)
	})
}

func TestRestartChangesTheRunIDAndForgetsScripts(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		seen := map[string]bool{q.Node(1).RunID(): true}
		for range 3 {
			id := n.RunID()
			assert.Len(t, id, 40)
			assert.False(t, seen[id], "a run id must be new")
			seen[id] = true
			assert.Contains(t, c.Info(t.Context(), "server").Val(), "run_id:"+id+"\r\n")
			assert.Contains(t, c.Eval(t.Context(), "return redis.call('INFO', 'server')", nil).Val(), id)

			sha := c.ScriptLoad(t.Context(), "return 7").Val()
			assert.EqualValues(t, 7, c.EvalSha(t.Context(), sha, nil).Val())
			n.Restart(true)
			err := c.EvalSha(t.Context(), sha, nil).Err()
			assert.True(t, redis.HasErrorPrefix(err, "NOSCRIPT"), "got %v", err)
		}
	})
}

func TestUptimeFollowsTheWallClock(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := warm(t, q)
		time.Sleep(5 * time.Second)
		q.Node(0).Jump(40 * time.Second)
		assert.Contains(t, c.Info(t.Context()).Val(), "uptime_in_seconds:45\r\n")
		q.Node(0).Restart(true)
		assert.Contains(t, c.Info(t.Context(), "SERVER").Val(), "uptime_in_seconds:0\r\n")
	})
}

func TestFlush(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		id := n.RunID()
		n.Set("k", "v", 0)
		n.Flush()
		assert.Empty(t, c.Keys(t.Context(), "*").Val())
		assert.Equal(t, id, n.RunID())
	})
}

func TestDirectAccess(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		require.NoError(t, c.RPush(t.Context(), "k", "list").Err())
		_, ok := n.Get("k")
		assert.False(t, ok, "not a string")
		n.Set("k", "v", 0)
		value, ok := n.Get("k")
		assert.True(t, ok)
		assert.Equal(t, "v", value)
		left, ok := n.PTTL("k")
		assert.True(t, ok)
		assert.Zero(t, left)
		_, ok = n.PTTL("missing")
		assert.False(t, ok)
	})
}

func TestConfigAndRole(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		for _, protocol := range []int{2, 3} {
			c := q.Member("").Client(0, func(o *redis.Options) { o.Protocol = protocol })
			assert.Equal(t, map[string]string{"maxmemory-policy": "noeviction"},
				c.ConfigGet(t.Context(), "maxmemory-policy").Val())
			require.NoError(t, c.ConfigSet(t.Context(), "appendonly", "yes").Err())
			assert.Equal(t, map[string]string{"appendfsync": "everysec", "appendonly": "yes"},
				c.ConfigGet(t.Context(), "append*").Val())
			assert.Contains(t, c.Info(t.Context(), "persistence").Val(), "aof_enabled:1")
			assert.ErrorContains(t, c.ConfigSet(t.Context(), "no-such", "1").Err(), "no-such")
			assert.ErrorContains(t, c.Do(t.Context(), "CONFIG", "REWRITE").Err(), "Unknown subcommand")
			role, err := c.Do(t.Context(), "ROLE").Slice()
			require.NoError(t, err)
			assert.Equal(t, []any{"master", int64(0), []any{}}, role)
			q.Node(0).Restart(true)
			assert.Contains(t, c.Info(t.Context()).Val(), "aof_enabled:0", "settings don't survive a restart")
		}
	})
}

func TestBlockingCommandsAreRefused(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := warm(t, q)
		for _, line := range []string{"BLPOP k 0", "xread BLOCK 0 STREAMS s $", "WAIT 1 0"} {
			var args []any
			for _, a := range strings.Fields(line) {
				args = append(args, a)
			}
			assert.ErrorContains(t, c.Do(t.Context(), args...).Err(), "not supported", line)
		}
		assert.ErrorIs(t, c.Do(t.Context(), "XREAD", "STREAMS", "s", "0").Err(), redis.Nil)
	})
}

func TestOnCommandAndCommands(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, n := warm(t, q), q.Node(0)
		before := n.Commands()
		var seen []Command
		n.OnCommand(func(cmd Command) { seen = append(seen, cmd) })
		require.NoError(t, c.Eval(t.Context(), "return redis.call('SET', KEYS[1], ARGV[1])", []string{"k"}, "v").Err())
		require.NoError(t, q.Member("b").Clients()[0].Do(t.Context(), "get", "k").Err())
		n.OnCommand(nil)
		require.NoError(t, c.Ping(t.Context()).Err())
		assert.Equal(t, []Command{
			{Name: "EVAL", Args: []string{"return redis.call('SET', KEYS[1], ARGV[1])", "1", "k", "v"}},
			{Member: "b", Name: "HELLO", Args: []string{"2"}},
			{Member: "b", Name: "GET", Args: []string{"k"}},
		}, seen)
		assert.Equal(t, before+4, n.Commands())
	})
}
