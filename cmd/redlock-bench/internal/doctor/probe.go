package doctor

import (
	"context"
	"crypto/rand"
	_ "embed" // for the script
	"encoding/hex"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// DefaultProbe is how the name of the probe key begins unless the config says otherwise.
const DefaultProbe = "redlock:probe:"

// probeLife is when the probe key expires if it can't be deleted.
const probeLife = 10 * time.Second

//go:embed probe.lua
var probeSource string

var probeScript = redis.NewScript(probeSource)

// tryCommands has a script try every command that the lock scripts use: users and servers can
// be denied each of them, and only a try shows it without rights to read the rules. The
// script runs in full and by its hash, as those of package redlock do.
func (q *questioner) tryCommands(ctx context.Context, f *facts) error {
	if !f.master() {
		return nil // which has been said, and every write would say it again
	}
	keys := []string{probeKey(q.probe)}
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

// probeKey is random so that it's nobody else's key.
func probeKey(prefix string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails; it ends the program instead
	return prefix + hex.EncodeToString(b[:])
}
