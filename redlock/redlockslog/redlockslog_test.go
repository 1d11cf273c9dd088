package redlockslog_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlockslog"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
	"github.com/a5bbb083/redlock/redlock/redlocktest/lockertest"
)

// lines is what was logged. Hooks of losses run on goroutines of timers, which nothing orders after the test's.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take returns what has come since it was called last.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

func TestLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := redlocktest.New(t, 3)
		var text lines
		logger := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
		l := lockertest.New(t, q.Member("a"), redlock.WithHooks(redlockslog.Hooks(logger)))
		said := func() string {
			synctest.Wait()
			return text.take()
		}
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.Contains(t, said(), fmt.Sprintf(`level=DEBUG msg="redlock: acquire" name=job fence=%d elapsed=`, lk.Fence()))
		_, err = l.TryLock(t.Context(), "job")
		require.Error(t, err)
		assert.Regexp(t, `level=DEBUG msg="redlock: acquire" .* result=held err=`, said())
		q.Node(0).Crash()
		time.Sleep(20 * time.Second)
		assert.Regexp(t, `level=WARN msg="redlock: lock lost" name=job fence=\d+ held=9\.\d+s err=.*deadline`, said())
		_ = lk.Unlock(t.Context())
		after := said()
		assert.Contains(t, after, `level=INFO msg="redlock: release"`)
		assert.Regexp(t, `level=INFO msg="redlock: voter not usable" node=\S+ outcome=(error|timeout) err=`, after)
		q.Node(0).Restart(true)
		time.Sleep(time.Second)
		_ = l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { return nil })
		time.Sleep(20 * time.Second)
		_ = l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { return nil })
		assert.Contains(t, said(), "redlock: voter usable again")
		assert.NotContains(t, after, lk.Token())
	})
}

func Example() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelWarn, // on a busy machine a voter may be late, which is told at a lower one
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if slices.Contains([]string{"time", "fence", "held", "err"}, a.Key) { // what differs from run to run
				return slog.Attr{}
			}
			return a
		},
	}))
	lost := make(chan struct{})
	locker, err := redlock.New(nodes.Clients(), redlock.WithHooks(redlockslog.Hooks(logger)),
		redlock.WithHooks(redlock.Hooks{Lost: func(redlock.Event) { close(lost) }}))
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()
	if _, err := locker.TryLock(context.Background(), "report", redlock.MaxHold(time.Millisecond)); err != nil {
		log.Fatal(err)
	}
	<-lost
	// Output:
	// level=WARN msg="redlock: lock lost" name=report
}
