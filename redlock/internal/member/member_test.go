package member_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/internal/member"
)

func TestIDDependsOnTheNamesAlone(t *testing.T) {
	a := member.NewSet([]string{"a:1", "b:1", "c:1"})
	assert.Equal(t, a, member.NewSet([]string{"c:1", "a:1", "b:1"}))
	assert.NotEqual(t, a.ID, member.NewSet([]string{"a:1", "b:1", "d:1"}).ID)
	assert.NotEqual(t, a.ID, member.NewSet([]string{"a:1", "b:1", "c:1", "d:1"}).ID)
	assert.Len(t, a.ID, 16)
}

// A change that has begun was checked then: what was decided before it counts no more, also where a majority has forgotten what was in force.
func TestWhoMayVoteForOthers(t *testing.T) {
	one, two, three := member.NewSet([]string{"a", "b", "c"}), member.NewSet([]string{"a", "b", "d"}), member.NewSet([]string{"a", "b", "e"})
	config := member.Config{{Set: two, Voters: []int{0, 1, 2}}, {Set: three, Voters: []int{0, 1, 3}}}
	knows := func(set member.Set, generation, from int64, replaces string) member.View {
		return member.View{Heard: true, Known: member.Known{Set: set, Generation: generation, From: from, Replaces: replaces}}
	}
	inForce, stale := knows(two, 2, 9, ""), knows(one, 1, 0, "")
	begun, other := knows(three, 3, member.Pending, two.ID), knows(two, 2, member.Pending, one.ID)
	for name, c := range map[string]struct {
		views   []member.View
		foreign int // a voter, or -1
	}{
		"all know the old set":                           {[]member.View{inForce, inForce, inForce, inForce}, -1},
		"one has missed the last change":                 {[]member.View{inForce, inForce, inForce, stale}, -1},
		"one has missed its end":                         {[]member.View{inForce, inForce, inForce, other}, -1},
		"nobody knows that it ended":                     {[]member.View{other, {}, {}, {}}, 0},
		"a third set, and no majority knows a later one": {[]member.View{inForce, {}, {}, stale}, 3},
		"a later decision for a third set":               {[]member.View{inForce, inForce, inForce, knows(one, 3, 9, "")}, 3},
		"the change has begun at some":                   {[]member.View{inForce, begun, begun, stale}, -1},
		"and from a third set":                           {[]member.View{knows(three, 3, member.Pending, one.ID), {}, {}, stale}, 0},
	} {
		got := -1
		for voter, foreign := range config.Foreign(c.views) {
			if foreign {
				got = voter
				break
			}
		}
		require.Equal(t, c.foreign, got, name)
	}
}

func TestKnownIsReadAsItWasWritten(t *testing.T) {
	for _, k := range []member.Known{
		{},
		{Set: member.NewSet([]string{"a:1", "b:1"}), From: 17},
		{Set: member.NewSet([]string{"a:1,b:1", "*redis.Client 2"}), Generation: 3, From: member.Pending, Replaces: "0123456789abcdef"},
	} {
		got, err := member.Parse(k.String())
		require.NoError(t, err)
		assert.Equal(t, k, got)
	}
	for _, odd := range []string{"x", "x 1 2", "x y 2 a", "x 1 y a"} {
		_, err := member.Parse(odd)
		assert.Error(t, err, odd)
	}
}
