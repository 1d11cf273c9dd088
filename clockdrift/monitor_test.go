package clockdrift_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
)

const (
	ms     = time.Millisecond
	memory = 10 * time.Second
)

var config = clockdrift.MonitorConfig{Drift: 0.01, Reach: memory, Tolerance: 100 * ms, Precision: 250 * ms, Memory: memory}

// server is a voter's clock: it shows at + the time since then times rate.
type server struct {
	base, at time.Duration
	rate     float64
}

func (s *server) read(now time.Duration) time.Duration {
	return s.base + time.Duration(float64(now-s.at)*s.rate)
}

// set changes the clock at the time now, by a jump or a new rate.
func (s *server) set(now, jump time.Duration, rate float64) {
	s.base, s.at, s.rate = s.read(now)+jump, now, rate
}

// sample is an exchange with random delays on both ways.
func (s *server) sample(r *rand.Rand, now time.Duration) clockdrift.Sample {
	out, back := time.Duration(r.Int64N(int64(ms))), time.Duration(r.Int64N(int64(ms)))
	return clockdrift.Sample{Sent: now - out, Received: now + back, Time: s.read(now)}
}

func newServer(base time.Duration) *server { return &server{base: base, rate: 1} }

// watch samples the clock at every step until the end.
func watch(m *clockdrift.Monitor, r *rand.Rand, s *server, from, end, step time.Duration) (jumped bool) {
	for now := from; now < end; now += step {
		jumped = m.Observe(0, s.sample(r, now)) || jumped
	}
	return jumped
}

func TestMonitorFindsOut(t *testing.T) {
	tests := map[string]struct {
		jump  time.Duration
		rate  float64
		found bool
	}{
		"nothing happens":              {0, 1, false},
		"a step forward":               {200 * ms, 1, true},
		"a step back":                  {-200 * ms, 1, true},
		"a small step":                 {20 * ms, 1, false},
		"a small step back":            {-20 * ms, 1, false},
		"half as fast again":           {0, 1.5, true},
		"half as fast":                 {0, 0.5, true},
		"two per cent":                 {0, 1.02, true},
		"as a time server slews":       {0, 1.0005, false},
		"as a time server slews, back": {0, 0.9995, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, step := range []time.Duration{ms, 100 * ms, 3 * time.Second} {
				for seed := range uint64(20) {
					r := rand.New(rand.NewPCG(seed, 1))
					m, s := clockdrift.NewMonitor(1, config), newServer(time.Hour)
					require.False(t, watch(m, r, s, 0, memory, step))
					s.set(memory, tt.jump, tt.rate)
					require.Equal(t, tt.found, watch(m, r, s, memory, 4*memory, step), "step %v, seed %d", step, seed)
				}
			}
		})
	}
}

// Many small steps in one direction add up to more than a lock's window allows for.
func TestMonitorAddsUpSmallSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m, s := clockdrift.NewMonitor(1, config), newServer(0)
	found := false
	for now := time.Duration(0); now < memory && !found; now += time.Second {
		found = m.Observe(0, s.sample(r, now))
		s.set(now, 20*ms, 1)
	}
	assert.True(t, found)
}

func TestSuspectUntilSteadyForTheMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m, s := clockdrift.NewMonitor(1, config), newServer(0)
	watch(m, r, s, 0, memory, 100*ms)
	m.Vet(memory)
	_, suspect := m.Suspect(0, memory)
	require.False(t, suspect)
	s.set(memory, time.Minute, 1)
	require.True(t, m.Observe(0, s.sample(r, memory)))
	left, suspect := m.Suspect(0, memory+time.Second)
	assert.True(t, suspect)
	assert.InDelta(t, memory-time.Second, left, float64(2*ms))
	require.False(t, watch(m, r, s, memory, 2*memory-time.Second, 100*ms))
	// A second jump starts it over.
	s.set(2*memory-time.Second, -time.Minute, 1)
	require.True(t, m.Observe(0, s.sample(r, 2*memory-time.Second)))
	_, suspect = m.Suspect(0, 2*memory)
	assert.True(t, suspect)
	_, suspect = m.Suspect(0, 3*memory)
	assert.False(t, suspect)
	assert.Equal(t, 2, m.Estimate(0, 3*memory).Jumps)
}

