package redlocktest

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// subject is a server that must behave as a lock expects Redis to.
type subject struct {
	*redis.Client
	restart func() // without its memory
	byHash  bool   // scripts are loaded first, and run by their hash
}

func TestConformance(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		q := New(t, 1)
		conform(t, subject{Client: q.Member("").Client(0, nil), restart: func() { q.Node(0).Restart(false) }})
	})
	t.Run("embedded over TCP", func(t *testing.T) {
		q := New(t, 1)
		c := redis.NewClient(&redis.Options{Addr: listening(t, q.Member("").Link(0))})
		defer c.Close()
		conform(t, subject{Client: c, restart: func() { q.Node(0).Restart(false) }})
	})
	t.Run("redis-server", func(t *testing.T) {
		s := startRedis(t)
		c := redis.NewClient(&redis.Options{Addr: s.addr})
		defer c.Close()
		conform(t, subject{Client: c, restart: s.restart})
	})
}

func conform(t *testing.T, s subject) {
	for _, part := range []struct {
		name string
		test func(*testing.T, subject)
	}{
		{"lock commands", conformLock},
		{"scripts", conformScripts},
		{"integer registers", conformRegisters},
		{"errors", conformErrors},
		{"expiry is on time", conformExpiry},
		{"time", conformTime},
		{"publish", conformPublish},
		{"pipeline and transaction", conformPipeline},
		{"protocol versions", conformHello},
		{"run id and role", conformInfo},
	} {
		t.Run(part.name, func(t *testing.T) {
			require.NoError(t, s.FlushAll(t.Context()).Err())
			part.test(t, s)
			require.NoError(t, s.FlushAll(t.Context()).Err())
			loaded := s
			loaded.byHash = true
			part.test(t, loaded)
		})
	}
}

// step is a command and its reply as render writes it.
type step struct {
	command []any
	want    string
}

func do(want string, command ...any) step { return step{command, want} }

// render writes a reply in a way that keeps its types apart.
func render(reply any, err error) string {
	if err == redis.Nil {
		return "nil"
	}
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("%T %v", reply, reply)
}

func run(t *testing.T, s subject, steps []step) {
	t.Helper()
	for _, step := range steps {
		assert.Equal(t, step.want, render(s.Do(t.Context(), s.command(t, step.command)...).Result()), "%v", step.command)
	}
}

func (s subject) command(t *testing.T, command []any) []any {
	if !s.byHash || command[0] != "EVAL" {
		return command
	}
	sha, err := s.ScriptLoad(t.Context(), command[1].(string)).Result()
	require.NoError(t, err)
	return append([]any{"EVALSHA", sha}, command[2:]...)
}

func conformLock(t *testing.T, s subject) {
	run(t, s, []step{
		do("string OK", "SET", "k", "a", "NX", "PX", 30000),
		do("nil", "SET", "k", "b", "NX", "PX", 30000),
		do("string a", "GET", "k"),
		do("string a", "SET", "k", "c", "XX", "GET", "PX", 60000),
		do("int64 1", "PEXPIRE", "k", 90000),
		do("int64 0", "PEXPIRE", "none", 90000),
		do("int64 -2", "PTTL", "none"),
		do("int64 1", "INCR", "n"),
		do("int64 -1", "PTTL", "n"),
		do("int64 2", "EXISTS", "k", "n"),
		do("int64 2", "DEL", "k", "n", "none"),
		do("nil", "GET", "k"),
	})
	require.NoError(t, s.SetNX(t.Context(), "k", "v", 30*time.Second).Err())
	left := s.PTTL(t.Context(), "k").Val()
	assert.LessOrEqual(t, left, 30*time.Second)
	assert.Greater(t, left, 20*time.Second)
}

