package clockdrift_test

import (
	"math"
	"math/big"
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
)

func TestWindow(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	tests := map[string]struct {
		start, ttl time.Duration
		drift      float64
		length     time.Duration
	}{
		"as in the specification":          {5 * s, 10 * s, 0.01, 10*s - 100*ms - 2*ms},
		"no drift leaves the granularity":  {0, 10 * s, 0, 10*s - 2*ms},
		"a fraction of a millisecond goes": {0, 10*s + 999*time.Microsecond, 0, 10*s - 2*ms},
		"below a millisecond is nothing":   {0, 999 * time.Microsecond, 0, 0},
		"all allowance":                    {0, 2 * ms, 0, 0},
		"a day":                            {0, 24 * time.Hour, 0.5, 12*time.Hour - 2*ms},
		"negative ttl":                     {0, -s, 0.01, 0},
		"negative drift":                   {0, s, -0.01, 0},
		"drift of one":                     {0, s, 1, 0},
		"drift that is no number":          {0, s, math.NaN(), 0},
		"before the clock's zero":          {-5 * s, s, 0, s - 2*ms},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := clockdrift.NewWindow(tt.start, tt.ttl, tt.drift)
			assert.Equal(t, tt.start, w.Start())
			// Rounding may only ever shorten it, by nanoseconds.
			assert.LessOrEqual(t, w.Length(), tt.length)
			assert.InDelta(t, tt.length, w.Length(), 2)
			assert.Equal(t, w.Length() > 0, w.Open(tt.start))
			assert.False(t, w.Open(w.Deadline()))
			assert.Equal(t, w.Length(), w.Remaining(tt.start))
			assert.Zero(t, w.Remaining(w.Deadline()+s))
		})
	}
}

func TestZeroWindowIsClosed(t *testing.T) {
	assert.False(t, clockdrift.Window{}.Open(0))
}

func TestWindowAtTheEndOfTime(t *testing.T) {
	w := clockdrift.NewWindow(math.MaxInt64-time.Second, time.Hour, 0.01)
	assert.Equal(t, time.Duration(math.MaxInt64), w.Deadline(), "saturates instead of wrapping around")
}

// safe is the invariant, in exact arithmetic and written from the server's side: the server
// expires the key after ttl milliseconds of its own clock, up to one of which may have begun
// before the request came. If that clock runs at the largest rate allowed, the holder must
// already have stopped trusting the lock.
func safe(start, ttl time.Duration, drift float64) bool {
	w := clockdrift.NewWindow(start, ttl, drift)
	if w.Length() < 0 || w.Length() > max(ttl, 0) {
		return false
	}
	if w.Length() == 0 {
		return true
	}
	serverNanos := new(big.Rat).SetInt64((ttl.Milliseconds() - 1) * int64(time.Millisecond))
	rate := new(big.Rat).Add(big.NewRat(1, 1), new(big.Rat).SetFloat64(drift))
	claimed := new(big.Rat).Mul(new(big.Rat).SetInt64(int64(w.Length())), rate)
	return claimed.Cmp(serverNanos) <= 0
}

func TestWindowNeverClaimsMoreThanTheServerGives(t *testing.T) {
	property := func(start int64, ttl int64, drift uint16) bool {
		return safe(time.Duration(start%(1<<60)), time.Duration(ttl), float64(drift)/65536)
	}
	require.NoError(t, quick.Check(property, &quick.Config{MaxCount: 200_000}))
}

func FuzzWindow(f *testing.F) {
	f.Add(int64(0), int64(10*time.Second), 0.01)
	f.Add(int64(1), int64(3*time.Millisecond), 0.0)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), 0.999999)
	f.Add(int64(-1), int64(1<<53+1), 1e-300)
	f.Fuzz(func(t *testing.T, start, ttl int64, drift float64) {
		require.True(t, safe(time.Duration(start), time.Duration(ttl), drift), "start %d, ttl %d, drift %g", start, ttl, drift)
	})
}
