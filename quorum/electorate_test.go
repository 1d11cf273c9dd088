package quorum_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/quorum"
)

// FuzzJointTally compares a tally of two sets with what the naive one says of each: it's won when both are, and lost when either
// is. Each byte of sets says in which sets the voter is, and each cast is a voter and its vote.
func FuzzJointTally(f *testing.F) {
	f.Add([]byte{3, 3, 1, 2}, []byte{0x20, 0x21})
	f.Add([]byte{3, 3, 3, 2, 2}, []byte{0x20, 0x21, 0x13, 0x14, 0x22})
	f.Add([]byte{1, 2}, []byte{0x20, 0x21})
	f.Fuzz(func(t *testing.T, in []byte, casts []byte) {
		in = in[:min(len(in), 9)]
		var sets [2][]int
		for voter, b := range in {
			b = b%3 + 1
			for set := range sets {
				if b>>set&1 == 1 {
					sets[set] = append(sets[set], voter)
				}
			}
		}
		if len(sets[0]) == 0 || len(sets[1]) == 0 {
			return
		}
		tally := quorum.NewJointTally(quorum.Joint(sets[0], sets[1]))
		votes, stands := make(map[int]quorum.Vote), quorum.Pending
		for _, b := range casts {
			voter, vote := int(b&15)%len(in), quorum.Vote(b>>4)%3
			if _, voted := votes[voter]; !voted {
				votes[voter] = vote
			}
			if stands == quorum.Pending {
				stands = naiveJoint(sets, votes)
			}
			require.Equal(t, stands, tally.Cast(voter, vote))
		}
	})
}

func naiveJoint(sets [2][]int, votes map[int]quorum.Vote) quorum.Result {
	var results [2]quorum.Result
	for i, set := range sets {
		own := make(map[int]quorum.Vote)
		for place, voter := range set {
			if vote, voted := votes[voter]; voted {
				own[place] = vote
			}
		}
		results[i] = naiveResult(len(set), own)
	}
	switch {
	case results[0] == quorum.Lost || results[1] == quorum.Lost:
		return quorum.Lost
	case results[0] == quorum.Won && results[1] == quorum.Won:
		return quorum.Won
	}
	return quorum.Pending
}

// Whoever needs a majority of both sets shares a voter with whoever needs one of either.
func TestJointMajoritiesShareAVoterWithBoth(t *testing.T) {
	sets := [2][]int{{0, 1, 2}, {1, 2, 3, 4, 5}}
	joint := quorum.Joint(sets[0], sets[1])
	for yes := range 1 << 6 {
		like := func(voter int) bool { return yes>>voter&1 == 1 }
		if !joint.Majority(like) {
			continue
		}
		for _, set := range sets {
			others := quorum.Joint(sets[0], sets[1]).Blocked(like)
			assert.True(t, others, "%b leaves nobody of %v a majority of both", yes, set)
			n := 0
			for _, voter := range set {
				if !like(voter) {
					n++
				}
			}
			assert.Less(t, n, quorum.Majority(len(set)), "%b leaves a majority of %v", yes, set)
		}
	}
}

func TestElectorateOfNobodyPanics(t *testing.T) {
	assert.Panics(t, func() { quorum.Joint() })
	assert.Panics(t, func() { quorum.Joint([]int{0}, nil) })
	assert.Panics(t, func() { quorum.Joint([]int{0, 2}) })
	assert.Panics(t, func() {
		quorum.NewGroup([][]quorum.Transport[string, string]{{nil}}, quorum.Config{Electorate: quorum.All(2)})
	})
}
