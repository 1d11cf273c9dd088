package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quorumState is what quorum status --json says.
func quorumState(t *testing.T, args ...string) quorumStatus {
	t.Helper()
	p := runs(t, append([]string{"quorum", "status", "--json"}, args...)...)
	require.Zero(t, p.status(), "%s", &p.errOut)
	var s quorumStatus
	require.NoError(t, json.Unmarshal([]byte(p.out.String()), &s))
	return s
}

// From new servers to a replaced one, with each refusal on the way. docs/operations.md has the rest.
func TestQuorum(t *testing.T) {
	c, all := startStrangers(t, 4)
	urls := strings.Split(all, ",")
	old, young := strings.Join(urls[:3], ","), strings.Join([]string{urls[0], urls[1], urls[3]}, ",")

	assert.Equal(t, unformed, quorumState(t, "--nodes", old).State)
	p := runs(t, "quorum", "change", "--nodes", old, "--joining", young)
	assert.Equal(t, statusUnsafe, p.status())
	assert.Contains(t, p.errOut.String(), "no voter knows yet for which set it votes")
	p = runs(t, "quorum", "init", "--nodes", old, "--json")
	assert.Zero(t, p.status(), "%s", &p.errOut)
	assert.JSONEq(t, `{"formed": true}`, p.out.String())
	s := quorumState(t, "--nodes", old)
	assert.Equal(t, voting, s.State)
	assert.Len(t, s.Voters, 3)
	require.Len(t, s.Servers, 3)
	assert.Equal(t, int64(1), s.Servers[0].Generation)
	assert.Nil(t, s.Servers[0].ServedAloneMS)
	p = runs(t, "quorum", "init", "--nodes", young)
	assert.Equal(t, statusUnsafe, p.status())
	assert.Contains(t, p.errOut.String(), "it votes for the voters")
	assert.Equal(t, 2, runs(t, "quorum", "init", "--nodes", old, "--joining", young).status())
	assert.Equal(t, 2, runs(t, "quorum", "change", "--nodes", old).status())

	require.Zero(t, runs(t, "exec", "-n", "--nodes", old, "job", "--", "true").status())
	s = quorumState(t, "--nodes", old, "--joining", young)
	require.Len(t, s.Servers, 4)
	require.NotNil(t, s.Servers[0].ServedAloneMS)
	assert.Equal(t, divided, s.State, "the fourth knows of no list")
	p = runs(t, "quorum", "change", "--nodes", old, "--joining", young)
	assert.Equal(t, statusUnsafe, p.status())
	assert.Contains(t, p.errOut.String(), "has served a locker with the old list alone")

	pauseAll(t, c.Nodes()[2:3])
	p = runs(t, "quorum", "change", "--nodes", old, "--joining", young, "--even-if-unprepared", "--timeout", "500ms")
	assert.Equal(t, statusNoQuorum, p.status())
	assert.Contains(t, p.errOut.String(), "or say which of them are gone for good")
	gone := strings.TrimPrefix(urls[2], "redis://")
	p = runs(t, "quorum", "change", "--nodes", old, "--joining", young, "--even-if-unprepared", "--timeout", "500ms", "--gone", gone, "--json")
	assert.Zero(t, p.status(), "%s", &p.errOut)
	assert.JSONEq(t, `{"changed": true}`, p.out.String())
	require.Zero(t, runs(t, "exec", "-n", "--nodes", young, "job", "--", "true").status())
	p = runs(t, "exec", "-n", "--nodes", old, "job", "--", "true")
	assert.Equal(t, statusNoQuorum, p.status())
	p = runs(t, "quorum", "status", "--nodes", young)
	assert.Zero(t, p.status())
	assert.Contains(t, p.out.String(), "\nThe servers vote for "+gone[:strings.LastIndex(gone, ":")])
	assert.Equal(t, 3, strings.Count(p.out.String(), "  2  "), "%s", &p.out)
}

// Lists that aren't servers' own, by the names that programs give them.
func TestQuorumOfNamedVoters(t *testing.T) {
	_, urls := startStrangers(t, 3)
	named := []string{"--nodes", urls, "--group", "orders", "--voter-names", "a,b,c"}
	require.Zero(t, runs(t, append([]string{"quorum", "init"}, named...)...).status())
	s := quorumState(t, named...)
	assert.Equal(t, []string{"a", "b", "c"}, s.Voters)
	assert.Equal(t, "a", s.Servers[0].Node)
	assert.Equal(t, unformed, quorumState(t, "--nodes", urls).State, "another group is another matter")
	require.Zero(t, runs(t, append(append([]string{"exec", "-n"}, named...), "job", "--", "true")...).status())
}
