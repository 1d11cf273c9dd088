package redlock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
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

// TestTwinMatchesScripts sends random requests to a Redis and to a twin of the scripts in Go. After each
// they must agree on the reply, the key and the record. The searches of package election rest
// on what the twin says: the explorer's owner is the record's last owner until it gives back or another is granted.
func TestTwinMatchesScripts(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		seen := map[string]int{}
		for seed := range uint64(150) {
			p := &pair{
				random: rand.New(rand.NewPCG(seed, 0)),
				voter:  &voter{client: client}, client: client, name: fmt.Sprint("job", seed),
			}
			for n := range 40 {
				did := p.step(t, seen)
				require.Equal(t, p.model, p.read(t), "seed %d, step %d: %s", seed, n, did)
			}
		}
		for _, op := range []operation{opAcquire, opConfirm, opExtend, opRelease} {
			assert.Greater(t, seen[fmt.Sprint(op, statusOK)], 50, "%v", op)
			if op != opRelease {
				assert.Greater(t, seen[fmt.Sprint(op, statusHeld)], 50, "%v", op)
			}
		}
		assert.Positive(t, seen["taken over"], "a record that was over, by the agreed time")
		assert.Positive(t, seen["without its key"], "a record whose key is gone")
		assert.Positive(t, seen["given back, again"])
	})
}

// Requests that are sent together are carried out one after the other, also those that share a command.
func TestTwinMatchesScriptsInBatches(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		for _, s := range scripts { // or each request would be alone at first
			require.NoError(t, client.ScriptLoad(t.Context(), s.source).Err())
		}
		joined := 0
		for seed := range uint64(150) {
			random := rand.New(rand.NewPCG(seed, 1))
			session := newSession(&voter{client: client}, time.Second, false)
			pairs := make([]*pair, 5)
			for i := range pairs {
				pairs[i] = &pair{random: random, client: client, name: fmt.Sprint("batch", seed, ".", i)}
			}
			for range 10 {
				requests := make([]*request, 1+random.IntN(12))
				for i := range requests {
					r := pairs[random.IntN(len(pairs))].request()
					if random.IntN(2) == 0 && i > 0 {
						r.op, r.ttl, r.owner = requests[i-1].op, requests[i-1].ttl, requests[i-1].owner
					}
					r.seal([voterKinds]bool{plainVoter: true}, defaultFenceLife)
					requests[i] = &r
				}
				want := make([]status, 0, len(requests))
				for len(want) < len(requests) {
					run := requests[len(want):][:runLength(requests[len(want):], plainVoter)]
					shared := timesOf(run)
					for _, r := range run {
						r := *r
						if r.op == opAcquire {
							r.deadline, r.now = shared.deadline, shared.now
						}
						at := slices.IndexFunc(pairs, func(p *pair) bool { return p.name == r.name })
						status, _ := pairs[at].model.carryOut(r)
						want = append(want, status)
					}
					joined += len(run) - 1
				}
				answers := make([]quorum.Answer[reply], len(requests))
				session.Exchange(t.Context(), requests, answers)
				for i, a := range answers {
					require.NoError(t, a.Err)
					require.Equal(t, want[i], a.Reply.status, "seed %d, request %d of %d: %+v", seed, i+1, len(requests), requests[i])
				}
				for _, p := range pairs {
					require.Equal(t, p.model, p.read(t), "seed %d", seed)
				}
			}
			session.rest()
		}
		assert.Greater(t, joined, 1000)
	})
}

func onEachRedis(t *testing.T, test func(*testing.T, redis.UniversalClient)) {
	t.Run("embedded", func(t *testing.T) { test(t, redlocktest.New(t, 1).Clients()[0]) })
	t.Run("real", func(t *testing.T) {
		client := redistest.Start(t).Client(nil)
		t.Cleanup(func() { _ = client.Close() })
		test(t, client)
	})
}

// pair is one lock on one voter, and its model.
type pair struct {
	random *rand.Rand
	voter  *voter
	client redis.UniversalClient
	name   string
	model  twin
}

// twin is a voter as the Lua scripts leave it: the key and the record, written anew in another language.
type twin struct {
	key      string // its value, "" if it's gone
	register int64
	token    string
	deadline int64
	back     bool
	owner    string
}

func token(id uint8) string { return "client" + strconv.Itoa(int(id)) }

