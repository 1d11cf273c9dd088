// Package inspect reads what the voters know of locks. It changes nothing on them.
//
// What it tells was true when each voter answered. It's for people: whether a lock may be trusted, only its holder knows.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock"
)

// recordSuffix ends the key of a name's record on a single server.
const recordSuffix = ":fence"

// Voters are the servers that are asked.
type Voters struct {
	clients []*redis.Client
	names   []string
	timeout time.Duration
	locker  *redlock.Locker // takes no locks
}

// Open prepares to ask the servers with these URLs, each of which gets the time-out for an answer. It connects to none. Its
// error never shows a URL.
func Open(urls []string, timeout time.Duration) (*Voters, error) {
	v := &Voters{timeout: timeout}
	var nodes []redis.UniversalClient
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
		c := redis.NewClient(o)
		v.clients, v.names, nodes = append(v.clients, c), append(v.names, o.Addr), append(nodes, c)
	}
	// The TTL only has to be longer than the time-out.
	locker, err := redlock.New(nodes, redlock.Lazy(), redlock.WithNodeTimeout(timeout), redlock.WithTTL(2*timeout+10*time.Millisecond))
	if err != nil {
		v.Close()
		return nil, err
	}
	v.locker = locker
	return v, nil
}

// Close closes the connections.
func (v *Voters) Close() {
	if v.locker != nil {
		_ = v.locker.Close() // it doesn't own the clients, so nothing can fail
	}
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

// Look says who has a lock. A name that no lock can have is an error.
func (v *Voters) Look(ctx context.Context, name string) (Lock, error) {
	h, err := v.locker.Inspect(ctx, name)
	if errors.Is(err, redlock.ErrNoQuorum) { // the holding says what was answered
		err = nil
	}
	return lockOf(h), err
}

// asked is how many names are asked for at once.
const asked = 64

// LookAll says of each name who has the lock. Names that no lock can have are left out.
func (v *Voters) LookAll(ctx context.Context, names []string) ([]Lock, error) {
	locks := make([]Lock, len(names))
	var all errgroup.Group
	all.SetLimit(asked)
	for i, name := range names {
		all.Go(func() (err error) {
			if locks[i], err = v.Look(ctx, name); errors.Is(err, redlock.ErrInvalidName) {
				err = nil
			}
			return err
		})
	}
	err := all.Wait()
	return slices.DeleteFunc(locks, func(l Lock) bool { return l.Name == "" }), err
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
