package quorum_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/quorum"
)

// stuckGroup returns a group of one voter that is busy with a first request until it's let go.
func stuckGroup(t *testing.T, config quorum.Config) (*quorum.Group[string, string], *fake) {
	t.Helper()
	hung := &fake{stuck: make(chan struct{})}
	g := newGroupOf(1, config, hung)
	g.Start(poll("first"))
	synctest.Wait()
	return g, hung
}

func urgent(request string) quorum.Poll[string, string] {
	p := poll(request)
	p.Urgent, p.Persist = true, true
	return p
}

func TestAttemptsAreBoundedAndUrgentRequestsAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, hung := stuckGroup(t, quorum.Config{Queue: 8})
		for i := range 20 {
			b := g.Start(poll("attempt"))
			if i >= 8 {
				require.ErrorIs(t, b.Wait(t.Context()).Answers[0].Err, quorum.ErrQueueFull)
			}
		}
		for range 100 {
			g.Start(urgent("release"))
		}
		close(hung.stuck)
		g.Close(t.Context())
		seen := hung.seen()
		require.Len(t, seen, 1+100+8)
		assert.Equal(t, "release", seen[1], "ahead of the attempts")
		assert.Equal(t, "release", seen[100])
	})
}

// The attempts that the majority of the others has decided make room for those that somebody waits for.
func TestAHungVoterRefusesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := &fake{stuck: make(chan struct{})}
		g := newGroupOf(1, quorum.Config{Queue: 8}, hung, &fake{}, &fake{})
		dropped := 0
		for range 100 {
			p := poll("x")
			p.Seen = func(voter int, a quorum.Answer[string]) quorum.Reaction {
				if a.Unsent() {
					dropped++
				}
				return agree(voter, a)
			}
			o := g.Start(p).Wait(t.Context())
			require.Equal(t, quorum.Won, o.Result)
			require.False(t, o.Answers[0].Heard)
			synctest.Wait()
		}
		assert.GreaterOrEqual(t, dropped, 100-1-8, "no more wait than there's room for")
		close(hung.stuck)
		g.Close(t.Context())
		assert.Len(t, hung.seen(), 100-dropped)
	})
}

func TestUrgentRequestsThatAreStaleMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, hung := stuckGroup(t, quorum.Config{Queue: 8})
		dropped := 0
		for range 1000 {
			p := urgent("extension")
			p.Until = time.Now().Add(time.Second)
			p.Seen = func(int, quorum.Answer[string]) quorum.Reaction {
				dropped++
				return quorum.Reaction{}
			}
			g.Start(p)
			time.Sleep(time.Second / 4)
		}
		assert.GreaterOrEqual(t, dropped, 1000-2*8)
		close(hung.stuck)
		g.Close(t.Context())
	})
}

// What follows an attempt takes it along: an extension that arrives first finds no lock, and a
// release that does leaves one behind.
func TestUrgentRequestsDontOvertakeTheirAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, hung := stuckGroup(t, quorum.Config{Batch: 2})
		for i := range 5 {
			g.Start(poll(fmt.Sprint("other ", i)))
		}
		p := poll("acquire")
		acquire := g.Start(p)
		extend := urgent("extend")
		extend.After = acquire
		g.Start(extend)
		g.Start(extend) // the attempt goes along once
		close(hung.stuck)
		g.Close(t.Context())
		assert.Equal(t, []string{"first", "acquire", "extend", "extend", "other 0", "other 1", "other 2", "other 3", "other 4"}, hung.seen())
	})
}

func TestWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, quick := &fake{stuck: make(chan struct{})}, &fake{}
		g := newGroupOf(1, quorum.Config{}, hung, quick)
		g.Start(poll("first"))
		synctest.Wait()
		p := poll("attempt")
		var unsent []int
		p.Seen = func(voter int, a quorum.Answer[string]) quorum.Reaction {
			if a.Unsent() {
				unsent = append(unsent, voter)
			}
			return quorum.Reaction{}
		}
		b := g.Start(p)
		synctest.Wait()
		b.Withdraw()
		assert.Equal(t, []int{0}, unsent, "the other one has been asked already")
		b.Withdraw()
		assert.Equal(t, []int{0}, unsent, "once")
		close(hung.stuck)
		g.Close(t.Context())
		assert.Equal(t, []string{"first"}, hung.seen())
		assert.Equal(t, []string{"first", "attempt"}, quick.seen())
	})
}