func (w *twin) owns(token string) bool {
	return w.key == token || w.key == "" && w.token == token && w.deadline > 0
}

func (w *twin) held(r request) bool {
	timed := r.deadline > 0 && w.deadline > 0
	switch {
	case w.key != "" && w.key != w.token:
		return true
	case w.key != "" && !timed:
		return true
	}
	return timed && int64(r.now.Earliest) < w.deadline
}

// carryOut returns the status of the reply, and the register in it.
func (w *twin) carryOut(r request) (status, int64) {
	switch {
	case r.op == opAcquire && w.owns(r.token):
		return statusOK, w.register
	case r.op == opAcquire && w.held(r):
		return statusHeld, 0
	case r.op == opAcquire && w.token == r.token && w.back:
		return statusGone, 0
	case r.op == opAcquire:
		*w = twin{key: r.token, register: max(w.register+1, r.fence), token: r.token, deadline: int64(r.deadline), owner: r.owner}
		return statusOK, w.register
	case r.op == opConfirm && (!w.owns(r.token) || w.register > r.fence):
		return statusHeld, w.register
	case r.op == opConfirm:
		w.register = r.fence
		return statusOK, w.register
	case r.op == opExtend:
		return w.extend(r), w.register
	}
	return w.release(r), 0
}

func (w *twin) extend(r request) status {
	if !w.owns(r.token) {
		if w.held(r) {
			return statusHeld
		}
		if !r.restore || w.token == r.token && w.back {
			return statusGone
		}
	}
	w.register = max(w.register, r.fence)
	if w.token != r.token || w.deadline < int64(r.deadline) {
		w.deadline = int64(r.deadline)
	}
	w.key, w.token, w.back, w.owner = r.token, r.token, false, r.owner
	return statusOK
}

func (w *twin) release(r request) status {
	gave, had := w.key == r.token, w.key != ""
	if gave {
		w.key = ""
	}
	if w.token == r.token && !w.back {
		gave = gave || w.deadline > 0
		w.back, w.deadline, w.owner = true, 0, ""
	}
	switch {
	case gave:
		return statusOK
	case had:
		return statusHeld
	}
	return statusGone
}

// request returns a random request for the lock.
func (p *pair) request() request {
	id := uint8(1 + p.random.IntN(3))
	r := request{
		op: operation(p.random.IntN(4)), name: p.name, token: token(id), ttl: time.Minute, fenced: true,
		fence: p.random.Int64N(p.model.register + 4), restore: p.random.IntN(2) == 0,
		owner: []string{"", "web-1", "web-1 pid 7", " - 0 "}[p.random.IntN(4)],
	}
	if p.random.IntN(3) > 0 { // with guards
		r.deadline, r.now.Earliest = guard.Time(10+p.random.Int64N(10)), guard.Time(p.random.Int64N(25))
	}
	return r
}

func (p *pair) step(t *testing.T, seen map[string]int) (did string) {
	r := p.request()
	switch p.random.IntN(10) {
	case 0:
		p.model.key = ""
		require.NoError(t, p.client.Del(t.Context(), p.name).Err())
		return "the key vanishes"
	case 1:
		p.model = twin{}
		require.NoError(t, p.client.Del(t.Context(), p.name, recordKey(p.name, false)).Err())
		return "the voter forgets"
	case 2:
		if p.model.key == "" {
			p.model.key = "stranger"
			require.NoError(t, p.client.Set(t.Context(), p.name, "stranger", time.Minute).Err())
			return "a client without records takes the lock"
		}
	}
	did = fmt.Sprintf("%v %+v on %+v", r.op, r, p.model)
	before := p.model
	want, register := p.model.carryOut(r)
	got, err := p.send(t.Context(), r)
	require.NoError(t, err, did)
	require.Equal(t, want, got.status, did)
	if want == statusOK && r.op != opRelease || r.op == opConfirm || r.op == opExtend {
		require.Equal(t, register, got.value, did)
	}
	seen[fmt.Sprint(r.op, want)]++
	switch {
	case r.op == opAcquire && want == statusOK && before.deadline > 0 && before.token != r.token:
		seen["taken over"]++
	case r.op == opAcquire && want == statusHeld && before.key == "":
		seen["without its key"]++
	case r.op == opAcquire && want == statusGone:
		seen["given back, again"]++
	}
	return did
}

