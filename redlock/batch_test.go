package redlock

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// What's wrong with one lock doesn't keep others from theirs, and is said of that one alone.
func TestOneOfSeveralLocksIsBroken(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := t.Context()
		require.NoError(t, client.RPush(ctx, "list", "of somebody else").Err())
		require.NoError(t, client.Set(ctx, "odd:fence", "mine", 0).Err())
		names := []string{"one", "list", "two", "odd", "three"}
		broken := map[string]string{"list": "WRONGTYPE", "odd": "not a record of a lock"}
		ask := func(op operation) []quorum.Answer[reply] {
			var requests []*request
			for _, name := range names {
				r := &request{op: op, name: name, token: token(1), ttl: time.Minute, fenced: true, fence: 7}
				r.seal([voterKinds]bool{plainVoter: true}, defaultFenceLife)
				requests = append(requests, r)
			}
			answers := make([]quorum.Answer[reply], len(requests))
			newSession(&voter{client: client}, time.Second, false).Exchange(ctx, requests, answers)
			return answers
		}
		for range 2 { // the first time, the server doesn't know the script
			for i, a := range ask(opAcquire) {
				if text := broken[names[i]]; text != "" {
					require.ErrorContains(t, a.Err, text, names[i])
					continue
				}
				require.NoError(t, a.Err, names[i])
				require.Equal(t, statusOK, a.Reply.status, names[i])
			}
		}
		for i, a := range ask(opRelease) {
			require.NoError(t, a.Err)
			require.Equal(t, broken[names[i]] == "", a.Reply.status == statusOK, names[i])
		}
		require.Equal(t, "list", client.Type(ctx, "list").Val())
		require.Equal(t, "mine", client.Get(ctx, "odd:fence").Val())
	})
}

// A user's rights may cover some names and not others.
func TestRealRightsToSomeOfSeveralLocks(t *testing.T) {
	server := redistest.Start(t)
	admin := server.Client(nil)
	require.NoError(t, admin.Do(t.Context(), "ACL", "SETUSER", "jobs", "on", ">secret", "~job*", "+@all").Err())
	require.NoError(t, admin.Close())
	client := server.Client(&redis.Options{Username: "jobs", Password: "secret"})
	var last []any // command that is about job:2
	client.AddHook(sent(func(args []any) {
		if slices.Contains(args, any("job:2")) {
			last = args
		}
	}))
	session := newSession(&voter{client: client}, time.Second, false)
	for _, op := range []operation{opAcquire, opRelease} {
		for range 2 { // the first time, the server doesn't know the script
			var requests []*request
			for _, name := range []string{"job:1", "secrets", "job:2"} {
				r := &request{op: op, name: name, token: token(1), ttl: time.Minute, fenced: true}
				r.seal([voterKinds]bool{plainVoter: true}, defaultFenceLife)
				requests = append(requests, r)
			}
			answers := make([]quorum.Answer[reply], len(requests))
			session.Exchange(t.Context(), requests, answers)
			for i, a := range answers {
				if i == 1 {
					require.ErrorContains(t, a.Err, "NOPERM")
					continue
				}
				require.NoError(t, a.Err)
				require.NotEqual(t, statusHeld, a.Reply.status)
			}
		}
	}
	require.Contains(t, last, lineKey("job:2", false), "who waits for it is called all the same")
	require.NotContains(t, last, "secrets")
	session.rest()
	require.NoError(t, client.Close())
}

// sent is a hook that sees the commands of pipelines.
type sent func(args []any)

func (s sent) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (s sent) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (s sent) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			s(cmd.Args())
		}
		return next(ctx, cmds)
	}
}
