// Package redlockslog writes what a locker does to a [log/slog] logger.
//
//	locker, err := redlock.Dial(ctx, urls, redlock.WithHooks(redlockslog.Hooks(slog.Default())))
package redlockslog

import (
	"context"
	"log/slog"

	"github.com/a5bbb083/redlock/redlock"
)

// Hooks returns hooks that log:
//
//   - a lost lock at the level Warn, since its work may have run beside another's,
//   - a voter that doesn't let its user subscribe or stand in line, so that waiting takes longer, at Warn,
//   - a voter that is of use no more, or again, at Info,
//   - an operation that failed at Info, but one whose lock another holds, or whose caller gave up, at Debug,
//   - every other operation at Debug.
//
// Records of operations are logged with the operation's context. A lock's random token isn't logged, and its name is.
func Hooks(logger *slog.Logger) redlock.Hooks {
	return redlock.Hooks{
		Done: func(ctx context.Context, e redlock.Event) {
			level := slog.LevelDebug
			switch e.Result() {
			case "ok", "held", "cancelled":
			default:
				level = slog.LevelInfo
			}
			if !logger.Enabled(ctx, level) {
				return
			}
			logger.LogAttrs(ctx, level, "redlock: "+e.Kind, about(e,
				slog.Duration("elapsed", e.Elapsed), slog.Int("attempts", e.Attempts), slog.String("result", e.Result()))...)
		},
		Lost: func(e redlock.Event) {
			logger.LogAttrs(context.Background(), slog.LevelWarn, "redlock: lock lost", about(e)...)
		},
		CannotListen: func(v redlock.VoterState) {
			logger.LogAttrs(context.Background(), slog.LevelWarn, "redlock: voter doesn't let its user wait in line, so waiting takes longer",
				slog.String("node", v.Node), slog.Any("err", v.Err))
		},
		VoterChanged: func(v redlock.VoterState) {
			attrs := []slog.Attr{slog.String("node", v.Node), slog.String("outcome", v.Outcome.String())}
			text := "redlock: voter usable again"
			if !v.Usable() {
				text = "redlock: voter not usable"
				if v.Quarantined > 0 && v.Outcome == redlock.Quarantined {
					attrs = append(attrs, slog.Duration("remaining", v.Quarantined))
				}
				if v.Err != nil && v.ErrAt.After(v.Answered) {
					attrs = append(attrs, slog.Any("err", v.Err))
				}
			}
			logger.LogAttrs(context.Background(), slog.LevelInfo, text, attrs...)
		},
	}
}

func about(e redlock.Event, more ...slog.Attr) []slog.Attr {
	attrs := append([]slog.Attr{slog.String("name", e.Name), slog.Int64("fence", e.Fence)}, more...)
	if e.Held > 0 {
		attrs = append(attrs, slog.Duration("held", e.Held))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("err", e.Err))
	}
	return attrs
}
