package clockdrift_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
)

// TestAgreedTable reads testdata/agreed.txt, which can be checked by eye.
func TestAgreedTable(t *testing.T) {
	text, err := os.ReadFile("testdata/agreed.txt")
	require.NoError(t, err)
	cases := 0
	for n, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		left, right, found := strings.Cut(line, "->")
		if !found {
			require.Empty(t, strings.TrimSpace(line), "line %d", n+1)
			continue
		}
		cases++
		var clocks []clockdrift.Interval
		for _, field := range strings.Fields(left) {
			clocks = append(clocks, parse(t, field))
		}
		assert.Equal(t, parse(t, strings.TrimSpace(right)), clockdrift.Agreed(clocks), "line %d: %s", n+1, line)
	}
	assert.Greater(t, cases, 10)
}

// parse reads "3..5", or "?" for unknown, in seconds. "-inf" and "+inf" are an unknown end.
func parse(t *testing.T, field string) clockdrift.Interval {
	if field == "?" {
		return clockdrift.Unknown
	}
	end := func(s string) time.Duration {
		switch s {
		case "-inf":
			return clockdrift.Unknown.Low
		case "+inf":
			return clockdrift.Unknown.High
		}
		v, err := strconv.Atoi(s)
		require.NoError(t, err, field)
		return time.Duration(v) * time.Second
	}
	low, high, found := strings.Cut(field, "..")
	require.True(t, found, field)
	return clockdrift.Interval{Low: end(low), High: end(high)}
}

// naiveAgreed says what Agreed means, without sorting: Low is the largest bound that no more
// than f lower bounds are below.
func naiveAgreed(clocks []clockdrift.Interval) clockdrift.Interval {
	f := (len(clocks) - 1) / 2
	agreed := clockdrift.Interval{Low: clockdrift.Unknown.Low, High: clockdrift.Unknown.High}
	for _, c := range clocks {
		below, above := 0, 0
		for _, o := range clocks {
			if o.Low < c.Low {
				below++
			}
			if o.High > c.High {
				above++
			}
		}
		if below <= f {
			agreed.Low = max(agreed.Low, c.Low)
		}
		if above <= f {
			agreed.High = min(agreed.High, c.High)
		}
	}
	return agreed
}

func FuzzAgreed(f *testing.F) {
	f.Add(uint64(1), uint8(5))
	f.Add(uint64(2), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		r := rand.New(rand.NewPCG(seed, 0))
		clocks := make([]clockdrift.Interval, 1+n%9)
		for i := range clocks {
			if clocks[i] = clockdrift.Unknown; r.IntN(5) > 0 {
				low := time.Duration(r.IntN(20))
				clocks[i] = clockdrift.Interval{Low: low, High: low + time.Duration(r.IntN(20))}
			}
		}
		agreed := clockdrift.Agreed(clocks)
		require.Equal(t, naiveAgreed(clocks), agreed, "%v", clocks)
		require.LessOrEqual(t, agreed.Low, agreed.High, "%v", clocks)
	})
}

// Whatever f of the clocks say, the agreed time holds true time, give or take what the others
// are off. And it's as tight as the right clocks are, as long as those are known.
func TestAgreedHoldsTrueTimeWhateverAMinoritySays(t *testing.T) {
	const epsilon, truth = 250 * time.Millisecond, time.Hour
	r := rand.New(rand.NewPCG(1, 1))
	between := func(low, high time.Duration) time.Duration { return low + time.Duration(r.Int64N(int64(high-low))) }
	for range 200_000 {
		n := 1 + r.IntN(9)
		clocks := make([]clockdrift.Interval, n)
		wrong, unknown := r.IntN((n-1)/2+1), 0
		low, high := truth, truth
		for i := range clocks {
			off := between(-epsilon, epsilon)
			if i < wrong {
				off = between(-100*365*24*time.Hour, 100*365*24*time.Hour)
			}
			clocks[i] = clockdrift.Interval{Low: truth + off - between(0, time.Second), High: truth + off + between(0, time.Second)}
			if i >= wrong && r.IntN(8) == 0 {
				clocks[i] = clockdrift.Unknown
				unknown++
			} else if i >= wrong {
				low, high = min(low, clocks[i].Low), max(high, clocks[i].High)
			}
		}
		agreed := clockdrift.Agreed(clocks)
		assert.LessOrEqual(t, agreed.Low, truth+epsilon, "%v", clocks)
		assert.GreaterOrEqual(t, agreed.High, truth-epsilon, "%v", clocks)
		if wrong+unknown <= (n-1)/2 {
			require.GreaterOrEqual(t, agreed.Low, low, "%v", clocks)
			require.LessOrEqual(t, agreed.High, high, "%v", clocks)
			require.True(t, agreed.Known())
		}
		if t.Failed() {
			return
		}
	}
}