func TestVetAtFirstContact(t *testing.T) {
	const good, bad, open = "good", "suspect", "unvetted"
	tests := map[string]struct {
		voters  int
		offsets []time.Duration // one for each voter heard of
		want    []string
	}{
		"the only one":               {1, []time.Duration{time.Hour}, []string{good}},
		"all agree":                  {3, []time.Duration{0, 30 * ms, -30 * ms}, []string{good, good, good}},
		"a majority agrees":          {3, []time.Duration{0, 30 * ms}, []string{good, good}},
		"one is ahead":               {3, []time.Duration{40 * time.Second, 0, 0}, []string{bad, good, good}},
		"one is behind":              {3, []time.Duration{0, 0, -time.Second}, []string{good, good, bad}},
		"one of four":                {5, []time.Duration{0, 0, -time.Second, 0}, []string{good, good, bad, good}},
		"two of five":                {5, []time.Duration{time.Hour, 0, -time.Hour, 0, 0}, []string{bad, good, bad, good, good}},
		"alone":                      {3, []time.Duration{time.Hour}, []string{open}},
		"two that disagree":          {3, []time.Duration{0, time.Second}, []string{open, open}},
		"two agree, of five":         {5, []time.Duration{time.Hour, time.Hour, 0}, []string{open, open, open}},
		"in the middle of two":       {3, []time.Duration{-80 * ms, 0, 80 * ms}, []string{good, good, good}},
		"nobody agrees with another": {3, []time.Duration{0, time.Second, 2 * time.Second}, []string{open, open, open}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			m := clockdrift.NewMonitor(tt.voters, config)
			for i, offset := range tt.offsets {
				m.Observe(i, newServer(time.Hour+offset).sample(r, 0))
			}
			m.Vet(5 * ms)
			for i := range tt.voters {
				_, suspect := m.Suspect(i, 5*ms)
				_, unvetted := m.Unvetted(i, 5*ms)
				assert.Equal(t, i < len(tt.want) && tt.want[i] == bad, suspect, "voter %d", i)
				assert.Equal(t, i < len(tt.want) && tt.want[i] == open, unvetted, "voter %d", i)
			}
		})
	}
}

func TestAVoterThatNobodyAgreesWithIsTrustedOnceSteady(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m, s := clockdrift.NewMonitor(3, config), newServer(0)
	watch(m, r, s, 0, memory, 100*ms)
	m.Vet(memory / 2)
	left, unvetted := m.Unvetted(0, memory/2)
	assert.True(t, unvetted)
	assert.InDelta(t, memory/2, left, float64(5*ms))
	_, unvetted = m.Unvetted(0, memory+5*ms)
	assert.False(t, unvetted)
}

func TestAVoterNotHeardOfForLongIsVettedAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m := clockdrift.NewMonitor(3, config)
	clocks := []*server{newServer(0), newServer(0), newServer(0)}
	for i, s := range clocks {
		m.Observe(i, s.sample(r, 0))
	}
	m.Vet(0)
	for i, s := range clocks {
		m.Observe(i, s.sample(r, 2*memory))
	}
	m.Vet(2 * memory)
	_, suspect := m.Suspect(1, 2*memory)
	assert.False(t, suspect, "it was fine then")
	clocks[1].set(time.Minute, 5*time.Second, 1) // while nobody looked
	for i, s := range clocks {
		m.Observe(i, s.sample(r, 5*time.Minute))
	}
	m.Vet(5 * time.Minute)
	for i := range clocks {
		_, suspect := m.Suspect(i, 5*time.Minute)
		assert.Equal(t, i == 1, suspect)
	}
}

// The bounds must hold whatever the delays are: the true offset and rate lie within.
func TestEstimateBoundsTheTruth(t *testing.T) {
	assert.False(t, clockdrift.NewMonitor(1, config).Estimate(0, 0).Known)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		m, s := clockdrift.NewMonitor(1, config), newServer(time.Hour)
		rate := 1 + (r.Float64()-0.5)*0.008 // up to 0.4 % either way
		s.set(0, 0, rate)
		for now := time.Duration(0); now < 3*memory; now += time.Duration(r.Int64N(int64(time.Second))) {
			require.False(t, m.Observe(0, s.sample(r, now)))
			later := now + time.Duration(r.Int64N(int64(time.Second)))
			e := m.Estimate(0, later)
			offset := s.read(later) - later
			require.True(t, e.Offset.Low <= offset && offset <= e.Offset.High, "seed %d at %v: %v not in %v", seed, now, offset, e.Offset)
			require.LessOrEqual(t, e.RateLow, rate-1)
			require.GreaterOrEqual(t, e.RateHigh, rate-1)
		}
	}
}

// naiveMarzullo tries every edge as a point and counts.
func naiveMarzullo(intervals []clockdrift.Interval) (best int) {
	for _, i := range intervals {
		for _, point := range []time.Duration{i.Low, i.High} {
			n := 0
			for _, o := range intervals {
				if o.Low <= point && point <= o.High {
					n++
				}
			}
			best = max(best, n)
		}
	}
	return best
}

