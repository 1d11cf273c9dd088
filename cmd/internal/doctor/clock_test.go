package doctor

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/clockdrift"
)

// shown is what a clock shows after a time.
type shown func(after time.Duration) time.Duration

func atRate(rate float64) shown {
	return func(after time.Duration) time.Duration { return time.Duration(float64(after) * rate) }
}

func ahead(by time.Duration) shown {
	return func(after time.Duration) time.Duration { return after + by }
}

func jumping(when, by time.Duration) shown {
	return func(after time.Duration) time.Duration {
		if after >= when {
			return after + by
		}
		return after
	}
}

// sampled is five seconds of a clock, seen through random delays on both ways.
func sampled(r *rand.Rand, clock shown, delay time.Duration) watched {
	var w watched
	for at := time.Duration(0); at < 5*time.Second; at += sampleInterval {
		out, back := time.Duration(r.Int64N(int64(delay))), time.Duration(r.Int64N(int64(delay)))
		w.samples = append(w.samples, clockdrift.Sample{Sent: time.Hour + at - out, Received: time.Hour + at + back, Time: clock(at)})
	}
	return w
}

// verdicts are what the checks of clocks say of the last of the given clocks.
func clockVerdicts(seed uint64, delay time.Duration, clocks ...shown) (clock, rate Level) {
	r := rand.New(rand.NewPCG(seed, 1))
	e := &examination{config: Config{TTL: 10 * time.Second}}
	for i, c := range clocks {
		e.voters = append(e.voters, voter{node: node{number: i + 1}, watched: sampled(r, c, delay)})
	}
	e.judgeClocks()
	last := &e.voters[len(clocks)-1]
	return worst(judgeClock(e, last)), worst(judgeRate(e, last))
}

// worst is the level of a check that has at most one verdict; empty without.
func worst(v []verdict) Level {
	if len(v) == 0 {
		return ""
	}
	return v[0].level
}

func TestClockVerdicts(t *testing.T) {
	right := atRate(1)
	tests := map[string]struct {
		clocks      []shown
		clock, rate Level
	}{
		"all right":                   {[]shown{right, right, right}, OK, OK},
		"alone":                       {[]shown{ahead(time.Hour)}, OK, OK},
		"a little ahead":              {[]shown{right, right, ahead(200 * ms)}, OK, OK},
		"ahead":                       {[]shown{right, right, ahead(300 * ms)}, Warning, OK},
		"behind":                      {[]shown{right, right, ahead(-300 * ms)}, Warning, OK},
		"behind, and two nodes":       {[]shown{right, ahead(-time.Second)}, Error, OK},
		"others ahead":                {[]shown{ahead(5 * time.Second), right, right}, OK, OK},
		"no majority":                 {[]shown{right, ahead(time.Second), ahead(2 * time.Second)}, Error, OK},
		"jumped forward":              {[]shown{right, right, jumping(2*time.Second, time.Second)}, Warning, ""},
		"jumped forward at half-time": {[]shown{right, right, jumping(2500*ms, time.Second)}, Warning, ""},
		"jumped back":                 {[]shown{right, right, jumping(2*time.Second, -time.Second)}, Warning, ""},
		"stepped as time servers do":  {[]shown{right, right, jumping(2*time.Second, 10*ms)}, OK, OK},
		"slewed as time servers do":   {[]shown{right, right, atRate(1.0005)}, OK, OK},
		"a bit fast":                  {[]shown{right, right, atRate(1.007)}, OK, Warning},
		"a bit slow":                  {[]shown{right, right, atRate(0.993)}, OK, Warning},
		"two per cent fast":           {[]shown{right, right, atRate(1.02)}, "", Error},
		"two per cent slow":           {[]shown{right, right, atRate(0.98)}, "", Error},
		"half as fast again":          {[]shown{right, right, atRate(1.5)}, "", Error},
		"stands still":                {[]shown{right, right, atRate(0)}, "", Error},
		"jumped there and back, minutes": {[]shown{right, right, func(at time.Duration) time.Duration {
			return jumping(time.Second, -time.Minute)(jumping(4*time.Second, time.Minute)(at))
		}}, Warning, ""},
		"two of three jumped": {[]shown{right, jumping(2*time.Second, time.Second), jumping(2*time.Second, time.Second)}, Error, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				clock, rate := clockVerdicts(seed, 2*ms, tt.clocks...)
				assert.Equal(t, tt.clock, clock, "seed %d", seed)
				assert.Equal(t, tt.rate, rate, "seed %d", seed)
			}
		})
	}
}

// TestShortLocksNeedBetterClocks has a clock that is right enough for locks of 10 s, and not for those of 1 s.
func TestShortLocksNeedBetterClocks(t *testing.T) {
	for ttl, want := range map[time.Duration]Level{10 * time.Second: OK, time.Second: Warning} {
		r := rand.New(rand.NewPCG(1, 1))
		e := &examination{config: Config{TTL: ttl}}
		for i, c := range []shown{atRate(1), atRate(1), ahead(150 * ms)} {
			e.voters = append(e.voters, voter{node: node{number: i + 1}, watched: sampled(r, c, ms)})
		}
		e.judgeClocks()
		assert.Equal(t, want, worst(judgeClock(e, &e.voters[2])), "%v", ttl)
	}
	assert.Equal(t, 1100*ms, quarantine(time.Second))
	assert.Equal(t, 10500*ms, quarantine(10*time.Second))
}

// Answers that take long leave a rate unknown, and must not make a wrong one of it.
func TestSlowAnswersLeaveTheRateOpen(t *testing.T) {
	for seed := range uint64(20) {
		clock, rate := clockVerdicts(seed, 400*ms, atRate(1), atRate(1), atRate(1))
		assert.Equal(t, OK, clock, "seed %d", seed)
		assert.Contains(t, []Level{OK, Note}, rate, "seed %d", seed)
	}
}

// Where nobody is right, nobody is said to be ahead of the majority.
func TestNoMajorityOfClocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	e := &examination{config: Config{TTL: 10 * time.Second}}
	for i := range 3 {
		e.voters = append(e.voters, voter{node: node{number: i + 1}, watched: sampled(r, ahead(time.Duration(i)*time.Second), ms)})
	}
	e.judgeClocks()
	found := each((*examination).all, judgeClock)(e)
	if assert.Len(t, found, 3) {
		assert.Contains(t, found[0].Found, "too many clocks are wrong")
		assert.Contains(t, found[1].Found, "would be right if the others were")
	}
}

func TestAverageRateHoldsTheTruth(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		rate := 0.5 + r.Float64()
		low, high := averageRate(sampled(r, atRate(rate), time.Duration(1+r.Int64N(int64(50*ms)))).samples)
		assert.LessOrEqual(t, low, rate-1+1e-9, "seed %d", seed)
		assert.GreaterOrEqual(t, high, rate-1-1e-9, "seed %d", seed)
	}
}

func TestAverageRateOfTooLittle(t *testing.T) {
	for _, samples := range [][]clockdrift.Sample{
		{{Sent: 1, Received: 2, Time: 3}},
		{{Sent: 1, Received: 9, Time: 3}, {Sent: 5, Received: 10, Time: 4}},
	} {
		low, high := averageRate(samples)
		assert.True(t, math.IsInf(low, -1) && math.IsInf(high, 1))
	}
}
