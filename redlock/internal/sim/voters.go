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
	node *redlocktest.Node
	// What it had, by name, when it got its last command.
	had  map[string]holding
	args []string // of its last command
}

// holding is what a voter keeps under one name: its record, see scripts/record.lua.
type holding struct {
	register int64
	owner    string // the token of the last owner, "" if there was none
	deadline int64  // until when it may believe in its lock, unix µs; 0 if the owner didn't say
	back     bool   // it was given back
}

// watch records the commands that a voter is sent, and looks at what each has done.
func (h *history) watch(i int, n *redlocktest.Node) {
	v := &voter{node: n, had: map[string]holding{}}
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
		v.args = c.Args
	})
}

func (v *voter) holds(name string) holding {
	text, _ := v.node.Get(fenceKey(name))
	parts := append(strings.Fields(text), "", "", "")
	has := holding{owner: parts[1], back: parts[2] == "-"}
	has.register, _ = strconv.ParseInt(parts[0], 10, 64) // 0 if there's none
	has.deadline, _ = strconv.ParseInt(parts[2], 10, 64)
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

// checkVoter looks at what the voter's last command has done to a name, whatever its clock says.
func (h *history) checkVoter(i int, v *voter, name string, had, has holding) {
	expired := has == holding{} && had.deadline < h.truth().Add(-time.Hour).UnixMicro()
	if has.register < had.register && !expired {
		h.violation("register: voter %d went from %d back to %d for %q", i, had.register, has.register, name)
	}
	switch {
	case had.owner == "":
	case has.owner != had.owner && !had.back && had.deadline > 0:
		h.report.Takeovers++
		if left := had.deadline - h.truth().UnixMicro(); left > 0 {
			h.violation("trespass: voter %d gave %q to another, %v before the deadline of client %s",
				i, name, time.Duration(left)*time.Microsecond, h.attempts[had.owner].client)
		}
	case has.owner == had.owner && has.back && !had.back && !slices.Contains(v.args, had.owner):
		h.violation("trespass: voter %d took back %q of client %s on another's command", i, name, h.attempts[had.owner].client)
	}
}

// truth returns the true time: that of the voters whose clocks are right.
func (h *history) truth() time.Time {
	return h.begun.Add(time.Duration(float64(h.now())*h.plan.Rate) + h.stopped)
}

// checkBlame checks that an operation that failed didn't take a clock for a wrong one that isn't. A client
// that can't tell which of two is right does nobody wrong.
func (h *history) checkBlame(client string, voters []int, err error) {
	var q *redlock.QuorumError
	if !errors.As(err, &q) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for at, n := range q.Nodes {
		i := voters[at]
		if n.Outcome == redlock.ClockSuspect && !h.plan.isWrong(i) && strings.Contains(n.Err.Error(), "most others") {
			h.violation("wolf: client %s doesn't trust the clock of voter %d: %v", client, i, n.Err)
		}
	}
}

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