func TestSampleBoundsTheClock(t *testing.T) {
	const ms = time.Millisecond
	s := clockdrift.Sample{Sent: 100 * ms, Received: 104 * ms, Time: time.Hour}
	assert.Equal(t, clockdrift.Interval{Low: time.Hour, High: time.Hour + 4*ms + 40*time.Microsecond}, s.At(104*ms, 0.01))
	// Ten seconds later: 10 s further on, and either clock may be 1 % off.
	later := s.At(10104*ms, 0.01)
	assert.Equal(t, time.Hour+10*time.Second-100*ms, later.Low)
	assert.Equal(t, time.Hour+10004*ms+100*ms+40*time.Microsecond, later.High)
}

// three returns clocks of three voters, and a function that lets those that are given read their times.
func three(together time.Duration) (c *clockdrift.Clocks, hear func(now time.Duration, off map[int]time.Duration)) {
	const ms = time.Millisecond
	c = clockdrift.NewClocks(3, 0.01, 10*ms, together)
	return c, func(now time.Duration, off map[int]time.Duration) {
		for voter, by := range off {
			c.Observe(voter, clockdrift.Sample{Sent: now, Received: now + ms, Time: time.Hour + now + by})
		}
	}
}

func TestClocksRememberWhatWasAgreedOn(t *testing.T) {
	const ms = time.Millisecond
	c, hear := three(time.Second)
	assert.Equal(t, clockdrift.Unknown, c.At(0, time.Second))
	hear(time.Second, map[int]time.Duration{0: time.Minute})
	assert.False(t, c.Agreed(time.Second).Known(), "one of three")
	hear(time.Second, map[int]time.Duration{0: time.Minute, 1: 0, 2: 0})
	holds := func(now time.Duration, width time.Duration) {
		t.Helper()
		agreed := c.Agreed(now)
		assert.LessOrEqual(t, agreed.Low, time.Hour+now)
		assert.GreaterOrEqual(t, agreed.High, time.Hour+now)
		assert.Less(t, agreed.Width(), width)
	}
	holds(time.Second+ms, 3*ms)
	holds(11*time.Second, 205*ms)
	// Now 0 is right, 1 is wrong, and only 1 and 2 are heard of: what they say is no use, but it
	// was known before. Together with what 0 said then, two would be wrong, who are a majority.
	hear(12*time.Second, map[int]time.Duration{1: time.Minute, 2: 0})
	holds(12*time.Second, 225*ms)
	hear(13*time.Second, map[int]time.Duration{0: 0, 1: time.Minute, 2: 0})
	holds(13*time.Second+ms, 3*ms)
}

// Samples that are apart by more than they may be don't make up an agreement.
func TestClocksPutTogetherWhatIsOfOneMoment(t *testing.T) {
	c, hear := three(time.Second)
	hear(time.Second, map[int]time.Duration{0: 0})
	hear(3*time.Second, map[int]time.Duration{1: 0})
	assert.False(t, c.Agreed(3*time.Second).Known())
	hear(3500*time.Millisecond, map[int]time.Duration{2: 0})
	assert.True(t, c.Agreed(3500*time.Millisecond).Known())
}

// Our own clock stands still for a minute. The earlier agreement can't be true then.
func TestClocksNoticeThatOurOwnStoodStill(t *testing.T) {
	c, hear := three(time.Second)
	hear(time.Second, map[int]time.Duration{0: 0, 1: 0, 2: 0})
	hear(2*time.Second, map[int]time.Duration{0: time.Minute, 1: time.Minute, 2: time.Minute})
	assert.Greater(t, c.Agreed(2*time.Second).Low, time.Hour+time.Minute)
}

