package redlock_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// A user with exactly the generated rule can do everything, and the rule has no right too many.
func TestRealACLRule(t *testing.T) {
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "locks", "reset", "on", ">"+password)
	var rule []any
	for word := range strings.FieldsSeq(redlock.ACLRule("locks", "lock:", server.Version().Redis)) {
		rule = append(rule, word)
	}
	server.Do(rule...)
	server.Do("CONFIG", "RESETSTAT")
	url := "redis://locks:" + password + "@" + server.Addr + "/1"
	for _, opts := range [][]redlock.Option{nil, {redlock.WithoutFencing()}} {
		l := dialURLs(t, []string{url}, append(opts, redlock.WithTTL(2*time.Second), redlock.WithNodeTimeout(time.Second))...)
		for _, name := range []string{"lock:job", "lock:{tag}job"} {
			lk, err := l.Lock(t.Context(), name)
			require.NoError(t, err)
			require.NoError(t, lk.Extend(t.Context()))
			require.NoError(t, lk.Unlock(t.Context()))
			handOver(t, l, url, name, opts)
		}
	}
	refused := server.Do("ACL", "LOG").([]any)
	assert.Empty(t, refused)

	c := single(t, server, redis.Options{Username: "locks", Password: password, DB: 1})
	require.NoError(t, say(t, c, "GET", "lock:job"))
	assert.Equal(t, redlock.Unfit, redlock.Diagnose(say(t, c, "GET", "other")).Outcome)
	assert.Equal(t, redlock.Unfit, redlock.Diagnose(say(t, c, "FLUSHALL")).Outcome)
	stats := server.Do("INFO", "commandstats").(string)
	for _, command := range redlock.LockCommands() {
		assert.Contains(t, stats, "cmdstat_"+strings.ToLower(command)+":", "%s is granted but nothing uses it", command)
	}
}

// handOver gives a lock back for which another waits, which has to be called, and one before it that has given up.
func handOver(t *testing.T, l *redlock.Locker, url, name string, opts []redlock.Option) {
	t.Helper()
	lk, err := l.Lock(t.Context(), name)
	require.NoError(t, err)
	other := dialURLs(t, []string{url}, append(opts, redlock.WithTTL(2*time.Second), redlock.WithNodeTimeout(time.Second))...)
	got := make(chan error, 1)
	go func() {
		lk, err := other.Lock(t.Context(), name)
		if err == nil {
			err = lk.Unlock(t.Context())
		}
		got <- err
	}()
	time.Sleep(100 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	third := dialURLs(t, []string{url}, append(opts, redlock.WithTTL(2*time.Second), redlock.WithNodeTimeout(time.Second))...)
	_, err = third.Lock(ctx, name) // and leaves the line
	require.ErrorIs(t, err, context.DeadlineExceeded)
	begun := time.Now()
	require.NoError(t, lk.Unlock(t.Context()))
	require.NoError(t, <-got)
	assert.Less(t, time.Since(begun), 200*time.Millisecond, "it was called")
}
