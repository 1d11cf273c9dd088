package fence

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrInvalidWrite means that a key or an expiry given to a [Redis] guard can't be used. The
// write was not done.
var ErrInvalidWrite = errors.New("fence: invalid write")

// ErrInvalidClient means that [NewRedis] was given a client that no guard can work with. The
// write was not done.
var ErrInvalidClient = errors.New("fence: invalid client")

var (
	//go:embed guard.lua
	guardSource string
	//go:embed set.lua
	setSource string

	setScript = NewScript(setSource)
)

// Redis guards keys of a Redis server or cluster. The highest token of each name is in a key of
// its own, the register, and one script compares it, raises it and writes. It holds no state of
// its own and is safe for concurrent use.
//
// The register of name is "fence:{name}", and "fence:tagged:name" where name has a hash tag
// itself ("user:{42}"). So in a cluster the keys written must have name, or its hash tag, as
// their hash tag; others are refused by the cluster with CROSSSLOT, and nothing is written.
// (A name that holds a } outside a hash tag can't be one: there "fence:{name}" decides.)
// Registers don't expire. They must not be evicted either: maxmemory-policy must be noeviction
// or one of volatile-*.
//
// Redis acknowledges before its replicas have the write, and with appendfsync everysec before
// its disk has it. A failover or a power loss can so forget the last tokens and writes, and a
// stale write may then pass. Where that matters, WAIT or appendfsync always narrow it, and a
// database ([SQL]) rules it out.
//
// Errors other than this package's are the client's, wrapped. One that isn't an answer of the
// server (a time-out, a broken connection) leaves open whether the write was done. A go-redis client
// repeats such commands silently unless MaxRetries is -1: the repetition passes with its
// equal token, so a write that isn't idempotent (INCR) may be done twice.
type Redis struct {
	config
	client redis.UniversalClient
	unfit  error // what's wrong with client; nil if nothing is
}

// NewRedis returns a guard for the data behind client, which the caller closes after use. The
// client is one of a server, of a Sentinel's primary or of a cluster.
//
// A [redis.Ring] isn't fit: it moves a key to another server while one is down, and the register
// of that key is then an older one or none. With a Ring, or with nil, every write is refused
// with [ErrInvalidClient].
func NewRedis(client redis.UniversalClient, opts ...Option) *Redis {
	return &Redis{config: newConfig(opts), client: client, unfit: unfit(client)}
}

// unfit returns why client can't be used. A Ring is told by its methods, so that a type which
// embeds one is found, too: both it and a cluster have shards, but only a cluster has masters.
func unfit(client redis.UniversalClient) error {
	v := reflect.ValueOf(client)
	if client == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("%w: it is nil", ErrInvalidClient)
	}
	_, shards := client.(interface {
		ForEachShard(context.Context, func(context.Context, *redis.Client) error) error
	})
	_, masters := client.(interface {
		ForEachMaster(context.Context, func(context.Context, *redis.Client) error) error
	})
	if shards && !masters {
		return fmt.Errorf("%w: %T spreads keys over servers and moves them when one is down, "+
			"so that a token may be lost; use one server or a cluster", ErrInvalidClient, client)
	}
	return nil
}

// Script is a write in Lua, to be run behind a guard. It is safe for concurrent use.
type Script struct{ guarded *redis.Script }

// NewScript returns a script that does what source does, once a guard has let it. Source is
// an ordinary script for EVAL without a "#!" line, with its own KEYS and ARGV.
// Line numbers in its error messages count the guard's lines too.
func NewScript(source string) *Script {
	return &Script{guarded: redis.NewScript(guardSource + "\n" + source)}
}

// Set sets key to value if token is at least the highest seen for name. The key expires after
// ttl, which is cut to whole milliseconds; 0 means never.
//
// Errors, with the write not done: [ErrStale], [ErrInvalidToken], [ErrInvalidName],
// [ErrUnknownName], [ErrInvalidWrite], [ErrInvalidClient]. For all others see [Redis].
func (g *Redis) Set(ctx context.Context, name string, token int64, key string, value any, ttl time.Duration) error {
	if ttl != 0 && ttl < time.Millisecond {
		return fmt.Errorf("%w: expiry %v of key %q; use 1ms or more, or 0 for none", ErrInvalidWrite, ttl, key)
	}
	return g.Run(ctx, setScript, name, token, []string{key}, value, ttl.Milliseconds()).Err()
}

// Run runs script with the given KEYS and ARGV if token is at least the highest seen for name,
// and returns its reply. The token counts as seen even if the script fails, and what the script
// wrote before it failed stays written: Redis rolls nothing back.
//
// Errors, in the returned command: those of Set.
func (g *Redis) Run(ctx context.Context, script *Script, name string, token int64, keys []string, args ...any) *redis.Cmd {
	register := registerKey(name)
	if err := g.admit(name, token, register, keys); err != nil {
		cmd := redis.NewCmd(ctx)
		cmd.SetErr(err)
		return cmd
	}
	cmd := script.guarded.Run(ctx, g.client, slices.Concat([]string{register}, keys), slices.Concat([]any{token}, args)...)
	cmd.SetErr(replyError(cmd.Err(), name, token))
	return cmd
}

// admit refuses what needs no server to refuse.
func (g *Redis) admit(name string, token int64, register string, keys []string) error {
	if g.unfit != nil {
		return g.unfit
	}
	if err := g.check(name, token); err != nil {
		return err
	}
	if slices.Contains(keys, register) {
		return fmt.Errorf("%w: key %q is the register of %q; choose another key", ErrInvalidWrite, register, name)
	}
	return nil
}

// replyError finds the guard's refusal in the server's answer.
func replyError(err error, name string, token int64) error {
	if err == nil || errors.Is(err, redis.Nil) {
		return err // Nil is the reply of a script that returns nothing
	}
	var reply redis.Error
	if errors.As(err, &reply) {
		if seen, ok := strings.CutPrefix(reply.Error(), "STALETOKEN "); ok {
			if highest, parseErr := strconv.ParseInt(seen, 10, 64); parseErr == nil {
				return &StaleError{Name: name, Token: token, Highest: highest}
			}
		}
	}
	return fmt.Errorf("fence: write of %q with token %d: %w", name, token, err)
}

// registerKey returns the key of a name's register. It hashes to the same slot as the name,
// and no two names share one.
func registerKey(name string) string {
	if hasHashTag(name) {
		return "fence:tagged:" + name
	}
	return "fence:{" + name + "}"
}

// hasHashTag reports whether a Redis Cluster hashes only a part of key: what's between the
// first { and the first } after it, unless that's empty.
func hasHashTag(key string) bool {
	_, rest, found := strings.Cut(key, "{")
	return found && strings.Index(rest, "}") > 0
}
