// Package election decides what an attempt to take a lock owns, from what voters granted. It is pure, and knows nothing of Redis: the
// exhaustive searches in this package's tests run the very code that ships.
package election

import "github.com/a5bbb083/redlock/quorum"

// Values are the fencing values that voters granted an attempt.
//
// The rule, argued in docs/fencing.md: a value belongs to the attempt that owns it at a
// majority of the voters. At one voter a value has at most one owner, since every grant
// raises the register; and two majorities share a voter.
type Values struct {
	electorate quorum.Electorate
	values     []int64 // by voter; 0 where nothing was granted
}

// New returns the values of an attempt that was granted nothing yet.
func New(e quorum.Electorate) Values {
	return Values{electorate: e, values: make([]int64, e.Voters())}
}

// Grant notes the value that a voter granted.
func (v Values) Grant(voter int, value int64) { v.values[voter] = value }

// Agreed returns the value that a majority granted, if there's one: that's the attempt's token.
func (v Values) Agreed() (token int64, ok bool) {
	return v.common(v.electorate.Majority)
}

// Some returns the value that a majority of some set granted, if there's one: that's what another attempt needs that goes by this set
// alone.
func (v Values) Some() (token int64, ok bool) {
	return v.common(v.electorate.Some)
}

func (v Values) common(enough func(like func(voter int) bool) bool) (value int64, ok bool) {
	for _, value := range v.values {
		if value != 0 && enough(func(voter int) bool { return v.values[voter] == value }) {
			return value, true
		}
	}
	return 0, false
}

// Candidate returns the token to confirm where none was agreed on: the largest value granted.
// The voter that granted it would refuse to confirm a smaller one.
func (v Values) Candidate() int64 {
	var highest int64
	for _, value := range v.values {
		highest = max(highest, value)
	}
	return highest
}
