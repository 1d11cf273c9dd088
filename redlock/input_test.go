package redlock_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestInvalidOptions(t *testing.T) {
	clients := []redis.UniversalClient{redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})}
	t.Cleanup(func() { _ = clients[0].Close() })
	tests := map[string]struct {
		opt  redlock.Option
		says string
	}{
		"no ttl":                     {redlock.WithTTL(0), "0s"},
		"ttl below a millisecond":    {redlock.WithTTL(900 * time.Microsecond), "900µs"},
		"ttl below the allowance":    {redlock.WithTTL(2 * ms), "2ms"},
		"ttl above the registers'":   {redlock.WithTTL(13 * time.Hour), "13h0m0s"},
		"ttl above the maximum":      {redlock.WithMaxTTL(time.Second), "1s"},
		"negative drift":             {redlock.WithDriftFactor(-0.1), "-0.1"},
		"drift of one":               {redlock.WithDriftFactor(1), "drift factor 1"},
		"no drift for the guards":    {redlock.WithDriftFactor(0.0005), "0.0005"},
		"negative time-out":          {redlock.WithNodeTimeout(-ms), "-1ms"},
		"time-out beyond the window": {redlock.WithNodeTimeout(time.Minute), "1m0s"},
		"no clock":                   {redlock.WithClock(nil), "nil"},
		"no option":                  {nil, "an option is nil; leave it out"},
		"the longest ttl there is":   {redlock.WithTTL(math.MaxInt64), "MaxTTL 2562047h47m16.854775807s; use at most 43800h0m0s"},
		"and of all locks":           {redlock.WithMaxTTL(math.MaxInt64), "MaxTTL 2562047h47m16.854775807s; use at most 43800h0m0s"},
		"the longest fence life":     {redlock.WithFenceLife(math.MaxInt64), "fence life 2562047h47m16.854775807s; use at most 87600h0m0s"},
		"the largest clock error":    {redlock.WithMaxClockError(math.MaxInt64), "largest clock error 2562047h47m16.854775807s is longer than the fence life 24h0m0s"},
		"half of that":               {redlock.WithMaxClockError(math.MaxInt64/4 + 1), "largest clock error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := redlock.New(clients, tt.opt)
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
			assert.Contains(t, err.Error(), tt.says)
		})
	}
}

func TestInvalidNodes(t *testing.T) {
	client := func(addr string) redis.UniversalClient {
		c := redis.NewClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	one := client("10.0.0.1:6379")
	tests := map[string][]redis.UniversalClient{
		"none":               {},
		"nil":                {one, nil},
		"nil pointer":        {one, (*redis.Client)(nil)},
		"one client twice":   {one, one},
		"one address twice":  {one, client("10.0.0.1:6379")},
		"two names for here": {client("localhost:6379"), client("127.0.0.1:6379")},
		"in a cluster, too":  {client("10.0.0.1:6379"), newCluster(t, "10.0.0.2:6379", "10.0.0.1:6379")},
	}
	for name, clients := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := redlock.New(clients)
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
			assert.Regexp(t, "; (give|leave) ", err.Error(), "what to do")
		})
	}
}

func newCluster(t *testing.T, addrs ...string) redis.UniversalClient {
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestInvalidNames(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for name, says := range map[string]string{
			"":                        "empty",
			strings.Repeat("x", 1025): "1025 bytes",
			"job:fence":               ":fence",
		} {
			_, err := l.TryLock(t.Context(), name)
			require.ErrorIs(t, err, redlock.ErrInvalidName)
			assert.Contains(t, err.Error(), says)
			_, err = l.Lock(t.Context(), name)
			require.ErrorIs(t, err, redlock.ErrInvalidName)
		}
		assert.Zero(t, q.Node(0).Commands(), "nothing was sent")
		lk, err := l.TryLock(t.Context(), strings.Repeat("x", 1024))
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

func TestDialShowsNoPasswords(t *testing.T) {
	for _, raw := range []string{
		"redis://locker:se/cret@b:1", "secret:foo@b:1", "http://locker:secret@b:1",
		"redis://locker:secret@b:1/notanumber", "redis://locker:secret@b:1?read_timeout=x", "://secret", "secret",
		"redis://locker:secret@a:1,redis://locker:secret@b:1", "redis://locker:12/secret@b:1", "redis://locker:12?secret@b:1", "redis://locker:12/3?se=cret@b:1",
		"redis://b:1?password=secret", "redis://b:1/0?read_timeout=x&password=secret",
	} {
		_, err := redlock.Dial(t.Context(), []string{raw})
		require.ErrorIs(t, err, redlock.ErrInvalidOption, raw)
		for _, part := range []string{"secret", "cret", ":se", "foo"} {
			assert.NotContains(t, err.Error(), part, raw)
		}
		assert.Contains(t, err.Error(), "URL 1")
	}
}

// A list that wasn't taken apart is told from a URL that is malformed.
func TestDialTellsAListFromAURL(t *testing.T) {
	for _, list := range []string{"redis://a:1,redis://b:1", "redis://a:1;redis://b:1", "redis://a:1 redis://b:1", "redis://u:p@a:1,redis://u:p@b:1"} {
		_, err := redlock.Dial(t.Context(), []string{list})
		require.ErrorIs(t, err, redlock.ErrInvalidOption, list)
		assert.ErrorContains(t, err, "several URLs in one text: give each as an element of its own", list)
	}
}

func TestNilLockOption(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		_, err := l.TryLock(t.Context(), "job", redlock.AutoRenew(true), nil)
		require.ErrorIs(t, err, redlock.ErrInvalidOption)
		assert.ErrorContains(t, err, "an option is nil; leave it out")
		err = l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { return nil }, nil)
		require.ErrorIs(t, err, redlock.ErrInvalidOption)
		assert.ErrorContains(t, err, "an option is nil; leave it out")
		require.ErrorIs(t, l.Change(t.Context(), nil), redlock.ErrInvalidOption)
	})
}
