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

func TestKnownIsReadAsItWasWritten(t *testing.T) {
	for _, k := range []member.Known{
		{},
		{Set: member.NewSet([]string{"a:1", "b:1"}), From: 17},
		{Set: member.NewSet([]string{"a:1,b:1", "*redis.Client 2"}), Generation: 3, From: member.Pending},
		{Set: member.NewSet([]string{"a:1"}), Generation: 4, From: member.Pending, Changed: 1795832470915124},
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
