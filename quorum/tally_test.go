package quorum_test

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/quorum"
)

func TestTallyScripts(t *testing.T) {
	file, err := os.Open("testdata/tally.txt")
	require.NoError(t, err)
	defer file.Close()
	scripts := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		scripts++
		t.Run(line, func(t *testing.T) { play(t, line) })
	}
	assert.Greater(t, scripts, 15, "the file was read")
}

func play(t *testing.T, line string) {
	size, steps, found := strings.Cut(line, ": ")
	require.True(t, found)
	n, err := strconv.Atoi(size)
	require.NoError(t, err)
	tally := quorum.NewTally(n)
	require.Equal(t, quorum.Pending, tally.Result())
	for _, step := range strings.Split(steps, ", ") {
		who, rest, _ := strings.Cut(step, "=")
		vote, want, _ := strings.Cut(rest, " ")
		voter, err := strconv.Atoi(who)
		require.NoError(t, err)
		assert.Equal(t, want, tally.Cast(voter, votes[vote]).String(), "after %s", step)
		assert.Equal(t, want, tally.Result().String())
	}
}

var votes = map[string]quorum.Vote{"yes": quorum.Yes, "no": quorum.No, "unknown": quorum.Unknown}

// naiveResult decides by trying: is there a majority already, and if not, would there be one
// if all who haven't voted said yes?
func naiveResult(n int, first map[int]quorum.Vote) quorum.Result {
	yes, possible := 0, 0
	for voter := range n {
		vote, voted := first[voter]
		if voted && vote == quorum.Yes {
			yes++
		}
		if !voted || vote == quorum.Yes {
			possible++
		}
	}
	switch {
	case 2*yes > n:
		return quorum.Won
	case 2*possible <= n:
		return quorum.Lost
	}
	return quorum.Pending
}

// FuzzTally compares the tally with the naive one; each byte is a voter and its vote.
func FuzzTally(f *testing.F) {
	f.Add(uint8(5), []byte{0, 1, 2, 3, 4})
	f.Add(uint8(3), []byte{0x20, 0x21, 0x22})
	f.Add(uint8(4), []byte{0x10, 0x20, 0x00, 0x23, 0x11})
	f.Fuzz(func(t *testing.T, size uint8, casts []byte) {
		n := int(size)%9 + 1
		tally := quorum.NewTally(n)
		first := make(map[int]quorum.Vote)
		stands := quorum.Pending
		for _, b := range casts {
			voter, vote := int(b&15)%n, quorum.Vote(b>>4)%3
			if _, voted := first[voter]; !voted {
				first[voter] = vote
			}
			if stands == quorum.Pending {
				stands = naiveResult(n, first)
			}
			require.Equal(t, stands, tally.Cast(voter, vote))
		}
	})
}

func TestMajoritiesShareAVoter(t *testing.T) {
	for n := 1; n <= 100; n++ {
		m := quorum.Majority(n)
		assert.Greater(t, 2*m, n, "two majorities of %d overlap", n)
		assert.LessOrEqual(t, 2*(m-1), n, "and fewer wouldn't, or it would be needlessly many")
	}
}

func TestTallyOfNobodyPanics(t *testing.T) {
	assert.Panics(t, func() { quorum.NewTally(0) })
}
