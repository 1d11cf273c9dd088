package redlocktest

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// serial is a go-redis hook that sends one command or pipeline at a time, so that a single
// connection serves them all.
//
// A pool of one connection would do the same, but whoever waits for go-redis's pool borrows a
// timer from a process-wide sync.Pool (internal/semaphore.go in v9.23), and a timer of another
// synctest bubble ends the process.
type serial chan struct{}

func newSerial() serial { return make(serial, 1) }

func (s serial) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s serial) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if handshakes[strings.ToUpper(cmd.Name())] {
			return next(ctx, cmd) // go-redis calls hooks for it in the midst of a command
		}
		if err := s.enter(ctx); err != nil {
			cmd.SetErr(err)
			return err
		}
		defer s.leave()
		return next(ctx, cmd)
	}
}

func (s serial) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) > 0 && handshakes[strings.ToUpper(cmds[0].Name())] {
			return next(ctx, cmds)
		}
		if err := s.enter(ctx); err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
			return err
		}
		defer s.leave()
		return next(ctx, cmds)
	}
}

func (s serial) enter(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s serial) leave() { <-s }
