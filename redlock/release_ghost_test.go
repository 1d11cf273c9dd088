package redlock_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// ghost sends the first pipeline that asks for a lock only after a while, as retransmission
// does, and tells the caller at once that the connection broke.
type ghost struct {
	name  string
	after time.Duration
	done  sync.WaitGroup
	once  sync.Once
}

func (g *ghost) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (g *ghost) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (g *ghost) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) (err error) {
		hit := false
		for _, c := range cmds {
			if strings.Contains(c.String(), " "+g.name+" ") && len(c.Args()) > 5 {
				g.once.Do(func() { hit = true })
			}
		}
		if !hit {
			return next(ctx, cmds)
		}
		later := append([]redis.Cmder(nil), cmds...)
		for i, c := range cmds {
			later[i] = redis.NewCmd(context.Background(), c.Args()...)
			c.SetErr(errors.New("connection reset"))
		}
		g.done.Go(func() {
			time.Sleep(g.after)
			_ = next(context.Background(), later)
		})
		return errors.New("connection reset")
	}
}

// The request of a failed attempt is still on its way when its release finds another's lock.
func TestReleaseThatFindsAnother(t *testing.T) {
	for name, opt := range map[string][]redlock.Option{"guarded": nil, "plain": {redlock.WithoutFencing()}} {
		for _, contended := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " contended", false: " free"}[contended], func(t *testing.T) {
				bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
					holder := join(t, q, "holder", opt...)
					m := q.Member("a")
					clients := m.Clients()
					g := &ghost{name: "job", after: 100 * ms}
					cl := m.Client(2, func(o *redis.Options) { o.MaxRetries = -1 })
					clients[2] = cl
					l := open(t, clients, append(opt, redlock.WithClock(m.Clock()), redlock.WithTTL(time.Minute))...)
					for range 3 {
						w, err := l.Lock(t.Context(), "warm-up")
						require.NoError(t, err)
						require.NoError(t, w.Unlock(t.Context()))
					}
					holder.Voters()
					held, err := join(t, q, "holder2", append(opt, redlock.WithTTL(time.Minute))...).Lock(t.Context(), "job")
					require.NoError(t, err)
					if !contended {
						require.NoError(t, held.Unlock(t.Context()))
						for i := range 2 { // somebody else still has the other two
							q.Node(i).Set("job", "other", time.Second)
						}
					}
					time.Sleep(10 * ms)
					cl.AddHook(g)
					_, err = l.TryLock(t.Context(), "job")
					require.Error(t, err)
					time.Sleep(20 * ms)
					if contended {
						require.NoError(t, held.Unlock(t.Context()))
					}
					time.Sleep(10 * time.Second)
					g.done.Wait()
					v, ok := q.Node(2).Get("job")
					assert.False(t, ok, "left behind: %s", v)
				})
			})
		}
	}
}
