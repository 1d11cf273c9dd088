// Package lockertest makes lockers for the client machines of package redlocktest. It is a
// package of its own because redlocktest, which package redlock's own tests use, can't import
// redlock.
package lockertest

import (
	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// New returns a locker on the member's clients and with the member's clock, so that
// Clock.Suspend has its effect. The options come after these, and may replace the clock. The
// locker is closed when the test ends. An error of redlock.New ends the test.
//
//	q := redlocktest.New(t, 5)
//	locker := lockertest.New(t, q.Member("alice"))
func New(tb redlocktest.TB, m *redlocktest.Member, opts ...redlock.Option) *redlock.Locker {
	tb.Helper()
	l, err := redlock.New(m.Clients(), append([]redlock.Option{redlock.WithClock(m.Clock())}, opts...)...)
	if err != nil {
		tb.Fatalf("lockertest: member %q: %v", m.Name(), err)
		return nil // not reached with a testing.TB
	}
	tb.Cleanup(func() { _ = l.Close() }) // says nothing that a test could act upon
	return l
}