// send returns what the script replied, without what the guards add.
func (p *pair) send(ctx context.Context, r request) (reply, error) {
	var answers [1]quorum.Answer[reply]
	r.seal([voterKinds]bool{plainVoter: true}, defaultFenceLife)
	newSession(p.voter, time.Second, false).Exchange(ctx, []*request{&r}, answers[:])
	return reply{status: answers[0].Reply.status, value: answers[0].Reply.value}, answers[0].Err
}

// read returns what the Redis holds, as a model.
func (p *pair) read(t *testing.T) twin {
	t.Helper()
	var w twin
	get := func(key string) string {
		text, err := p.client.Get(t.Context(), key).Result()
		if !errors.Is(err, redis.Nil) {
			require.NoError(t, err)
		}
		return text
	}
	w.key = get(p.name)
	if text := get(recordKey(p.name, false)); text != "" {
		parts := append(strings.SplitN(text, " ", 4), "", "", "")
		var err error
		w.register, err = strconv.ParseInt(parts[0], 10, 64)
		require.NoError(t, err)
		w.token, w.back = parts[1], parts[2] == "-"
		w.deadline, _ = strconv.ParseInt(parts[2], 10, 64)
		w.owner = parts[3]
	}
	return w
}

// A grant needs a marker that says since when the voter votes.
func TestVoterWithoutADateIsQuarantined(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		keys := []string{"job", recordKey("job", false), markerKey}
		r := request{op: opAcquire, name: "job", token: token(1), ttl: time.Minute, fenced: true, deadline: 1 << 52}
		now := client.Time(t.Context()).Val().UnixMicro()
		r.now = guard.Span{Earliest: guard.Time(now), Latest: guard.Time(now)}
		for name, marker := range map[string][]any{"no marker": nil, "no date": {"number", 1, "longest", 0}, "a date": {"number", 1, "until", 1}} {
			client.Del(t.Context(), markerKey)
			if marker != nil {
				require.NoError(t, client.HSet(t.Context(), markerKey, marker...).Err())
			}
			command := r.command(guardedVoter, defaultFenceLife.Milliseconds())
			command[0], command[1] = "eval", scripts[opAcquire].source
			values, err := client.Do(t.Context(), command...).Int64Slice()
			require.NoError(t, err, name)
			if name == "a date" {
				assert.Equal(t, int64(statusOK), values[0])
				require.NoError(t, client.Del(t.Context(), keys...).Err())
				continue
			}
			assert.Equal(t, []int64{int64(statusQuarantined), 0}, []int64{values[0], values[3]}, name)
		}
	})
}

// The model leaves out what the script does at the limits.

func TestGrantBoundsTheProposal(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		p := &pair{voter: &voter{client: client}, client: client, name: "job"}
		r := request{op: opAcquire, name: p.name, token: token(1), ttl: time.Minute, fenced: true}
		r.fence = time.Now().Add(48 * time.Hour).UnixMicro()
		before := client.Time(t.Context()).Val()
		got, err := p.send(t.Context(), r)
		require.NoError(t, err)
		after := client.Time(t.Context()).Val()
		assert.GreaterOrEqual(t, got.value, before.Add(time.Hour).UnixMicro())
		assert.LessOrEqual(t, got.value, after.Add(time.Hour).UnixMicro())
	})
}

func TestRegisterEndsAtTheLastExactInteger(t *testing.T) {
	const last = 1<<53 - 1
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		p := &pair{voter: &voter{client: client}, client: client, name: "job"}
		require.NoError(t, client.Set(t.Context(), recordKey(p.name, false), last-1, 0).Err())
		r := request{op: opAcquire, name: p.name, token: token(1), ttl: time.Minute, fenced: true}
		got, err := p.send(t.Context(), r)
		require.NoError(t, err)
		assert.Equal(t, reply{status: statusOK, value: last}, got)

		_, err = p.send(t.Context(), request{op: opRelease, name: p.name, token: token(1), fenced: true})
		require.NoError(t, err)
		r.token = token(2)
		_, err = p.send(t.Context(), r)
		require.ErrorContains(t, err, "beyond 2^53-1")
		assert.Equal(t, twin{register: last, token: token(1), back: true}, p.read(t), "a refused grant leaves nothing behind")
	})
}
