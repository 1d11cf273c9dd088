package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/quorum"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a voter that answers each request with the request itself, after a delay.
type fake struct {
	delay time.Duration
	err   error
	stuck chan struct{} // while open, exchanges don't end, whatever their context says

	mu      sync.Mutex
	batches [][]string
}

func (f *fake) Exchange(ctx context.Context, requests []string, answers []quorum.Answer[string]) {
	f.mu.Lock()
	f.batches = append(f.batches, append([]string(nil), requests...))
	f.mu.Unlock()
	if f.stuck != nil {
		<-f.stuck
	}
	err := f.err
	select {
	case <-time.After(f.delay):
	case <-ctx.Done():
		err = ctx.Err()
	}
	for i := range requests {
		answers[i].Reply, answers[i].Err = requests[i], err
	}
}

func (f *fake) seen() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.batches {
		all = append(all, b...)
	}
	return all
}

func newGroup(config quorum.Config, fakes ...*fake) *quorum.Group[string, string] {
	return newGroupOf(2, config, fakes...)
}

// newGroupOf gives each voter so many workers.
func newGroupOf(workers int, config quorum.Config, fakes ...*fake) *quorum.Group[string, string] {
	var voters [][]quorum.Transport[string, string]
	for _, f := range fakes {
		voters = append(voters, slices.Repeat([]quorum.Transport[string, string]{f}, workers))
	}
	return quorum.NewGroup(voters, config)
}

func agree(int, quorum.Answer[string]) quorum.Reaction { return quorum.Reaction{Vote: quorum.Yes} }

func refuse(int, quorum.Answer[string]) quorum.Reaction { return quorum.Reaction{Vote: quorum.No} }

func poll(request string) quorum.Poll[string, string] {
	return quorum.Poll[string, string]{Request: request, Timeout: time.Second, Seen: agree}
}

func TestBallotIsOverAsSoonAsItIsDecided(t *testing.T) {
	tests := map[string]struct {
		delays []time.Duration
		seen   func(int, quorum.Answer[string]) quorum.Reaction
		result quorum.Result
		after  time.Duration
	}{
		"the fastest majority wins": {
			delays: []time.Duration{50, 10, 30, 500, 400}, seen: agree,
			result: quorum.Won, after: 50,
		},
		"the fastest minority that can block loses": {
			delays: []time.Duration{50, 10, 30, 500, 400},
			seen:   refuse,
			result: quorum.Lost, after: 50,
		},
		"silence is decided by the time-out": {
			delays: []time.Duration{10, 5000, 5000}, seen: agree,
			result: quorum.Pending, after: 1000,
		},
		"an even number": {
			delays: []time.Duration{10, 20, 30, 40}, seen: agree,
			result: quorum.Won, after: 30,
		},
		"one voter": {
			delays: []time.Duration{10}, seen: agree,
			result: quorum.Won, after: 10,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fakes []*fake
				for _, d := range tt.delays {
					fakes = append(fakes, &fake{delay: d * time.Millisecond})
				}
				g := newGroup(quorum.Config{}, fakes...)
				defer g.Close(t.Context())
				p := poll("vote")
				p.Seen = tt.seen
				begun := time.Now()
				o := g.Start(p).Wait(t.Context())
				assert.Equal(t, tt.result, o.Result)
				assert.Equal(t, tt.after*time.Millisecond, time.Since(begun))
			})
		})
	}
}

func TestContextEndsTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(quorum.Config{}, &fake{delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Millisecond)
		defer cancel()
		begun := time.Now()
		o := g.Start(poll("vote")).Wait(ctx)
		assert.Equal(t, quorum.Pending, o.Result)
		assert.False(t, o.Answers[0].Heard)
		assert.True(t, o.Expired)
		assert.Equal(t, 7*time.Millisecond, time.Since(begun))
		g.Close(t.Context())
	})
}

func TestEveryAnswerIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(quorum.Config{}, &fake{}, &fake{}, &fake{delay: 3 * time.Second})
		p := poll("vote")
		elapsed := make([]time.Duration, 3)
		p.Seen = func(voter int, a quorum.Answer[string]) quorum.Reaction {
			assert.True(t, a.Heard)
			assert.Equal(t, 1, a.Sent)
			elapsed[voter] = a.Elapsed
			return quorum.Reaction{Vote: quorum.Yes}
		}
		o := g.Start(p).Wait(t.Context())
		require.Equal(t, quorum.Won, o.Result)
		assert.False(t, o.Expired)
		assert.False(t, o.Answers[2].Heard)
		g.Close(t.Context())
		assert.Equal(t, []time.Duration{0, 0, 3 * time.Second}, elapsed, "the late one, too")
		assert.False(t, o.Answers[2].Heard, "but the outcome stands")
	})
}

func TestErrorsAreNeitherYesNorNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("connection reset")
		g := newGroup(quorum.Config{}, &fake{err: broken}, &fake{}, &fake{})
		defer g.Close(t.Context())
		p := poll("vote")
		o := g.Start(p).Wait(t.Context())
		assert.Equal(t, quorum.Won, o.Result)
		synctest.Wait()
	})
}

func TestRequestsWithOneKeyKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: time.Millisecond}
		g := newGroupOf(4, quorum.Config{Batch: 3}, f)
		var want []string
		var last *quorum.Ballot[string, string]
		for i := range 100 {
			p := poll(fmt.Sprint(i))
			p.Key = 7
			last = g.Start(p)
			want = append(want, p.Request)
		}
		require.Equal(t, quorum.Won, last.Wait(t.Context()).Result)
		assert.Equal(t, want, f.seen())
		g.Close(t.Context())
	})
}

func TestWaitingRequestsShareAnExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: time.Millisecond}
		g := newGroupOf(1, quorum.Config{}, f)
		for range 50 {
			g.Start(poll("x"))
		}
		g.Close(t.Context())
		assert.Len(t, f.seen(), 50)
		assert.LessOrEqual(t, len(f.batches), 2)
	})
}

func TestNobodySendsWhatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: 5 * time.Second}
		g := newGroupOf(1, quorum.Config{}, f)
		first := g.Start(poll("sent at once"))
		synctest.Wait()
		given := g.Start(poll("given up"))
		stale := poll("stale")
		stale.Timeout, stale.Until = time.Minute, time.Now().Add(time.Second)
		outdated := g.Start(stale)
		persisting := poll("kept")
		persisting.Persist = true
		kept := g.Start(persisting)
		for _, b := range []*quorum.Ballot[string, string]{first, given, kept} {
			assert.Equal(t, quorum.Pending, b.Wait(t.Context()).Result)
		}
		o := outdated.Wait(t.Context())
		assert.Equal(t, quorum.Lost, o.Result)
		assert.True(t, o.Answers[0].Unsent())
		g.Close(t.Context())
		assert.Equal(t, []string{"sent at once", "kept"}, f.seen())
	})
}

func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &fake{err: errors.New("refused")}
		g := newGroup(quorum.Config{}, down)
		p := poll("release")
		p.Persist, p.Until = true, time.Now().Add(10*time.Second)
		p.Seen = func(_ int, a quorum.Answer[string]) quorum.Reaction {
			return quorum.Reaction{Again: a.Err != nil, Pause: time.Second << a.Sent}
		}
		assert.Equal(t, quorum.Lost, g.Start(p).Wait(t.Context()).Result)
		time.Sleep(time.Hour)
		assert.Len(t, down.seen(), 3, "at 0, 2 and 6 s; at 14 s it makes no sense any more")
		g.Close(t.Context())
	})
}

func TestCloseSendsWhatWaitsAndEndsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &fake{delay: time.Hour}
		quick := &fake{delay: time.Millisecond}
		g := newGroupOf(1, quorum.Config{Batch: 1}, slow, quick)
		for range 3 {
			p := poll("release")
			p.Persist = true
			g.Start(p)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		g.Close(ctx)
		assert.Equal(t, 3*time.Second, time.Since(begun))
		assert.Len(t, quick.seen(), 3)
		assert.Len(t, slow.seen(), 1)
		o := g.Start(poll("too late")).Wait(t.Context())
		assert.Equal(t, quorum.Lost, o.Result)
		assert.ErrorIs(t, o.Answers[0].Err, quorum.ErrClosed)
		g.Close(t.Context()) // again: no harm
	})
}

func TestOnlySomeVoters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fakes := []*fake{{}, {}, {}}
		g := newGroup(quorum.Config{}, fakes...)
		p := poll("heal")
		p.Voters, p.Persist = []int{2}, true
		o := g.Start(p).Wait(t.Context())
		assert.Equal(t, quorum.Lost, o.Result, "the others count as unknown")
		g.Close(t.Context())
		assert.Empty(t, fakes[0].seen())
		assert.Len(t, fakes[2].seen(), 1)
	})
}

