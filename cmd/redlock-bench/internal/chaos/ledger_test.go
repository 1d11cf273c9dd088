package chaos

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// bubbleClock follows the virtual time of a synctest bubble.
type bubbleClock struct{ start time.Time }

func (c bubbleClock) Now() time.Duration { return time.Since(c.start) }

func TestLedgerAllowsAMinority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(bubbleClock{time.Now()}, 5, 2)
		assert.True(t, l.damage(0))
		assert.True(t, l.damage(1))
		assert.False(t, l.damage(2), "a third one")
		assert.True(t, l.damage(1), "one that is damaged already")
		l.recover(1, time.Second)
		time.Sleep(time.Second - time.Nanosecond)
		assert.False(t, l.damage(2), "the second is still recovering")
		time.Sleep(time.Nanosecond)
		assert.True(t, l.damage(2))
		assert.False(t, l.damage(3))
	})
}
