package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// A middlebox forgets connections that were idle for some time, and tells nobody. A connection that's given up
// earlier doesn't meet that.
func TestRealConnectionsThatAMiddleboxForgets(t *testing.T) {
	for idle, want := range map[string]error{"100ms": nil, "1m": redlock.ErrNoQuorum} {
		t.Run(idle, func(t *testing.T) {
			var relays []*redistest.Relay
			var urls []string
			for _, s := range startVotersNamed(t, "a", "b", "c") {
				r := redistest.NewRelay(t, s.Addr)
				relays, urls = append(relays, r), append(urls, "redis://"+r.Addr+"?conn_max_idle_time="+idle)
			}
			l := dialURLs(t, urls, redlock.WithNodeTimeout(time.Second), redlock.WithVoterNames("a", "b", "c"))
			use(t, l, "job")
			time.Sleep(200 * time.Millisecond)
			for _, r := range relays {
				r.Forget()
			}
			lk, err := l.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, want)
			if err == nil {
				require.NoError(t, lk.Unlock(t.Context()))
			}
		})
	}
}
