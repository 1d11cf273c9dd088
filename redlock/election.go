package redlock

import "github.com/a5bbb083/redlock/quorum"

// election decides which fencing token an attempt owns, from the values that the voters
// granted. It is pure: the exhaustive search in explore_test.go runs this very code.
//
// The rule, argued in docs/fencing.md: a value belongs to the attempt that owns it at a
// majority of the voters. At one voter a value has at most one owner, since every grant
// raises the register; and two majorities share a voter.
type election struct {
	electorate quorum.Electorate
	values     []int64 // by voter; 0 where nothing was granted
}

func newElection(e quorum.Electorate) election {
	return election{electorate: e, values: make([]int64, e.Voters())}
}

// grant notes the value that a voter granted.
func (e election) grant(voter int, value int64) { e.values[voter] = value }

// agreed returns the value that a majority granted, if there's one.
func (e election) agreed() (token int64, ok bool) {
	return e.common(e.electorate.Majority)
}

// common returns the value that voters have in common who are enough.
func (e election) common(enough func(like func(voter int) bool) bool) (value int64, ok bool) {
	for _, v := range e.values {
		if v != 0 && enough(func(voter int) bool { return e.values[voter] == v }) {
			return v, true
		}
	}
	return 0, false
}

// candidate returns the token to confirm where none was agreed on: the largest value granted.
// The voter that granted it would refuse to confirm a smaller one.
func (e election) candidate() int64 {
	var highest int64
	for _, v := range e.values {
		highest = max(highest, v)
	}
	return highest
}