// Right after an exchange our own clock stands still for 3 s. The next samples say less, but contradict.
func TestClocksNoticeThatOurOwnStoodStillRightAfterAnExchange(t *testing.T) {
	const ms = time.Millisecond
	c := clockdrift.NewClocks(3, 0.01, 10*ms, 100*ms)
	for voter := range 3 {
		c.Observe(voter, clockdrift.Sample{Sent: 0, Received: ms, Time: time.Hour})
	}
	for voter := range 3 {
		c.Observe(voter, clockdrift.Sample{Sent: 40 * ms, Received: 50 * ms, Time: time.Hour + 3*time.Second})
	}
	assert.Greater(t, c.Agreed(50*ms).Low, time.Hour+2*time.Second)
}

// One clock is an hour ahead, and a right one moves within the error that it may have. What these two
// say half a second later is wide and contradicts nothing, so the closer agreement stays.
func TestClocksMayMoveWithinTheirError(t *testing.T) {
	const ms = time.Millisecond
	c := clockdrift.NewClocks(3, 0.01, 20*ms, 100*ms)
	hear := func(now time.Duration, voter int, off time.Duration) {
		c.Observe(voter, clockdrift.Sample{Sent: now, Received: now + ms, Time: time.Hour + now + off})
	}
	hear(0, 0, time.Hour)
	hear(0, 1, -10*ms)
	hear(0, 2, -20*ms)
	hear(500*ms, 0, time.Hour)
	hear(500*ms, 1, 20*ms)
	assert.Less(t, c.Agreed(501*ms).Width(), 20*ms)
	// Further apart they can't be by their errors alone: our own clock stood still.
	hear(700*ms, 0, time.Hour)
	hear(700*ms, 1, 100*ms)
	assert.Greater(t, c.Agreed(701*ms).Low, time.Hour+700*ms+50*ms)
}

func TestClocksKeepTheCloserOfTwoSamplesOfAMoment(t *testing.T) {
	const ms = time.Millisecond
	c := clockdrift.NewClocks(1, 0.01, 10*ms, time.Second)
	exact := clockdrift.Sample{Sent: 0, Received: ms, Time: time.Hour}
	c.Observe(0, exact)
	c.Observe(0, clockdrift.Sample{Sent: 2 * ms, Received: 500 * ms, Time: time.Hour + 100*ms})
	assert.Equal(t, exact.At(500*ms, 0.01), c.At(0, 500*ms))
}

func ExampleAgreed() {
	at := func(s int) clockdrift.Interval {
		return clockdrift.Interval{Low: time.Duration(s) * time.Second, High: time.Duration(s+1) * time.Second}
	}
	fmt.Println(clockdrift.Agreed([]clockdrift.Interval{at(100), at(101), at(7000)}))  // one is far ahead
	fmt.Println(clockdrift.Agreed([]clockdrift.Interval{at(100), at(101), at(-7000)})) // and now far behind
	// Output:
	// {1m41s 1m42s}
	// {1m40s 1m41s}
}

// While voters are replaced, a majority of each set is right. That isn't a majority of all: here 0, 1 and 2 are right, and in both
// sets, and the other four are wrong.
func TestClocksOfTwoSets(t *testing.T) {
	const ms = time.Millisecond
	c := clockdrift.NewJointClocks(0.01, 10*ms, time.Second, []int{0, 1, 2, 3, 4}, []int{0, 1, 2, 5, 6})
	hear := func(voter int, off time.Duration) {
		c.Observe(voter, clockdrift.Sample{Sent: time.Second, Received: time.Second + ms, Time: time.Hour + time.Second + off})
	}
	for _, voter := range []int{3, 4, 5, 6} {
		hear(voter, time.Minute)
	}
	for _, voter := range []int{0, 1, 2} {
		hear(voter, 0)
	}
	agreed := c.Agreed(time.Second + ms)
	assert.LessOrEqual(t, agreed.Low, time.Hour+time.Second)
	assert.GreaterOrEqual(t, agreed.High, time.Hour+time.Second+ms)
	assert.Less(t, agreed.Width(), 5*ms)

	// Where the sets have nothing in common and contradict each other, a majority of one is wrong.
	c = clockdrift.NewJointClocks(0.01, 10*ms, time.Second, []int{0}, []int{1})
	hear(0, 0)
	hear(1, 19*ms)
	assert.True(t, c.Agreed(time.Second+ms).Known(), "right clocks may differ by so much")
	hear(1, time.Minute)
	assert.False(t, c.Tell(time.Second+ms))
}
