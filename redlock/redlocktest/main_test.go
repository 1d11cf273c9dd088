package redlocktest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBubble runs a test in virtual time, with a quorum of that many nodes.
func inBubble(t *testing.T, nodes int, test func(*testing.T, *Quorum), opts ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, New(t, nodes, opts...)) })
}

// warm returns the default member's client of node 0, connected.
func warm(t *testing.T, q *Quorum) redis.UniversalClient {
	t.Helper()
	c := q.Clients()[0]
	require.NoError(t, c.Ping(t.Context()).Err())
	return c
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// inBackground runs f, and hands over its error when it is done.
func inBackground(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}
