package clockpage

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBend(t *testing.T) {
	const s = time.Second
	var b Bend
	assert.Equal(t, 7*s, b.At(7*s))
	slow := b.AtRate(100*s, 0.98)
	assert.Equal(t, 100*s, slow.At(100*s), "a change of rate isn't a jump")
	assert.Equal(t, 149*s, slow.At(150*s).Round(time.Microsecond))
	assert.Equal(t, 150*s, slow.Host(149*s).Round(time.Microsecond))
	right := slow.AtRate(150*s, 1)
	assert.Equal(t, 159*s, right.At(160*s).Round(time.Microsecond), "what was lost stays lost")
	assert.Equal(t, 160*s, right.Host(159*s).Round(time.Microsecond))
}

func TestPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock")
	harness, err := Create(path)
	require.NoError(t, err)
	client, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()); assert.NoError(t, harness.Close()) })
	b, err := client.Read()
	require.NoError(t, err)
	assert.Zero(t, b)
	want := Bend{}.AtRate(time.Hour, 1.02)
	require.NoError(t, harness.Set(want))
	times, now, err := harness.Followed()
	require.NoError(t, err)
	assert.EqualValues(t, 1, times)
	assert.False(t, now, "the client hasn't read it since")
	b, err = client.Read()
	require.NoError(t, err)
	assert.Equal(t, want, b)
	times, now, err = harness.Followed()
	require.NoError(t, err)
	assert.EqualValues(t, 2, times)
	assert.True(t, now)
	_, err = Create(path)
	require.Error(t, err, "it's another's")
}
