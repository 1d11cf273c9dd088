package redlock_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A voter forgets once more while a client's question about its enrolment is on the way. The new
// enrolment is counted from the answer, not from the question.
func TestQuarantineIsCountedFromTheReply(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithNodeTimeout(time.Second), redlock.WithMaxClockError(20*ms))
		warmUp(t, l)
		time.Sleep(time.Second)
		q.Member("a").Link(2).Delay(400*ms, 0)
		q.Node(2).Flush()
		begin := time.Now()
		lk, err := l.TryLock(t.Context(), "job") // it's there at 400 ms, and what it asks next at 800 ms
		require.NoError(t, err)
		time.Sleep(600*ms - time.Since(begin))
		q.Node(2).Flush()
		forgot := time.Now()
		time.Sleep(3 * time.Second)

		text, err := q.Member("reader").Clients()[2].HGet(t.Context(), "redlock:voter", "until").Result()
		require.NoError(t, err, "it was told how long")
		until, err := strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, until, forgot.Add(10*time.Second).UnixMicro(), "all that it forgot is over")
		require.NoError(t, lk.Unlock(t.Context()))
	})
}