func conformScripts(t *testing.T, s subject) {
	const (
		remove = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
		extend = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
	)
	run(t, s, []step{
		do("string OK", "SET", "k", "mine", "PX", 30000),
		do("int64 0", "EVAL", remove, 1, "k", "yours"),
		do("int64 0", "EVAL", extend, 1, "k", "yours", 60000),
		do("int64 1", "EVAL", extend, 1, "k", "mine", 60000),
		do("int64 1", "EVAL", "return redis.call('PTTL', KEYS[1]) > 30000", 1, "k"),
		do("int64 1", "EVAL", remove, 1, "k", "mine"),
		do("int64 0", "EVAL", remove, 1, "k", "mine"),
		do("int64 0", "EVAL", extend, 1, "k", "mine", 60000),
		// What Lua makes of replies, and Redis of what Lua returns.
		do("string OK", "EVAL", "return redis.call('SET', KEYS[1], 'x', 'NX')", 1, "s"),
		do("nil", "EVAL", "return redis.call('SET', KEYS[1], 'x', 'NX')", 1, "s"),
		do("string string", "EVAL", "return type(redis.call('GET', KEYS[1]))", 1, "s"),
		do("string boolean", "EVAL", "return type(redis.call('GET', KEYS[1]))", 1, "none"),
		do("string OK", "EVAL", "return redis.call('SET', KEYS[1], 'y').ok", 1, "s"),
		do("[]interface {} [1 two]", "EVAL", "return {1, 'two', nil, 4}", 0),
		do("int64 3", "EVAL", "return 3.99", 0),
		do("nil", "EVAL", "return false", 0),
		do("int64 1", "EVAL", "return true", 0),
		do("string fine", "EVAL", "return redis.status_reply('fine')", 0),
		do("[]interface {} [[a <nil> 1] [] <nil>]", "EVAL", "return {{'a', false, true}, {}, false}", 0),
		do("[]interface {} [x <nil>]", "EVAL", "redis.call('SET', 'a', 'x') return redis.call('MGET', 'a', 'none')", 0),
		do("string 2 k arg", "EVAL", "return #ARGV .. ' ' .. KEYS[1] .. ' ' .. ARGV[1]", 1, "k", "arg", ""),
	})
	sha := s.ScriptLoad(t.Context(), "return ARGV[1]").Val()
	run(t, s, []step{
		do("string hi", "EVALSHA", sha, 0, "hi"),
		do("string OK", "SCRIPT", "FLUSH"),
		do("error: NOSCRIPT No matching script. Please use EVAL.", "EVALSHA", sha, 0, "hi"),
		do("string hi", "EVAL", "return ARGV[1]", 0, "hi"),
		do("string hi", "EVALSHA", sha, 0, "hi"), // EVAL loads it
	})
}

// Fencing registers are integers beyond what "%.14g" shows: they must pass through Lua exactly.
func conformRegisters(t *testing.T, s subject) {
	const raise = `
		local mine = tonumber(redis.call('GET', KEYS[1]) or 0) + 1
		local value = math.max(mine, tonumber(ARGV[1]))
		redis.call('SET', KEYS[1], value, 'PX', 86400000)
		return {value, redis.call('GET', KEYS[1]), string.format('%.0f', value)}`
	for _, v := range []int64{1<<50 + 1, 1<<52 + 3, 1795379007525937, 1<<53 - 2} {
		require.NoError(t, s.Del(t.Context(), "r").Err())
		for _, want := range []int64{v, v + 1} {
			exact := strconv.FormatInt(want, 10)
			run(t, s, []step{
				do(fmt.Sprintf("[]interface {} [%s %s %s]", exact, exact, exact), "EVAL", raise, 1, "r", v),
				do("string "+exact, "GET", "r"),
			})
		}
		run(t, s, []step{
			do("int64 "+strconv.FormatInt(v+2, 10), "EVAL", "return redis.call('INCR', KEYS[1])", 1, "r"),
		})
	}
}

