package clockdrift_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
)

func TestSystemClockFollowsTime(t *testing.T) {
	clock := clockdrift.System()
	began, before := time.Now(), clock.Now()
	time.Sleep(20 * time.Millisecond)
	inside := clock.Now() - before
	outside := time.Since(began)
	assert.GreaterOrEqual(t, inside, 20*time.Millisecond)
	assert.LessOrEqual(t, inside, outside)
}

func TestSystemClockNeverGoesBack(t *testing.T) {
	clock := clockdrift.System()
	last := clock.Now()
	for range 100_000 {
		now := clock.Now()
		require.GreaterOrEqual(t, now, last)
		last = now
	}
}

func BenchmarkSystemClock(b *testing.B) {
	clock := clockdrift.System()
	for b.Loop() {
		clock.Now()
	}
}