func FuzzMarzullo(f *testing.F) {
	f.Add([]byte{0, 10, 5, 3, 20, 1})
	f.Add([]byte{8, 4, 11, 1, 14, 1}) // Marzullo's own example: 8-12, 11-13, 10-12, roughly
	f.Add([]byte{5, 0, 5, 0})
	f.Fuzz(func(t *testing.T, edges []byte) {
		var intervals []clockdrift.Interval
		for i := 0; i+1 < len(edges) && i < 40; i += 2 {
			low := time.Duration(edges[i])
			intervals = append(intervals, clockdrift.Interval{Low: low, High: low + time.Duration(edges[i+1])})
		}
		common, count := clockdrift.Marzullo(intervals)
		require.Equal(t, naiveMarzullo(intervals), count)
		in := 0
		for _, i := range intervals {
			if i.Low <= common.Low && common.High <= i.High {
				in++
			}
		}
		require.True(t, count == 0 || in == count && common.Low <= common.High)
	})
}

// The first reply took long, since the process was stopped meanwhile, so all it says is that the
// clock is anywhere within two seconds. What is learned afterwards has to count.
func TestMonitorLearnsAfterAVagueStart(t *testing.T) {
	vague := func(m *clockdrift.Monitor, voter int, s *server) {
		require.False(t, m.Observe(voter, clockdrift.Sample{Sent: 0, Received: 2 * time.Second, Time: s.read(ms)}))
	}
	exact := func(m *clockdrift.Monitor, voter int, s *server, now time.Duration) (jumped bool) {
		return m.Observe(voter, clockdrift.Sample{Sent: now - ms, Received: now, Time: s.read(now)})
	}
	t.Run("a jump", func(t *testing.T) {
		m, s := clockdrift.NewMonitor(1, config), newServer(time.Hour)
		vague(m, 0, s)
		require.False(t, exact(m, 0, s, 2100*ms))
		s.set(2200*ms, -time.Second, 1)
		assert.True(t, exact(m, 0, s, 2300*ms))
	})
	t.Run("a clock that was wrong all the time", func(t *testing.T) {
		m := clockdrift.NewMonitor(3, config)
		servers := []*server{newServer(time.Hour), newServer(time.Hour), newServer(time.Hour - time.Second)}
		for voter, s := range servers {
			vague(m, voter, s)
		}
		m.Vet(2 * time.Second)
		for voter := range servers {
			_, unvetted := m.Unvetted(voter, 2*time.Second)
			assert.True(t, unvetted, "such replies say nothing, voter %d", voter)
		}
		for voter, s := range servers {
			exact(m, voter, s, 2100*ms)
		}
		m.Vet(2100 * ms)
		for voter, wrong := range []bool{false, false, true} {
			_, suspect := m.Suspect(voter, 2100*ms)
			assert.Equal(t, wrong, suspect, "voter %d", voter)
		}
	})
}

// Replies that take longer than the tolerance are all that some networks have. They may prove
// that clocks agree, but only until better ones prove the contrary.
func TestWhatSlowRepliesProveIsTakenBack(t *testing.T) {
	m := clockdrift.NewMonitor(3, config)
	servers := []*server{newServer(time.Hour), newServer(time.Hour + 250*ms)}
	sample := func(now, took time.Duration) {
		for voter, s := range servers {
			m.Observe(voter, clockdrift.Sample{Sent: now - took, Received: now, Time: s.read(now - took/2)})
		}
		m.Vet(now)
	}
	unvetted := func(now time.Duration) int {
		n := 0
		for voter := range servers {
			if _, open := m.Unvetted(voter, now); open {
				n++
			}
		}
		return n
	}
	sample(time.Second, 200*ms)
	assert.Equal(t, 0, unvetted(time.Second), "they could agree")
	sample(2*time.Second, 2*ms)
	assert.Equal(t, 2, unvetted(2*time.Second), "they don't")
}

// A comparison with exact replies is for good: what clocks drift apart by afterwards, and the
// steps that are tolerated, aren't held against them.
func TestOneExactComparisonIsEnough(t *testing.T) {
	t.Run("drift", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		c := config
		c.Memory = time.Hour
		m := clockdrift.NewMonitor(3, c)
		servers := []*server{newServer(time.Hour), newServer(time.Hour), newServer(time.Hour)}
		servers[2].set(0, 0, 1.0001)
		for now := time.Duration(0); now < 2*time.Hour; now += 10 * time.Second {
			for i, s := range servers {
				require.False(t, m.Observe(i, s.sample(r, now)))
			}
			m.Vet(now)
			_, suspect := m.Suspect(2, now)
			require.False(t, suspect, "at %v", now)
		}
	})
	t.Run("a step", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		m := clockdrift.NewMonitor(3, config)
		servers := []*server{newServer(time.Hour - 45*ms), newServer(time.Hour), newServer(time.Hour + 45*ms)}
		for now := time.Duration(0); now < memory; now += time.Second {
			for i, s := range servers {
				require.False(t, m.Observe(i, s.sample(r, now)))
			}
			m.Vet(now)
			for i := range servers {
				_, suspect := m.Suspect(i, now)
				require.False(t, suspect, "voter %d at %v", i, now)
			}
			servers[2].set(now, 8*ms, 1) // 40 ms in five steps, and back
			if now >= 5*time.Second {
				servers[2].set(now, -16*ms, 1)
			}
		}
	})
}
