package redlock_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// acquisition is what a client process reports about each lock that it got.
type acquisition struct {
	Name       string
	Start, End time.Duration // by the machine's clock, which all processes share
	Fence      int64
	Rounds     int
	Tries      int // since the last success, this one included
}

var fencedNames = []string{"stock", "ledger"}

// fencingRole takes locks until its standard input ends. Its arguments are a seed, how far its
// wall clock is ahead ("any" changes that at each attempt), and the URLs of the servers.
func fencingRole(args []string) error {
	logging.Disable() // go-redis has something to say about each attempt to connect
	seed, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	rounds := 0
	observe := onDone(func(e redlock.Event) {
		if e.Kind == "acquire" {
			rounds = e.Rounds
		}
	})
	ctx := context.Background()
	l, err := redlock.Dial(ctx, args[2:],
		redlock.WithTTL(300*time.Millisecond), redlock.WithNodeTimeout(100*time.Millisecond), redlock.WithoutGuards(), observe)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	clock, report := clockdrift.System(), json.NewEncoder(os.Stdout)
	a := acquisition{}
	for ; ; a.Tries++ {
		select {
		case <-stop:
			return l.Close()
		case <-time.After(time.Duration(random.Int64N(int64(time.Millisecond)))):
		}
		redlock.SetWall(l, skew(args[1], random))
		a.Name = fencedNames[random.IntN(len(fencedNames))]
		a.Start = clock.Now()
		lk, err := l.TryLock(ctx, a.Name)
		a.End = clock.Now()
		if err != nil {
			continue
		}
		a.Fence, a.Rounds, a.Tries = lk.Fence(), rounds, a.Tries+1
		if err := report.Encode(a); err != nil {
			return err
		}
		a.Tries = -1
		if random.IntN(200) > 0 { // else it's left to run out
			_ = lk.Unlock(ctx) // a lock that was lost meanwhile is the point of it
		}
	}
}

func skew(ahead string, random *rand.Rand) time.Duration {
	if ahead == "any" {
		return time.Duration(random.Int64N(int64(2*time.Hour))) - time.Hour
	}
	d, err := time.ParseDuration(ahead)
	if err != nil {
		panic(err)
	}
	return d
}

// fencingClient is a process that runs fencingRole.
type fencingClient struct {
	*redistest.Process
	stdin io.Closer

	mu     sync.Mutex
	report bytes.Buffer
	count  int
}

func startFencingClient(t *testing.T, args ...string) *fencingClient {
	t.Helper()
	c := &fencingClient{}
	cmd := child(t, "fencing", args...)
	cmd.Stdout, cmd.Stderr = c, t.Output()
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	c.stdin = stdin
	c.Process = redistest.Launch(t, cmd)
	t.Cleanup(c.Kill)
	return c
}

// Write takes what the process prints.
func (c *fencingClient) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count += bytes.Count(p, []byte("\n"))
	return c.report.Write(p)
}

func (c *fencingClient) acquired() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// finish lets the process end by itself and returns its report.
func (c *fencingClient) finish(t *testing.T) []acquisition {
	t.Helper()
	require.NoError(t, c.stdin.Close())
	select {
	case <-c.Exited():
	case <-time.After(20 * time.Second):
		require.FailNow(t, "a client doesn't end")
	}
	var all []acquisition
	for decoder := json.NewDecoder(&c.report); ; {
		var a acquisition
		err := decoder.Decode(&a)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, a)
	}
}

// disorder returns what is wrong with the tokens: two acquisitions of a name have the same, or
// one that started after another had ended doesn't have the larger.
func disorder(history []acquisition) []string {
	var wrong []string
	byName := make(map[string][]acquisition)
	for _, a := range history {
		byName[a.Name] = append(byName[a.Name], a)
	}
	for name, started := range byName {
		slices.SortFunc(started, func(a, b acquisition) int { return int(a.Start - b.Start) })
		ended := slices.SortedFunc(slices.Values(started), func(a, b acquisition) int { return int(a.End - b.End) })
		var highest acquisition // of those that had ended
		owners := make(map[int64]acquisition)
		for _, a := range started {
			for len(ended) > 0 && ended[0].End < a.Start {
				if ended[0].Fence > highest.Fence {
					highest = ended[0]
				}
				ended = ended[1:]
			}
			if a.Fence <= highest.Fence {
				wrong = append(wrong, fmt.Sprintf("%s: %+v although %+v", name, a, highest))
			}
			if first, twice := owners[a.Fence]; twice {
				wrong = append(wrong, fmt.Sprintf("%s: %+v and %+v", name, first, a))
			}
			owners[a.Fence] = a
		}
	}
	return wrong
}

func TestDisorderIsFound(t *testing.T) {
	at := func(start, end time.Duration, fence int64) acquisition {
		return acquisition{Name: "stock", Start: start, End: end, Fence: fence}
	}
	assert.Empty(t, disorder([]acquisition{at(1, 2, 10), at(3, 4, 11), at(5, 6, 15)}))
	assert.Empty(t, disorder([]acquisition{at(1, 4, 11), at(3, 6, 10)}), "concurrent")
	assert.Empty(t, disorder([]acquisition{at(1, 2, 10), {Name: "ledger", Start: 3, End: 4, Fence: 10}}))
	assert.Len(t, disorder([]acquisition{at(1, 2, 11), at(3, 4, 10)}), 1, "decreasing")
	assert.Len(t, disorder([]acquisition{at(1, 9, 12), at(2, 3, 11), at(4, 5, 10)}), 1, "decreasing behind a longer one")
	assert.Len(t, disorder([]acquisition{at(1, 4, 10), at(3, 6, 10)}), 1, "the same twice")
}

// Fencing tokens rest neither on the guards, which are off here, nor on time: pauses that
// outlast the TTL, broken connections, stopped servers and wall clocks hours apart don't matter.
// They rest on the registers, which survive on a majority here although one server forgets
// everything again and again.
func TestRealFencingTokensUnderFaults(t *testing.T) {
	const wanted, seed = 3000, 1
	servers := redistest.StartAll(t, 5)
	var clients []*fencingClient
	for i, ahead := range []string{"0s", "1h", "-1h", "any"} {
		args := append([]string{strconv.Itoa(seed + i), ahead}, urls(servers)...)
		clients = append(clients, startFencingClient(t, args...))
	}
	for _, c := range clients {
		redistest.Await(t, 20*time.Second, func() bool { return c.acquired() > 0 }, "a client doesn't start")
	}
	n := &fencingNemesis{t: t, random: rand.New(rand.NewPCG(seed, 1)), servers: servers, clients: clients, done: make(map[string]int)}
	n.run(wanted)

	var history []acquisition
	rounds, tries := make(map[int]int), 0
	for _, c := range clients {
		report := c.finish(t)
		assert.NotEmpty(t, report)
		history = append(history, report...)
	}
	for _, a := range history {
		rounds[a.Rounds]++
		tries += a.Tries
	}
	t.Logf("seed %d: %d acquisitions in %d attempts; %d took one round trip, %d two; faults: %v",
		seed, len(history), tries, rounds[1], rounds[2], n.done)
	require.GreaterOrEqual(t, len(history), wanted)
	for _, fault := range []string{"client paused", "server paused", "connection cut", "memory lost"} {
		assert.GreaterOrEqual(t, n.done[fault], 10, fault)
	}
	assert.Empty(t, disorder(history))
}