func conformErrors(t *testing.T, s subject) {
	run(t, s, []step{
		do("string OK", "SET", "s", "text"),
		do("error: ERR value is not an integer or out of range", "INCR", "s"),
		do("error: ERR wrong number of arguments for 'get' command", "GET"),
		do("int64 1", "RPUSH", "l", "x"),
		do("error: WRONGTYPE Operation against a key holding the wrong kind of value", "GET", "l"),
		do("error: ERR syntax error", "SET", "s", "v", "PX", 100, "NOPE"),
		do("error: MINE says no", "EVAL", "return redis.error_reply('MINE says no')", 0),
		do("string WRONGTYPE Operation against a key holding the wrong kind of value",
			"EVAL", "return redis.pcall('GET', KEYS[1]).err", 1, "l"),
	})
	for want, command := range map[string][]any{
		"ERR unknown command":         {"NOSUCHCOMMAND", "x"},
		"ERR invalid expire time":     {"SET", "s", "v", "PX", 0},
		"ERR Error compiling script ": {"EVAL", "this is not Lua", 0},
		"WRONGTYPE":                   {"EVAL", "return redis.call('GET', KEYS[1])", 1, "l"},
		"nonexistent global variable": {"EVAL", "return KEYS[1] .. nothing", 1, "l"},
		"not allowed from script":     {"EVAL", "return redis.call(ARGV[1])", 0, "MULTI"},
		"my own words":                {"EVAL", "error('my own words')", 0},
	} {
		if want != "ERR Error compiling script " { // which can't be loaded
			command = s.command(t, command)
		}
		assert.ErrorContains(t, s.Do(t.Context(), command...).Err(), want, "%v", command)
	}
}

// A key must live for its TTL at least: a lock's holder relies on it.
func conformExpiry(t *testing.T, s subject) {
	for i, set := range []func(key string, ms int) error{
		func(key string, ms int) error {
			return s.Do(t.Context(), "SET", key, "v", "NX", "PX", ms).Err()
		},
		func(key string, ms int) error {
			return s.Eval(t.Context(), "redis.call('SET', KEYS[1], 'v'); return redis.call('PEXPIRE', KEYS[1], ARGV[1])", []string{key}, ms).Err()
		},
	} {
		const ttl = 100 * time.Millisecond
		key := fmt.Sprint("k", i)
		sent := time.Now()
		require.NoError(t, set(key, int(ttl.Milliseconds())))
		set := time.Now()
		for {
			asked := time.Now()
			left, err := s.PTTL(t.Context(), key).Result()
			require.NoError(t, err)
			if left == -2 {
				assert.GreaterOrEqual(t, time.Since(sent), ttl, "gone too early")
				assert.Less(t, asked.Sub(set), ttl+5*time.Second, "gone too late")
				break
			}
			assert.LessOrEqual(t, left, ttl)
			require.Less(t, asked.Sub(set), ttl+time.Millisecond, "still there when it was asked for %v after its time", asked.Sub(set)-ttl)
			time.Sleep(time.Millisecond)
		}
	}
}

func conformTime(t *testing.T, s subject) {
	before := time.Now()
	direct := s.Time(t.Context()).Val()
	parts, err := s.Eval(t.Context(), `
		local now = redis.call('TIME')
		return {now[1], now[2], type(now[1])}`, nil).StringSlice()
	require.NoError(t, err)
	after := time.Now()
	sec, err := strconv.ParseInt(parts[0], 10, 64)
	require.NoError(t, err)
	usec, err := strconv.ParseInt(parts[1], 10, 64)
	require.NoError(t, err)
	inScript := time.Unix(sec, usec*1000)
	const slack = 2 * time.Millisecond // both are rounded down, and the host's two clocks may differ
	assert.False(t, direct.Before(before.Add(-slack)), "%v is before %v", direct, before)
	assert.False(t, inScript.Before(direct))
	assert.False(t, inScript.After(after.Add(slack)))
	assert.Equal(t, "string", parts[2])
}