// More than the number of consents may matter: the caller can wait for further voters.
func TestSettledHasTheLastWord(t *testing.T) {
	first := func(voters ...int) func(quorum.Outcome[string]) bool {
		return func(o quorum.Outcome[string]) bool {
			for _, v := range voters {
				if !o.Answers[v].Heard {
					return false
				}
			}
			return true
		}
	}
	nobody := func(quorum.Outcome[string]) bool { return false }
	tests := map[string]struct {
		settled func(quorum.Outcome[string]) bool
		expired bool
		after   time.Duration
	}{
		"at once":           {first(), false, 40},
		"with one more":     {first(4), false, 50},
		"with nobody":       {nobody, true, 1000},
		"with a silent one": {first(5), true, 1000},
	}
	for name, tt := range tests {
		for result, seen := range map[quorum.Result]func(int, quorum.Answer[string]) quorum.Reaction{quorum.Won: agree, quorum.Lost: refuse} {
			t.Run(name+", "+result.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var fakes []*fake
					for _, d := range []time.Duration{10, 20, 40, 45, 50, 5000} {
						fakes = append(fakes, &fake{delay: d * time.Millisecond})
					}
					if result == quorum.Won {
						fakes[2].delay, fakes[3].delay = 30*time.Millisecond, 40*time.Millisecond
					}
					g := newGroup(quorum.Config{}, fakes...)
					defer g.Close(t.Context())
					p := poll("vote")
					p.Seen = seen
					p.Settled = func(request string, o quorum.Outcome[string]) bool {
						assert.Equal(t, "vote", request)
						return o.Result != quorum.Pending && tt.settled(o)
					}
					begun := time.Now()
					o := g.Start(p).Wait(t.Context())
					assert.Equal(t, result, o.Result)
					assert.Equal(t, tt.expired, o.Expired)
					assert.Equal(t, tt.after*time.Millisecond, time.Since(begun))
				})
			})
		}
	}
}

func TestAllAnsweredSettlesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(quorum.Config{}, &fake{delay: time.Millisecond}, &fake{delay: 2 * time.Millisecond}, &fake{delay: 3 * time.Millisecond})
		defer g.Close(t.Context())
		p := poll("vote")
		asked := 0
		p.Settled = func(string, quorum.Outcome[string]) bool { asked++; return false }
		begun := time.Now()
		assert.Equal(t, quorum.Won, g.Start(p).Wait(t.Context()).Result)
		assert.Equal(t, 3*time.Millisecond, time.Since(begun))
		assert.Equal(t, 3, asked, "with each answer")
	})
}

// A caller may have heard enough before it's won or lost.
func TestSettledMayEndWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(quorum.Config{}, &fake{delay: time.Millisecond}, &fake{delay: time.Second}, &fake{delay: time.Second})
		defer g.Close(t.Context())
		p := poll("vote")
		p.Settled = func(_ string, o quorum.Outcome[string]) bool { return o.Answers[0].Heard }
		begun := time.Now()
		o := g.Start(p).Wait(t.Context())
		assert.Equal(t, quorum.Pending, o.Result)
		assert.False(t, o.Expired)
		assert.Equal(t, time.Millisecond, time.Since(begun))
	})
}

// What was granted to an earlier poll counts without being asked for again.
func TestStandingAnswersCountAsYes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fakes := []*fake{{}, {}, {}, {}, {}}
		g := newGroup(quorum.Config{}, fakes...)
		defer g.Close(t.Context())
		p := poll("again")
		p.Voters = []int{2, 3}
		p.Standing = make([]quorum.Answer[string], 5)
		for _, voter := range []int{0, 1, 2} { // the last of them is asked all the same
			p.Standing[voter] = quorum.Answer[string]{Heard: true, Reply: "before"}
		}
		var mu sync.Mutex // each voter's worker calls Seen
		var seen []int
		p.Seen = func(voter int, _ quorum.Answer[string]) quorum.Reaction {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, voter)
			return quorum.Reaction{Vote: quorum.Yes}
		}
		o := g.Start(p).Wait(t.Context())
		assert.Equal(t, quorum.Won, o.Result)
		assert.Equal(t, "before", o.Answers[1].Reply)
		assert.ErrorIs(t, o.Answers[4].Err, quorum.ErrNotSent)
		synctest.Wait()
		assert.ElementsMatch(t, []int{2, 3}, seen)
		assert.Empty(t, fakes[0].seen())
	})
}
