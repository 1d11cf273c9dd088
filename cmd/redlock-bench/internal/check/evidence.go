package check

import (
	"fmt"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// mostUnseen is the share of the random faults, of those that could be seen, that may go unseen: a busy
// machine fails to prove one now and then.
const mostUnseen = 0.1

// evidence says which random faults weren't seen to take effect, a sentence each. A lock that nothing
// happened to can't have withstood anything.
func evidence(h *history.History) []string {
	var doubts []string
	var all history.FaultCount
	for _, c := range h.Chaos.Faults {
		if due := c.Planned - c.Excused; due > 0 && c.Proven == 0 {
			doubts = append(doubts, fmt.Sprintf("none of %d faults %s was seen to take effect%s", due, c.Kind, because(c.Why)))
		}
		all.Planned += c.Planned
		all.Failed += c.Failed
		all.Excused += c.Excused
		if all.Why == "" {
			all.Why = c.Why
		}
	}
	if due := all.Planned - all.Excused; float64(all.Failed) > mostUnseen*float64(due) && len(doubts) == 0 {
		doubts = append(doubts, fmt.Sprintf("%d of %d faults weren't seen to take effect, more than %.0f %%%s", all.Failed, due, 100*mostUnseen, because(all.Why)))
	}
	return doubts
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
