package redistest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Await asks again and again, at least once, until the answer is yes, and fails the test when
// that takes longer than the limit. Unlike require.Eventually it asks on the test's own
// goroutine, where the question itself may fail the test.
func Await(tb testing.TB, limit time.Duration, yes func() bool, messageAndArgs ...any) {
	tb.Helper()
	deadline := time.Now().Add(limit)
	for !yes() {
		require.True(tb, time.Now().Before(deadline), messageAndArgs...)
		time.Sleep(5 * time.Millisecond)
	}
}
