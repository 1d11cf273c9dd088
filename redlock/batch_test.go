package redlock

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
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

// A plain acquisition sees the release before it, also where that has to be sent again.
func TestPlainLockAfterAReleaseThatIsSentAgain(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		session := newSession(&voter{client: client}, time.Second, false)
		defer session.rest()
		ask := func(requests ...*request) []quorum.Answer[reply] {
			answers := make([]quorum.Answer[reply], len(requests))
			for _, r := range requests {
				r.name, r.ttl = "job", time.Minute
				r.seal([voterKinds]bool{plainVoter: true}, defaultFenceLife)
			}
			session.Exchange(t.Context(), requests, answers)
			return answers
		}
		require.Equal(t, statusOK, ask(&request{op: opAcquire, token: token(1)})[0].Reply.status)
		// The server doesn't know the release's script.
		answers := ask(&request{op: opRelease, token: token(1)}, &request{op: opAcquire, token: token(2)}, &request{op: opAcquire, token: token(3)})
		for i, want := range []status{statusOK, statusOK, statusHeld} {
			require.NoError(t, answers[i].Err)
			assert.Equal(t, want, answers[i].Reply.status, "%d", i)
		}
		assert.Equal(t, token(2), client.Get(t.Context(), "job").Val())
	})
}

// What a grant rests on is noted before any lock of its command is granted.
func TestRealGrantsThatCannotBeNoted(t *testing.T) {
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "locker", "on", ">secret", "~*", "+@all", "-hset")
	server.Do("HSET", markerKey, "until", 1, "longest", 1000)
	client := server.Client(&redis.Options{Username: "locker", Password: "secret"})
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	now := client.Time(t.Context()).Val().UnixMicro()
	answer, err := client.Eval(t.Context(), scripts[opAcquire].source, []string{"a", "a:fence", "b", "b:fence", markerKey},
		86400000, "", "", "", 60000, now+60e6, now-1000, now+1000, "", "t1", now, "t2", now).Int64Slice()
	require.NoError(t, err)
	assert.Equal(t, []int64{int64(statusFailed), 0, 0, 0, 0, int64(statusFailed), 0, 0, 0, 0}, answer)
	assert.Zero(t, server.Do("EXISTS", "a", "a:fence", "b", "b:fence"))
	assert.Equal(t, "1000", server.Do("HGET", markerKey, "longest"))
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

// What one command tells of the time is right for each of its locks: none is over earlier than its owner thinks, and none was asked for at another time.
func TestTimesOfARun(t *testing.T) {
	var commands [][]any
	client := redlocktest.New(t, 1).Clients()[0].(*redis.Client)
	client.AddHook(sent(func(args []any) { commands = append(commands, args) }))
	require.NoError(t, client.ScriptLoad(t.Context(), scripts[opAcquire].source).Err())
	requests := []*request{
		{name: "a", deadline: 1010, now: guard.Span{Earliest: 7, Latest: 10}},
		{name: "b", deadline: 1012, now: guard.Span{Earliest: 9, Latest: 12}},
		{name: "c", deadline: 1009, now: guard.Span{Earliest: 6, Latest: 9}},
	}
	for _, r := range requests {
		r.op, r.token, r.ttl, r.fenced, r.owner = opAcquire, token(1), time.Minute, true, "web-1"
		r.seal([voterKinds]bool{plainVoter: true}, defaultFenceLife)
	}
	session := newSession(&voter{client: client}, time.Second, false)
	answers := make([]quorum.Answer[reply], len(requests))
	session.Exchange(t.Context(), requests, answers)
	require.Len(t, commands, 1)
	assert.Equal(t, []any{int64(60000), int64(1012), int64(6), int64(12), "web-1"}, commands[0][3+6+4:][:5])
	for i, a := range answers {
		assert.Equal(t, statusOK, a.Reply.status, "%v", a.Err)
		assert.Equal(t, fmt.Sprintf("%d %s 1012 web-1", a.Reply.value, token(1)), client.Get(t.Context(), recordKey(requests[i].name, false)).Val())
	}
	session.rest()
}

// A command is for locks that have in common what it says once.
func TestRunsOfRequests(t *testing.T) {
	grant := func(change func(*request)) *request {
		r := &request{op: opAcquire, name: "job", token: token(1), ttl: time.Minute, fenced: true, owner: "web-1", deadline: 9}
		change(r)
		return r
	}
	for what, r := range map[string]*request{
		"another TTL":        grant(func(r *request) { r.name, r.ttl = "other", time.Second }),
		"another owner":      grant(func(r *request) { r.name, r.owner = "other", "" }),
		"the same name":      grant(func(r *request) { r.token = token(2) }),
		"without a deadline": grant(func(r *request) { r.name, r.deadline = "other", 0 }),
		"another moment":     grant(func(r *request) { r.name, r.now.Earliest = "other", guard.Time(0).After(2*sameMoment) }),
		"not fenced":         grant(func(r *request) { r.name, r.fenced = "other", false }),
		"an extension":       grant(func(r *request) { r.name, r.op = "other", opExtend }),
		"a release":          grant(func(r *request) { r.name, r.op = "other", opRelease }),
	} {
		assert.Equal(t, 1, runLength([]*request{grant(func(*request) {}), r}, guardedVoter), what)
	}
	same := grant(func(r *request) { r.name, r.token, r.deadline = "other", token(2), 8 })
	assert.Equal(t, 2, runLength([]*request{grant(func(*request) {}), same}, guardedVoter))
	assert.Equal(t, 1, runLength([]*request{grant(func(*request) {}), same}, clusterVoter))
	release := func(name string, silently bool) *request {
		return &request{op: opRelease, name: name, fenced: true, silently: silently}
	}
	assert.Equal(t, 2, runLength([]*request{release("a", true), release("b", true), release("c", false)}, guardedVoter))
	many := make([]*request, 3*runLimit)
	for i := range many {
		many[i] = release(fmt.Sprint(i), false)
	}
	assert.Equal(t, runLimit, runLength(many, guardedVoter))
}
