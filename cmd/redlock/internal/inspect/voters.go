// Package inspect reads what the voters know of locks. It changes nothing on them.
//
// What it tells was true when each voter answered, by that voter's own clock. It's for people: whether a lock may
// be trusted, only its holder knows.
package inspect

import (
	"context"
	_ "embed" // for the script
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/a5bbb083/redlock/quorum"
)

//go:embed look.lua
var lookSource string

// recordSuffix ends the key of a name's record on a single server.
const recordSuffix = ":fence"

// Voters are the servers that are asked.
type Voters struct {
	clients []*redis.Client
	names   []string
	timeout time.Duration
}

// Open prepares to ask the servers with these URLs, each of which gets the time-out for an answer. It connects to none. Its
// error never shows a URL.
func Open(urls []string, timeout time.Duration) (*Voters, error) {
	v := &Voters{timeout: timeout}
	for i, url := range urls {
		o, err := redis.ParseURL(url)
		if err != nil {
			v.Close()
			return nil, fmt.Errorf("URL %d can't be read (it isn't shown, since it may hold a password); "+
				"give redis://[USER:PASSWORD@]HOST:PORT, or rediss:// for TLS, and write special characters as %%2F, %%40, %%2C and so on", i+1)
		}
		o.ContextTimeoutEnabled = true
		o.MaxRetries, o.DialerRetries = -1, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout, timeout
		o.DisableIdentity = true
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		v.clients = append(v.clients, redis.NewClient(o))
		v.names = append(v.names, o.Addr)
	}
	return v, nil
}

// Close closes the connections.
func (v *Voters) Close() {
	for _, c := range v.clients {
		_ = c.Close() // there is nothing left to be told
	}
}

// each asks all voters at once.
func (v *Voters) each(ask func(voter int, c *redis.Client) error) []error {
	errs := make([]error, len(v.clients))
	var asking sync.WaitGroup
	for i, c := range v.clients {
		asking.Go(func() { errs[i] = ask(i, c) })
	}
	asking.Wait()
	return errs
}

// chunk is how many locks are asked for in one exchange. The server does nothing else meanwhile.
const chunk = 100

// Look says of each name who has the lock.
func (v *Voters) Look(ctx context.Context, names []string) []Lock {
	locks := make([]Lock, len(names))
	for i, name := range names {
		locks[i] = Lock{Name: name, Voters: make([]Answer, len(v.clients))}
	}
	v.each(func(voter int, c *redis.Client) error {
		var err error
		for from := 0; from < len(names); from += chunk {
			some := locks[from:min(from+chunk, len(names))]
			if err == nil {
				err = v.lookAt(ctx, c, voter, some)
			}
			for i := range some {
				a := &some[i].Voters[voter]
				a.Node = v.names[voter]
				if err != nil {
					*a = Answer{Node: a.Node, State: NoAnswer, Error: err.Error()}
				}
			}
		}
		return err
	})
	for i := range locks {
		locks[i].sum(quorum.Majority(len(v.clients)))
	}
	return locks
}

// lookAt fills in what one voter says of some locks. The error is the connection's.
func (v *Voters) lookAt(ctx context.Context, c *redis.Client, voter int, locks []Lock) error {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	pipe := c.Pipeline()
	replies := make([]*redis.Cmd, len(locks))
	for i, l := range locks {
		replies[i] = pipe.Eval(ctx, lookSource, []string{l.Name, l.Name + recordSuffix})
	}
	_, _ = pipe.Exec(ctx) // each reply has its own error
	for i, r := range replies {
		values, err := r.Slice()
		var refused redis.Error
		switch {
		case errors.As(err, &refused):
			locks[i].Voters[voter] = Answer{State: NoAnswer, Error: refused.Error()}
		case err != nil:
			return err
		default:
			locks[i].Voters[voter] = answer(values)
		}
	}
	return nil
}

// Names returns the names below the prefix that a voter has a lock or a record of, in no order. It goes through
// all keys of every voter with SCAN. The error tells which voters couldn't be asked; it's no reason not
// to use the names unless few is true: then a lock may be missing.
func (v *Voters) Names(ctx context.Context, prefix string) (names []string, few bool, err error) {
	var mu sync.Mutex
	seen := make(map[string]bool)
	errs := v.each(func(voter int, c *redis.Client) error {
		err := v.scan(ctx, c, escape(prefix)+"*", func(key string) {
			mu.Lock()
			defer mu.Unlock()
			if name := strings.TrimSuffix(key, recordSuffix); strings.HasPrefix(name, prefix) && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		})
		if err != nil {
			return fmt.Errorf("%s: %w", v.names[voter], err)
		}
		return nil
	})
	answered := 0
	for _, err := range errs {
		if err == nil {
			answered++
		}
	}
	return names, answered < quorum.Majority(len(errs)), errors.Join(errs...)
}

// scan calls found for each string key that matches. Each step has a time-out of its own.
func (v *Voters) scan(ctx context.Context, c *redis.Client, pattern string, found func(key string)) error {
	cursor := uint64(0)
	for {
		step, cancel := context.WithTimeout(ctx, v.timeout)
		keys, next, err := c.ScanType(step, cursor, pattern, 1000, "string").Result()
		cancel()
		if err != nil {
			return err
		}
		for _, k := range keys {
			found(k)
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// escape makes a pattern that matches the text.
func escape(text string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(text)
}
