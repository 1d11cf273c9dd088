// Package load measures locks side by side: it starts servers and client processes, gives every subject the same work in turns, and sums up
// what the clients and the servers counted.
package load

import (
	"fmt"
	"time"
)

// Config is the load that every subject gets.
type Config struct {
	Subjects   []Subject     `json:"-"`
	Nodes      int           `json:"nodes"`
	Goroutines int           `json:"goroutines"` // clients, in all processes together
	Processes  int           `json:"processes"`
	Names      int           `json:"names"`    // shared by all clients if there are fewer than these
	Rate       int           `json:"rate"`     // acquisitions a second of all clients; 0 is a closed loop
	Every      time.Duration `json:"every_ns"` // all clients try at the same moment, once, so often; 0 is never
	Try        bool          `json:"try"`      // TryLock again and again instead of Lock
	Hold       time.Duration `json:"hold_ns"`  // for how long each lock is held
	Rest       time.Duration `json:"rest_ns"`  // of a client between two locks
	TTL        time.Duration `json:"ttl_ns"`   // of the locks
	Duration   time.Duration `json:"round_ns"` // of each subject in each round
	Rounds     int           `json:"rounds"`
}

// Defaults are the values that a command line needs not give.
func Defaults() Config {
	return Config{Nodes: 5, Goroutines: 64, Processes: 1, TTL: 5 * time.Second, Duration: 3 * time.Second, Rounds: 5}
}

// The limits keep a slip of the finger from bringing the machine down.
const (
	maxNodes      = 64
	maxGoroutines = 20_000
	maxProcesses  = 64
	maxNames      = 1_000_000
	maxRate       = 10_000_000
	leastTTL      = 200 * time.Millisecond
	maxTTL        = time.Minute
	leastEvery    = time.Millisecond
	maxEvery      = time.Minute
	leastDuration = 100 * time.Millisecond
	maxDuration   = time.Hour
	maxRounds     = 1000
)

// Check fills in what wasn't given and refuses what makes no sense. Its errors name the flags of
// redlock-bench load.
func (c *Config) Check() error {
	if c.Names == 0 {
		c.Names = c.Goroutines
	}
	switch {
	case c.Nodes < 1 || c.Nodes > maxNodes:
		return fmt.Errorf("--nodes %d: give from 1 to %d, and better an odd number", c.Nodes, maxNodes)
	case c.Goroutines < 1 || c.Goroutines > maxGoroutines:
		return fmt.Errorf("--goroutines %d: give from 1 to %d", c.Goroutines, maxGoroutines)
	case c.Processes < 1 || c.Processes > maxProcesses:
		return fmt.Errorf("--processes %d: give from 1 to %d", c.Processes, maxProcesses)
	case c.Processes > c.Goroutines:
		return fmt.Errorf("--processes %d: there are only %d goroutines for them; give more --goroutines", c.Processes, c.Goroutines)
	case c.Names < 1 || c.Names > maxNames:
		return fmt.Errorf("--names %d: give from 1 to %d, or leave it out for one name per goroutine", c.Names, maxNames)
	case c.Rate < 0 || c.Rate > maxRate:
		return fmt.Errorf("--rate %d: give up to %d acquisitions a second, or leave it out for a closed loop", c.Rate, maxRate)
	case c.Rate > 0 && c.Rest > 0:
		return fmt.Errorf("--rest %v together with --rate: a rate says when the next acquisition begins; leave out one of them", c.Rest)
	case c.Every != 0 && (c.Every < leastEvery || c.Every > maxEvery):
		return fmt.Errorf("--every %v: give from %v to %v", c.Every, leastEvery, maxEvery)
	case c.Every > 0 && (c.Rate > 0 || c.Rest > 0 || c.Try):
		return fmt.Errorf("--every %v together with --rate, --rest or --try: it says when a client tries, and that it does so once; leave out the others", c.Every)
	case c.Every > 0 && c.Names >= c.Goroutines:
		return fmt.Errorf("--every %v: with %d names for %d goroutines no two try for the same lock; give fewer --names, such as 1", c.Every, c.Names, c.Goroutines)
	case c.TTL < leastTTL || c.TTL > maxTTL:
		return fmt.Errorf("--ttl %v: give from %v to %v", c.TTL, leastTTL, maxTTL)
	case c.Hold < 0 || c.Hold > c.TTL/2:
		return fmt.Errorf("--hold %v: nothing renews these locks, so give from 0 to half of their TTL, which is %v; or a longer --ttl", c.Hold, c.TTL)
	case c.Rest < 0 || c.Rest > maxDuration:
		return fmt.Errorf("--rest %v: give from 0 to %v", c.Rest, maxDuration)
	case c.Duration < leastDuration || c.Duration > maxDuration:
		return fmt.Errorf("--duration %v: give from %v to %v, and better some seconds", c.Duration, leastDuration, maxDuration)
	case c.Rounds < 1 || c.Rounds > maxRounds:
		return fmt.Errorf("--rounds %d: give from 1 to %d; from 3 on the spread means something", c.Rounds, maxRounds)
	}
	return nil
}

// warmUp is how long each subject runs before each of its rounds without being measured: others have
// had the processor's caches and the servers' attention meanwhile.
func (c *Config) warmUp() time.Duration { return min(c.Duration/5, time.Second) }
