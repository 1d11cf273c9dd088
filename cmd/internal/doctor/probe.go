package doctor

import (
	"context"
	"crypto/rand"
	_ "embed" // for the script
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock"
)

// probeLife is when the probe's keys expire if they can't be deleted.
const probeLife = 10 * time.Second

//go:embed probe.lua
var probeSource string

var probeScript = redis.NewScript(probeSource)

// tryCommands has a script try every command that the lock scripts use, on the keys that they use
// them on: users and servers can be denied each of them, and only a try shows it without rights to read the rules. The
// script runs in full and by its hash, as those of package redlock do.
func (q *questioner) tryCommands(ctx context.Context, f *facts) error {
	if !f.master() {
		return nil // which has been said, and every write would say it again
	}
	keys := append(probeKeys(q.probe), markerKey)
	var eval, evalSHA error
	err := refusedOr(q.bounded(ctx, func(ctx context.Context) error {
		reply, err := probeScript.Eval(ctx, q.client, keys, probeLife.Milliseconds()).StringSlice()
		for i := 0; i+1 < len(reply); i += 2 {
			f.refused = append(f.refused, refusal{reply[i], reply[i+1]})
		}
		return err
	}), &eval)
	if err != nil {
		return err
	}
	if eval != nil {
		f.probeErr = fmt.Errorf("EVAL: %w", eval)
		return nil
	}
	err = refusedOr(q.bounded(ctx, func(ctx context.Context) error {
		return probeScript.EvalSha(ctx, q.client, keys, probeLife.Milliseconds()).Err()
	}), &evalSHA)
	if evalSHA != nil {
		f.refused = append(f.refused, refusal{"EVALSHA", evalSHA.Error()})
	}
	return err
}

// tryLock takes a lock through package redlock, extends it and gives it back, on this server alone. It does
// so without guards: with them, a server that's new would be enrolled, and a single one can't tell for how long it has to wait.
func (q *questioner) tryLock(ctx context.Context, f *facts) error {
	if !f.master() {
		return nil
	}
	const ttl = probeLife / 2
	l, err := redlock.New([]redis.UniversalClient{q.client}, redlock.WithoutGuards(),
		redlock.WithTTL(ttl), redlock.WithNodeTimeout(min(q.timeout, ttl*3/4)), redlock.WithFenceLife(probeLife))
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // the client isn't its own, so there's nothing that can fail
	f.lockErr = lockOnce(ctx, l, q.probe)
	// The record would live on for a while. Where it can't be deleted it does, and that's no harm.
	_ = q.bounded(ctx, func(ctx context.Context) error { return q.client.Del(ctx, probeKeys(q.probe)...).Err() })
	return ctx.Err()
}

// lockOnce returns what the server said to it, if it wasn't yes.
func lockOnce(ctx context.Context, l *redlock.Locker, name string) error {
	lk, err := l.TryLock(ctx, name)
	if err == nil {
		err = errors.Join(lk.Extend(ctx), lk.Unlock(ctx))
	}
	if failed, ok := errors.AsType[*redlock.QuorumError](err); ok && failed.Nodes[0].Err != nil {
		return failed.Nodes[0].Err // there's only one
	}
	return err
}

// probeName is random so that it's nobody else's lock.
func probeName(prefix string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails; it ends the program instead
	return prefix + "redlock:probe:" + hex.EncodeToString(b[:])
}

// probeKeys are the lock's key and that of its record, see docs/protocol.md.
func probeKeys(name string) []string { return []string{name, name + ":fence"} }
