package redlock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// TestModelMatchesScripts sends random requests to a Redis and to the model that is explored
// in its stead. After each they must agree on the reply, the owner and the register.
func TestModelMatchesScripts(t *testing.T) {
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		for seed := range uint64(100) {
			p := &pair{
				random: rand.New(rand.NewPCG(seed, 0)),
				voter:  &voter{client: client}, client: client, name: fmt.Sprint("job", seed),
			}
			for n := range 40 {
				did := p.step(t)
				require.Equal(t, p.model, p.read(t), "seed %d, step %d: %s", seed, n, did)
			}
		}
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
	model  modelVoter
}

func token(id uint8) string { return "token of client " + strconv.Itoa(int(id)) }

func (p *pair) step(t *testing.T) (did string) {
	id := uint8(1 + p.random.IntN(3))
	r := request{
		op: operation(p.random.IntN(4)), name: p.name, token: token(id), ttl: time.Minute, fenced: true,
		fence: p.random.Int64N(p.model.register + 4), restore: p.random.IntN(2) == 0,
	}
	switch p.random.IntN(8) {
	case 0:
		p.model.expire()
		require.NoError(t, p.client.Del(t.Context(), p.name).Err())
		return "the lock ends"
	case 1:
		p.model = modelVoter{}
		require.NoError(t, p.client.Del(t.Context(), p.name, recordKey(p.name, false)).Err())
		return "the voter forgets"
	}
	did = fmt.Sprintf("%v %+v on %+v", r.op, r, p.model)
	want := p.expect(r, id)
	got, err := p.send(t.Context(), r)
	require.NoError(t, err, did)
	if r.op == opAcquire && got.status == statusHeld {
		got.value = 0 // the remaining TTL, of which the model knows nothing
	}
	require.Equal(t, want, got, did)
	return did
}

// expect returns the reply of the model.
func (p *pair) expect(r request, id uint8) reply {
	verdict := map[bool]status{true: statusOK, false: statusHeld}
	switch r.op {
	case opAcquire:
		value, ok := p.model.grant(shipped, id, r.fence)
		return reply{status: verdict[ok], value: value}
	case opConfirm:
		ok := p.model.confirm(shipped, id, r.fence)
		return reply{status: verdict[ok], value: p.model.register}
	case opExtend:
		return reply{status: p.model.extend(shipped, id, r.fence, r.restore), value: p.model.register}
	default:
		return reply{status: p.model.release(id)}
	}
}

// send returns what the script replied, without what the guards add.
func (p *pair) send(ctx context.Context, r request) (reply, error) {
	var answers [1]quorum.Answer[reply]
	p.voter.Exchange(ctx, []request{r}, answers[:])
	return reply{status: answers[0].Reply.status, value: answers[0].Reply.value}, answers[0].Err
}

// read returns what the Redis holds, as a model.
func (p *pair) read(t *testing.T) modelVoter {
	t.Helper()
	var v modelVoter
	owner, err := p.client.Get(t.Context(), p.name).Result()
	if !errors.Is(err, redis.Nil) {
		require.NoError(t, err)
	}
	for id := uint8(1); id <= 3; id++ {
		if owner == token(id) {
			v.owner = id
		}
	}
	v.register, err = p.client.Get(t.Context(), recordKey(p.name, false)).Int64()
	if !errors.Is(err, redis.Nil) {
		require.NoError(t, err)
	}
	return v
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

		_, err = p.send(t.Context(), request{op: opRelease, name: p.name, token: token(1)})
		require.NoError(t, err)
		_, err = p.send(t.Context(), r)
		require.ErrorContains(t, err, "beyond 2^53-1")
		assert.Equal(t, modelVoter{register: last}, p.read(t), "a refused grant leaves nothing behind")
	})
}
