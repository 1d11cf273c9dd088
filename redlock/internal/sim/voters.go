package sim

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// voter is what is known of one.
type voter struct {
	node  *redlocktest.Node
	wrong bool // its clock may be
	// What it had, by name, when it got its last command, and when that was.
	had  map[string]holding
	seen time.Duration
	args []string // of its last command
}

// holding is what a voter keeps under one name.
type holding struct {
	owner    string    // the lock's token, "" if nobody has it
	until    time.Time // when the lock expires, by the voter's clock
	register int64
}

// tolerance is how far two readings of one lock's end may be apart: keys live for whole
// milliseconds, and clocks are stepped a little.
const tolerance = 50 * time.Millisecond

// watch records the commands that a voter is sent, and looks at what each has done.
func (h *history) watch(i int, n *redlocktest.Node) {
	v := &voter{node: n, wrong: h.plan.isWrong(i), had: map[string]holding{}}
	h.voters = append(h.voters, v)
	n.OnCommand(func(c redlocktest.Command) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.report.Commands++
		h.line("voter %d: %s: %s %.48q", i, c.Member, c.Name, c.Args)
		for _, name := range h.plan.Names {
			has := v.holds(name)
			h.checkVoter(i, v, name, v.had[name], has)
			v.had[name] = has
		}
		v.seen, v.args = h.now(), c.Args
	})
}

func (v *voter) holds(name string) holding {
	var has holding
	has.owner, _ = v.node.Get(name)
	left, _ := v.node.PTTL(name)
	has.until = v.node.Now().Add(left)
	text, _ := v.node.Get(fenceKey(name))
	first, _, _ := strings.Cut(text, " ")
	has.register, _ = strconv.ParseInt(first, 10, 64) // 0 if there's none
	return has
}

// changed is called when what a voter has was changed other than by a command.
func (h *history) changed(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.voters[i]
	for _, name := range h.plan.Names {
		v.had[name] = v.holds(name)
	}
	v.args = nil
}

// checkVoter looks at what the voter's last command has done to a name. A voter whose clock
// is wrong can do nothing right.
func (h *history) checkVoter(i int, v *voter, name string, had, has holding) {
	if v.wrong {
		return
	}
	if a := h.attempts[has.owner]; a != nil && has.owner != had.owner {
		if late := v.seen - a.until; late > h.plan.ghostTolerance() {
			h.violation("ghost: voter %d planted %q for client %s, %v after anybody could use it", i, name, a.client, late)
		}
	}
	if has.register < had.register {
		h.violation("register: voter %d went from %d back to %d for %q", i, had.register, has.register, name)
	}
	if had.owner == "" || slices.Contains(v.args, had.owner) {
		return // nobody's, or the owner's own command
	}
	gone := has.owner != had.owner && v.node.Now().Before(had.until.Add(-tolerance))
	moved := has.owner == had.owner && has.until.Sub(had.until).Abs() > tolerance
	if gone || moved {
		h.violation("trespass: voter %d changed the lock %q of client %s on another's command", i, name, h.attempts[had.owner].client)
	}
}

// checkBlame checks that an operation that failed didn't take a clock for a wrong one that isn't.
// A client that can't tell yet which of two is right does nobody wrong.
func (h *history) checkBlame(client string, err error) {
	var q *redlock.QuorumError
	if !errors.As(err, &q) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, n := range q.Nodes {
		if n.Outcome == redlock.ClockSuspect && !h.plan.isWrong(i) {
			h.violation("wolf: client %s doesn't trust the clock of voter %d: %v", client, i, n.Err)
		}
	}
}

// ghostTolerance is how much too late a voter may plant a lock: its clock is known as exactly
// as a round trip allows, in which the client may have been stopped, and drifts.
func (p *Plan) ghostTolerance() time.Duration { return exchange + p.longestStop + MaxTTL/20 }

const fenceSuffix = ":fence"

// fenceKey is where the record of one of a plan's names is.
func fenceKey(name string) string { return name + fenceSuffix }

// requireTidy checks that nothing but fencing registers is left on the voters.
func (h *history) requireTidy() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, v := range h.voters {
		for _, key := range v.node.Keys() {
			if !strings.HasSuffix(key, fenceSuffix) {
				h.violation("left behind: voter %d still has %q", i, key)
			}
		}
	}
}
