package redlock_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// Scripts that run into something, each by one command.
const (
	readIt = `return redis.call('GET', KEYS[1])`
	setIt  = `return redis.call('SET', KEYS[1], '1', 'NX', 'PX', 1000)`
)

func badKeys(t *testing.T) []complaint {
	s := redistest.Start(t)
	s.Do("HSET", "job", "field", "1")
	c := single(t, s, redis.Options{})
	const rename = "give the lock another name"
	return []complaint{
		{"other data", redlock.Unfit, rename, say(t, c, "GET", "job")},
		{"other data, script", redlock.Unfit, rename, eval(t, c, readIt, "job")},
		{"register at its end", redlock.Unfit, rename, eval(t, c, `return redis.error_reply('ERR redlock: fencing register x is beyond 2^53-1')`)},
		{"no database", redlock.Unfit, "database number", say(t, single(t, s, redis.Options{DB: 99}), "GET", "k")},
	}
}

func missingRights(t *testing.T) []complaint {
	s := redistest.Start(t)
	s.Do("ACL", "SETUSER", "locker", "on", ">"+password, "~job*", "+@all", "-set", "-info", "-select", "-evalsha")
	user := redis.Options{Username: "locker", Password: password}
	c := single(t, s, user)
	const grant = "ACL SETUSER locker ~PREFIX*"
	user.DB = 1
	said := []complaint{
		{"no right to a command", redlock.Unfit, grant, say(t, c, "SET", "job", "1")},
		{"no right to EVALSHA", redlock.Unfit, grant, say(t, c, "EVALSHA", strings.Repeat("a", 40), 0)},
		{"no right to SELECT", redlock.Unfit, grant, say(t, single(t, s, user), "GET", "job")},
		{"no right to a key", redlock.Unfit, grant, say(t, c, "GET", "other")},
		{"no right to a script's key", redlock.Unfit, grant, eval(t, c, readIt, "other")},
		{"no right in a script", redlock.Unfit, grant, eval(t, c, setIt, "job")},
		{"no right in a script, pcall", redlock.Unfit, grant, eval(t, c, `return redis.pcall('SET', KEYS[1], '1')`, "job")},
		{"no right to INFO in a script", redlock.Unfit, grant, eval(t, c, `return redis.call('INFO', 'server')`)},
		{"no right to a key in a script", redlock.Unfit, grant, eval(t, c, `return redis.call('GET', 'other')`)},
	}
	if s.Version().Before(6, 2) {
		return said // it has no rights to channels
	}
	s.Do("ACL", "SETUSER", "silent", "on", ">"+password, "~*", "+@all", "resetchannels")
	c = single(t, s, redis.Options{Username: "silent", Password: password})
	return append(said,
		complaint{"no right to a channel", redlock.Unfit, grant, say(t, c, "PUBLISH", "job:free", "")},
		complaint{"no right to a channel in a script", redlock.Unfit, grant, eval(t, c, `return redis.call('PUBLISH', 'job:free', '')`)})
}

func badPasswords(t *testing.T) []complaint {
	open, locked := redistest.Start(t), redistest.Start(t, "--requirepass", password)
	open.Do("ACL", "SETUSER", "retired", "off", ">"+password, "~*", "+@all")
	none := redis.Options{}
	wrongOne := redis.Options{Password: wrong}
	nobody := redis.Options{Username: "nobody", Password: password}
	retired := redis.Options{Username: "retired", Password: password}
	older := func(o redis.Options) redis.Options { o.Protocol = 2; return o }
	const correct, give = "correct the client's user and password", "put user and password into"
	return []complaint{
		{"no password", redlock.Unfit, give, say(t, single(t, locked, none), "GET", "k")},
		{"no password, RESP2", redlock.Unfit, give, say(t, single(t, locked, older(none)), "GET", "k")},
		{"wrong password", redlock.Unfit, correct, say(t, single(t, locked, wrongOne), "GET", "k")},
		{"wrong password, RESP2", redlock.Unfit, correct, say(t, single(t, locked, older(wrongOne)), "GET", "k")},
		{"unknown user", redlock.Unfit, correct, say(t, single(t, open, nobody), "GET", "k")},
		{"user switched off", redlock.Unfit, correct, say(t, single(t, open, retired), "GET", "k")},
		{"password too many", redlock.Unfit, "take the password out", say(t, single(t, open, none), "AUTH", password)},
	}
}

