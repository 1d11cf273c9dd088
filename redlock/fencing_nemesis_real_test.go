package redlock_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// fencingNemesis does to clients and servers what tokens have to withstand. The last of the
// servers is the one that loses its memory.
type fencingNemesis struct {
	t       *testing.T
	random  *rand.Rand
	servers []*redistest.Server
	clients []*fencingClient
	done    map[string]int // by fault
}

// run injects faults, at least 100, until the clients have got that many locks and each fault
// was there often enough.
func (n *fencingNemesis) run(wanted int) {
	n.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for i := 0; i < 100 || n.acquired() < wanted || n.done["memory lost"] < 10; i++ {
		require.True(n.t, time.Now().Before(deadline), "only %d acquisitions, %v", n.acquired(), n.done)
		switch i % 5 {
		case 0:
			n.pauseClients(1 + n.random.IntN(2))
		case 1:
			n.cutConnections(1 + n.random.IntN(3))
		case 2:
			n.pauseServers(n.random.Perm(5)[:1+n.random.IntN(3)])
		case 3:
			for range 10 {
				if n.loseMemory() {
					// Now the votes of the one that has forgotten decide.
					n.pauseServers(n.random.Perm(4)[:2])
					break
				}
				n.wait(1, 4)
			}
		case 4:
			n.wait(20, 40) // in peace
		}
	}
}

func (n *fencingNemesis) acquired() int {
	sum := 0
	for _, c := range n.clients {
		sum += c.acquired()
	}
	return sum
}

func (n *fencingNemesis) wait(least, most int) {
	time.Sleep(time.Duration(least+n.random.IntN(most-least)) * time.Millisecond)
}

// pauseClients stops clients, now and then for longer than the TTL.
func (n *fencingNemesis) pauseClients(count int) {
	some := n.random.Perm(len(n.clients))[:count]
	for _, i := range some {
		n.clients[i].Pause()
		n.done["client paused"]++
	}
	n.wait(10, 10+100*(1+3*n.random.IntN(2)))
	for _, i := range some {
		n.clients[i].Resume()
	}
}

func (n *fencingNemesis) pauseServers(some []int) {
	for _, i := range some {
		n.servers[i].Pause()
		n.done["server paused"]++
	}
	n.wait(20, 120)
	for _, i := range some {
		n.servers[i].Resume()
	}
}

func (n *fencingNemesis) cutConnections(servers int) {
	for _, i := range n.random.Perm(len(n.servers))[:servers] {
		n.done["connection cut"] += int(n.servers[i].Do("CLIENT", "KILL", "TYPE", "normal").(int64))
	}
}

// loseMemory kills the last server and starts it again, empty, unless that would leave the
// latest token on fewer than a majority: then nothing could be promised. The clients stand
// still while it finds out.
func (n *fencingNemesis) loseMemory() bool {
	for _, c := range n.clients {
		c.Pause()
	}
	safe := true
	for _, name := range fencedNames {
		safe = safe && n.survivesOnAMajority(name)
	}
	forgetful := n.servers[len(n.servers)-1]
	if safe {
		forgetful.Kill()
		n.done["memory lost"]++
	}
	for _, c := range n.clients {
		c.Resume()
	}
	if safe {
		n.wait(1, 20)
		forgetful.Restart()
	}
	return safe
}

// survivesOnAMajority reports whether the highest register of the name is on a majority of the
// servers, without the one that is going to forget it.
func (n *fencingNemesis) survivesOnAMajority(name string) bool {
	var highest int64
	var others []int64
	for i, s := range n.servers {
		var register int64
		if text, ok := s.Do("GET", redlock.FenceKey(name)).(string); ok {
			text, _, _ = strings.Cut(text, " ")
			var err error
			register, err = strconv.ParseInt(text, 10, 64)
			require.NoError(n.t, err)
		}
		highest = max(highest, register)
		if i < len(n.servers)-1 {
			others = append(others, register)
		}
	}
	have := 0
	for _, register := range others {
		if register == highest {
			have++
		}
	}
	return have > len(n.servers)/2
}
