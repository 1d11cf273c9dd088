package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlansDivideTheLoad(t *testing.T) {
	c := Defaults()
	c.Goroutines, c.Processes, c.Rate = 10, 4, 1000
	require.NoError(t, c.Check())
	assert.Equal(t, 10, c.Names, "one per goroutine")
	next, rate := 0, 0.0
	for _, p := range plans(c, "plain", time.Hour, time.Second) {
		assert.Equal(t, next, p.First)
		assert.Contains(t, []int{2, 3}, p.Clients)
		assert.Equal(t, 10, p.Total)
		assert.Equal(t, time.Hour, p.Start, "all at once")
		next, rate = next+p.Clients, rate+p.Rate
	}
	assert.Equal(t, 10, next)
	assert.InDelta(t, 1000, rate, 1e-6)
}

func TestSweep(t *testing.T) {
	c := Defaults()
	over, all, err := c.Sweep("goroutines=1,8,64")
	require.NoError(t, err)
	assert.Equal(t, "goroutines", over)
	require.Len(t, all, 3)
	for i, want := range []int{1, 8, 64} {
		assert.Equal(t, want, all[i].Value(over))
		assert.Equal(t, want, all[i].Goroutines)
		assert.Equal(t, want, all[i].Names, "they grow with it")
	}
	_, all, err = c.Sweep("")
	require.NoError(t, err)
	assert.Len(t, all, 1)
	for _, name := range Sweeps() {
		_, all, err := c.Sweep(name + "=3")
		require.NoError(t, err)
		assert.Equal(t, 3, all[0].Value(name))
	}
}