func missingCommands(t *testing.T) []complaint {
	s := redistest.Start(t, "--rename-command", "EVAL", "", "--rename-command", "PEXPIRE", "")
	c := single(t, s, redis.Options{})
	scripted := single(t, redistest.Start(t, "--rename-command", "PEXPIRE", ""), redis.Options{})
	const back = "remove its rename-command"
	return []complaint{
		{"no EVAL", redlock.Unfit, "rename-command for EVAL and EVALSHA", eval(t, c, readIt, "k")},
		{"no such command", redlock.Unfit, back, say(t, c, "PEXPIRE", "k", 1)},
		{"no such command, script", redlock.Unfit, back, eval(t, scripted, `return redis.call('PEXPIRE', KEYS[1], 1)`, "k")},
		{"forbidden in scripts", redlock.Unfit, "WithoutGuards", eval(t, scripted, `return redis.call('SUBSCRIBE', 'c')`)},
		{"no run id", redlock.Unfit, "WithoutGuards", eval(t, scripted, `return redis.error_reply('NORUNID this server has none')`)},
	}
}

func scarceResources(t *testing.T) []complaint {
	s := redistest.Start(t)
	c := single(t, s, redis.Options{})
	s.Do("CONFIG", "SET", "maxmemory", 1)
	said := []complaint{
		{"memory full", redlock.Failed, "maxmemory", say(t, c, "SET", "k", "1")},
		{"memory full, script", redlock.Failed, "maxmemory", eval(t, c, setIt, "k")},
	}
	s.Do("CONFIG", "SET", "maxmemory", 0)
	s.Do("CONFIG", "SET", "min-replicas-to-write", 1)
	said = append(said, complaint{"too few replicas", redlock.Failed, "", say(t, c, "SET", "k", "1")})
	if !s.Version().Before(7, 0) { // older ones let scripts write all the same
		said = append(said, complaint{"too few replicas, script", redlock.Failed, "", eval(t, c, setIt, "k")})
	}
	return said
}

func busyServer(t *testing.T) []complaint {
	s := redistest.Start(t, "--lua-time-limit", "1")
	c, hog := single(t, s, redis.Options{}), single(t, s, redis.Options{ReadTimeout: time.Minute})
	// Neither is to be set up while the server is busy.
	require.NoError(t, say(t, c, "PING"))
	require.NoError(t, say(t, hog, "PING"))
	ended := make(chan error)
	go func() {
		pipe := hog.Pipeline()
		pipe.Eval(t.Context(), "while true do end", nil)
		_, err := pipe.Exec(t.Context())
		ended <- err
	}()
	var command, script error
	redistest.Await(t, 10*time.Second, func() bool {
		command = say(t, c, "GET", "k")
		return command != nil && !errors.Is(command, redis.Nil)
	}, "%s isn't busy", s.Addr)
	script = eval(t, c, readIt, "k")
	require.NoError(t, say(t, c, "SCRIPT", "KILL"))
	return []complaint{
		{"busy", redlock.Failed, "", command},
		{"busy, script", redlock.Failed, "", script},
		{"script ended", redlock.Failed, "", <-ended},
	}
}

// replyError is a server's reply that go-redis hasn't seen.
type replyError string

func (e replyError) Error() string { return string(e) }
func (replyError) RedisError()     {}

func tooManyClients(t *testing.T) []complaint {
	s := redistest.Start(t)
	first := single(t, s, redis.Options{PoolSize: 1})
	require.NoError(t, say(t, first, "CONFIG", "SET", "maxclients", 1))
	defer func() { require.NoError(t, say(t, first, "CONFIG", "SET", "maxclients", 100)) }()
	// Read without writing: a client that writes to the closed connection may see only that it's closed.
	c, err := net.Dial("tcp", s.Addr)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	line, err := bufio.NewReader(c).ReadString('\n')
	require.NoError(t, err)
	err = replyError(strings.Trim(line, "-\r\n"))
	return []complaint{{"too many clients", redlock.Failed, "maxclients", err}}
}

// A server whose directory is gone can't save.
func brokenDisk(t *testing.T) []complaint {
	dir, err := os.MkdirTemp("", "redlock-disk")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := redistest.Start(t, "--dir", dir)
	s.Do("CONFIG", "SET", "save", "3600 1000000") // or failing to save stops nobody from writing
	require.NoError(t, os.RemoveAll(dir))
	s.Do("BGSAVE")
	redistest.Await(t, 10*time.Second, func() bool {
		return strings.Contains(s.Do("INFO", "persistence").(string), "rdb_last_bgsave_status:err")
	}, "%s could save", s.Addr)
	c := single(t, s, redis.Options{})
	return []complaint{
		{"can't save", redlock.Failed, "log", say(t, c, "SET", "k", "1")},
		{"can't save, script", redlock.Failed, "log", eval(t, c, setIt, "k")},
	}
}

