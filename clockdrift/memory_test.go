package clockdrift

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The monitor keeps few of the samples, and must see by them all that a lock doesn't allow for:
// whenever the lock was granted and however long it lives. The test remembers everything.
func TestMonitorNoticesAllThatALockDoesntAllowFor(t *testing.T) {
	const (
		ms    = time.Millisecond
		reach = time.Second
		rtt   = 100 * time.Microsecond
	)
	config := MonitorConfig{Drift: 0.01, Reach: reach, Memory: 8 * reach}
	noticed, tolerated := 0, 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := NewMonitor(1, config)
		type moment struct{ at, offset time.Duration }
		var past []moment
		var offset time.Duration
		rate := 0.012 * r.Float64() * r.Float64()
		for now := time.Duration(0); now < 20*reach; {
			pause := time.Duration(1+r.IntN(25)) * ms
			if r.IntN(100) == 0 {
				pause = time.Duration(r.Int64N(int64(4 * reach)))
			}
			now += pause
			offset += time.Duration(float64(pause) * rate)
			past = append(past, moment{now - ms/2, offset}) // a lock may be granted before the step
			switch r.IntN(200) {
			case 0, 1:
				offset += time.Duration(r.Int64N(int64(8 * ms)))
			case 2:
				rate = 0.012 * r.Float64() * r.Float64()
			}
			met := m.voters[0].met
			jumped := m.Observe(0, Sample{Sent: now - rtt/2, Received: now + rtt/2, Time: time.Hour + now + offset})
			if jumped || m.voters[0].met != met {
				past = past[:0]
				noticed++
			}
			past = append(past, moment{now, offset})
			tolerated++
			for _, then := range past {
				if d := now - then.at; d <= config.Memory {
					allowed := time.Duration(config.Drift * float64(max(d, reach)))
					if gained := offset - then.offset; gained > allowed+2*rtt {
						t.Fatalf("seed %d: %v was gained in the %v since %v", seed, gained, d, then.at)
					}
				}
			}
			require.Less(t, len(m.voters[0].memory), 100, "seed %d", seed)
		}
	}
	require.Greater(t, noticed, 100)
	require.Greater(t, tolerated, 50*noticed, "or it would be easy")
}

// Where it's asked seldom, the memory is what it was asked.
func TestMemoryKeepsWhatItNeeds(t *testing.T) {
	const memory = time.Hour
	m := NewMonitor(1, MonitorConfig{Drift: 0.01, Reach: 10 * time.Second, Memory: memory})
	for now := time.Duration(0); now < 3*memory; now += 100 * time.Millisecond {
		require.False(t, m.Observe(0, Sample{Sent: now, Received: now + time.Millisecond, Time: now}))
		if now%(13*time.Second) != 0 {
			continue
		}
		kept := m.voters[0].memory
		require.Less(t, len(kept), 200)
		if now < memory {
			require.Zero(t, kept[0].sent, "the first is needed yet")
			continue
		}
		require.GreaterOrEqual(t, now-kept[0].sent, memory)
		for i := range len(kept) - 1 {
			gap := kept[i+1].sent - kept[i].sent
			require.LessOrEqual(t, gap, max(10*time.Second, now-kept[i+1].sent)/grain+100*time.Millisecond, "at %v, %v ago", now, now-kept[i].sent)
		}
	}
}
