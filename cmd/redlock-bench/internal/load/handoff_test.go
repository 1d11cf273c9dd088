package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
)

const ms = time.Millisecond

// turn is one of name 0, in milliseconds.
func turn(asked, acquired, released time.Duration) loadgen.Turn {
	return loadgen.Turn{Asked: asked * ms, Acquired: acquired * ms, Released: released * ms}
}

// waiting is a wait that the end cut short.
func waiting(asked time.Duration) loadgen.Turn {
	return loadgen.Turn{Asked: asked * ms, Acquired: loadgen.Never, Released: loadgen.Never}
}

func TestHandoffs(t *testing.T) {
	const end = 100 * ms
	for name, c := range map[string]struct {
		turns                   []loadgen.Turn
		count, waited, overlaps int
		longest                 time.Duration
	}{
		"none": {},
		"nobody waits at the release": {
			turns: []loadgen.Turn{turn(0, 1, 5), turn(6, 7, 9)},
		},
		"to one who waits": {
			turns: []loadgen.Turn{turn(0, 1, 5), turn(2, 8, 9)},
			count: 1, waited: 1, longest: 3 * ms,
		},
		"to a newcomer, though somebody waits": {
			turns: []loadgen.Turn{turn(0, 1, 5), turn(6, 9, 20), turn(2, 25, 30)},
			count: 2, waited: 1, longest: 5 * ms,
		},
		"to its last holder, though somebody waits to the end": {
			turns: []loadgen.Turn{turn(0, 1, 5), turn(6, 7, 9), waiting(2)},
			// After the second release nobody gets it for the 91 ms that are left.
			count: 2, waited: 0, longest: 91 * ms,
		},
		"in any order": {
			turns: []loadgen.Turn{turn(3, 13, 17), waiting(16), turn(0, 1, 5), turn(2, 8, 9)},
			count: 3, waited: 2, longest: 83 * ms,
		},
		"released at the end": {
			turns: []loadgen.Turn{turn(0, 1, 100), waiting(2)},
		},
		"two holders": {
			turns:    []loadgen.Turn{turn(0, 1, 50), turn(2, 20, 30)},
			overlaps: 1, count: 1, waited: 1, longest: 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			other := turn(0, 1, 90)
			other.Name = 1 // another lock has nothing to do with it
			h := account(append([]loadgen.Turn{other}, c.turns...), end)
			assert.Equal(t, c.count, h.count, "hand-offs")
			assert.EqualValues(t, c.count, h.took.Count())
			assert.Equal(t, c.waited, h.waited, "to one who waited")
			assert.Equal(t, c.overlaps, h.overlaps, "overlaps")
			assert.InDelta(t, float64(c.longest), float64(h.took.Max()), float64(c.longest)/500+1000, "the longest")
		})
	}
}

func TestMoments(t *testing.T) {
	other := turn(10, 11, 12)
	other.Name = 1
	assert.Equal(t, moments{contested: 3, lost: 1}, judge([]loadgen.Turn{
		turn(10, 11, 12), waiting(10), // one won
		waiting(20), waiting(20), // nobody did
		turn(30, 31, 32), turn(30, 33, 34), // one after the other
		waiting(40), other, // alone
	}))
}