func conformPublish(t *testing.T, s subject) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	exact, pattern := s.Subscribe(ctx, "free:k"), s.PSubscribe(ctx, "free:*")
	defer exact.Close()
	defer pattern.Close()
	for _, sub := range []*redis.PubSub{exact, pattern} {
		_, err := sub.Receive(ctx)
		require.NoError(t, err)
	}
	run(t, s, []step{do("int64 2", "EVAL", "return redis.call('PUBLISH', KEYS[1], ARGV[1])", 1, "free:k", "now")})
	for _, sub := range []*redis.PubSub{exact, pattern} {
		m, err := sub.ReceiveMessage(ctx)
		require.NoError(t, err)
		assert.Equal(t, []string{"free:k", "now"}, []string{m.Channel, m.Payload})
	}
	require.NoError(t, exact.Close())
	assert.Eventually(t, func() bool { return s.Publish(ctx, "free:k", "x").Val() == 1 }, 10*time.Second, time.Millisecond)
}

func conformPipeline(t *testing.T, s subject) {
	for name, exec := range map[string]func(context.Context, func(redis.Pipeliner) error) ([]redis.Cmder, error){
		"pipeline": s.Pipelined, "transaction": s.TxPipelined,
	} {
		cmds, err := exec(t.Context(), func(p redis.Pipeliner) error {
			p.Set(t.Context(), "k", "v", time.Minute)
			p.Incr(t.Context(), "k")
			p.Eval(t.Context(), "return redis.call('GET', KEYS[1])", []string{"k"})
			return nil
		})
		require.ErrorContains(t, err, "not an integer", name)
		require.Len(t, cmds, 3)
		assert.NoError(t, cmds[0].Err(), "one command's error is its own")
		assert.Equal(t, "v", cmds[2].(*redis.Cmd).Val())
	}
}

func conformHello(t *testing.T, s subject) {
	for _, version := range []int64{2, 3} {
		o := *s.Options()
		o.Protocol = int(version)
		c := redis.NewClient(&o)
		reply, err := c.Do(t.Context(), "HELLO", version).Result()
		require.NoError(t, err)
		got := fmt.Sprint(reply)
		assert.Contains(t, got, "proto")
		assert.Contains(t, got, strconv.FormatInt(version, 10))
		assert.Contains(t, got, "standalone")
		require.NoError(t, c.Close())
	}
	assert.ErrorContains(t, s.Do(t.Context(), "HELLO", 4).Err(), "NOPROTO unsupported protocol version")
}

var runIDPattern = regexp.MustCompile(`(?m)^run_id:([0-9a-f]{40})\r$`)

func conformInfo(t *testing.T, s subject) {
	runID := func() string {
		found := runIDPattern.FindStringSubmatch(s.Info(t.Context(), "server").Val())
		require.Len(t, found, 2)
		inScript := s.Eval(t.Context(), "return redis.call('INFO', 'server')", nil).Val()
		assert.Contains(t, inScript, found[0])
		return found[1]
	}
	first := runID()
	assert.Equal(t, first, runID())
	require.NoError(t, s.Set(t.Context(), "k", "v", 0).Err())
	s.restart()
	assert.NotEqual(t, first, runID())
	run(t, s, []step{
		do("int64 0", "EXISTS", "k"),
		do("[]interface {} [master 0 []]", "ROLE"),
		do("map[interface {}]interface {} map[maxmemory-policy:noeviction]", "CONFIG", "GET", "maxmemory-policy"),
		do("map[interface {}]interface {} map[appendfsync:everysec appendonly:no]", "CONFIG", "GET", "append[fo]*y*"),
		do("map[interface {}]interface {} map[maxclients:10000 save:]", "CONFIG", "GET", "save", "maxclients"),
	})
	for _, line := range strings.Split("redis_mode:standalone role:master tcp_port: maxmemory_policy:noeviction aof_enabled:0 cluster_enabled:0 connected_slaves:0 master_replid: master_replid2:0000000000000000000000000000000000000000", " ") {
		assert.Contains(t, s.Info(t.Context()).Val(), line)
	}
}