func replicaOnly(t *testing.T) []complaint {
	master := redistest.Start(t)
	replica := follow(t, master)
	c := single(t, replica, redis.Options{})
	const toMaster = "address of the master"
	said := []complaint{
		{"replica", redlock.Failed, toMaster, say(t, c, "SET", "k", "1")},
		{"replica, script", redlock.Failed, toMaster, eval(t, c, setIt, "k")},
	}
	replica.Do("CONFIG", "SET", "replica-serve-stale-data", "no")
	master.Kill()
	redistest.Await(t, 10*time.Second, func() bool {
		return strings.Contains(replica.Do("INFO", "replication").(string), "master_link_status:down")
	}, "%s doesn't notice", replica.Addr)
	return append(said,
		complaint{"master down", redlock.Failed, toMaster, say(t, c, "GET", "k")},
		complaint{"master down, script", redlock.Failed, toMaster, eval(t, c, readIt, "k")})
}

// A replica that reads slowly what its master has sent is one that is loading.
func loadingReplica(t *testing.T) []complaint {
	master := redistest.Start(t, "--rdbcompression", "no")
	value := strings.Repeat("x", 100_000)
	args := []any{"MSET"}
	for i := range 200 {
		args = append(args, fmt.Sprintf("key:%d", i), value)
	}
	master.Do(args...)
	host, port, _ := strings.Cut(master.Addr, ":")
	// It looks at its clients after each 2 MB.
	replica := redistest.Start(t, "--key-load-delay", "10000")
	c := single(t, replica, redis.Options{})
	require.NoError(t, say(t, c, "REPLICAOF", host, port))
	var command error
	redistest.Await(t, 10*time.Second, func() bool {
		command = say(t, c, "GET", "k")
		return command != nil && !errors.Is(command, redis.Nil)
	}, "%s isn't loading", replica.Addr)
	return []complaint{
		{"loading", redlock.Failed, "", command},
		{"loading, script", redlock.Failed, "", eval(t, c, readIt, "k")},
	}
}

func clusterNodes(t *testing.T) []complaint {
	lone := single(t, redistest.StartClusterNode(t), redis.Options{})
	const (
		useCluster = "redis.NewClusterClient"
		here       = "bar" // slot 5061, the first node's
		there      = "foo" // slot 12182, the second's
	)
	nodes := redistest.StartCluster(t, 2)
	c := single(t, nodes[0], redis.Options{})
	said := []complaint{
		{"slot of nobody", redlock.Failed, "CLUSTER INFO", say(t, lone, "GET", "k")},
		{"slot of nobody, script", redlock.Failed, "CLUSTER INFO", eval(t, lone, readIt, "k")},
		{"database of a cluster", redlock.Unfit, useCluster, say(t, single(t, nodes[0], redis.Options{DB: 1}), "GET", "k")},
		{"keys in two slots", redlock.Unfit, useCluster, eval(t, c, readIt, here, there)},
		{"another node's key", redlock.Unfit, useCluster, say(t, c, "GET", there)},
		{"another node's key, script", redlock.Unfit, useCluster, eval(t, c, readIt, there)},
		{"another node's key in a script", redlock.Unfit, useCluster, eval(t, c, `return redis.call('GET', 'foo')`)},
	}
	first, second := nodes[0].Do("CLUSTER", "MYID"), nodes[1].Do("CLUSTER", "MYID")
	nodes[0].Do("CLUSTER", "SETSLOT", 5061, "MIGRATING", second)
	nodes[1].Do("CLUSTER", "SETSLOT", 5061, "IMPORTING", first)
	// What a client that follows redirections meets when only some of the keys have arrived.
	pipe := single(t, nodes[1], redis.Options{}).Pipeline()
	pipe.Do(t.Context(), "ASKING")
	pipe.Eval(t.Context(), readIt, []string{"{bar}1", "{bar}2"})
	return append(said,
		complaint{"key on the move", redlock.Unfit, useCluster, say(t, c, "GET", here)},
		complaint{"keys on the move", redlock.Failed, "", execute(t, pipe)})
}
