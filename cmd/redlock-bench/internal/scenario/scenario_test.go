package scenario

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

func TestScenariosAreComplete(t *testing.T) {
	names := make(map[string]bool)
	for _, s := range All() {
		assert.False(t, names[s.Name], "%s twice", s.Name)
		names[s.Name] = true
		assert.NotEmpty(t, s.About, s.Name)
		assert.NotEmpty(t, s.Source, s.Name)
		assert.NotEmpty(t, s.Steps, s.Name)
		assert.NotNil(t, s.Perform, s.Name)
		assert.Positive(t, s.Clients, s.Name)
		assert.Positive(t, s.MinNodes, s.Name)
		for _, name := range s.Breaks {
			_, err := subject.Find(name)
			assert.NoError(t, err, s.Name)
		}
		found, err := Find(s.Name)
		require.NoError(t, err)
		assert.Equal(t, s.About, found.About)
	}
	_, err := Find("clock-jmp")
	assert.ErrorContains(t, err, "clock-jmp")
}

// TestExpectations states once more what the literature says, without looking at the scenarios.
func TestExpectations(t *testing.T) {
	violated := map[string][]string{
		"control": nil, "partition": nil, "pause-after-check": nil, "delayed-write": nil, "expiry": nil,
		"stale-unlock":    {"naive"},
		"pause-in-flight": {"naive", "unchecked"},
		"clock-jump":      lackGuards,
		"crash-amnesia":   lackGuards,
	}
	for _, s := range All() {
		want, known := violated[s.Name]
		require.True(t, known, s.Name)
		for _, sub := range subject.All() {
			e := s.Expect(sub)
			if assert.ObjectsAreEqual(check.Violated, e.Exclusion) {
				assert.Contains(t, want, sub.Name, s.Name)
			} else {
				assert.NotContains(t, want, sub.Name, s.Name)
			}
			assert.Equal(t, sub.Fencing, e.Fencing == check.Held)
		}
	}
}

func TestMet(t *testing.T) {
	held := check.Judgement{Exclusion: check.Held, Fencing: check.None}
	stale := check.Judgement{Exclusion: check.Held, Fencing: check.Held, StaleAccepted: 1, StaleRefused: 1, Lost: 1}
	for name, c := range map[string]struct {
		expected Expectation
		spoil    func(*check.Judgement)
		base     check.Judgement
		met      bool
	}{
		"as expected":       {Expectation{Exclusion: check.Held, Fencing: check.None}, func(*check.Judgement) {}, held, true},
		"unknown":           {Expectation{Exclusion: check.Held, Fencing: check.None}, func(j *check.Judgement) { j.Exclusion = check.Unknown }, held, false},
		"violated":          {Expectation{Exclusion: check.Held, Fencing: check.None}, func(j *check.Judgement) { j.Exclusion = check.Violated }, held, false},
		"no violation":      {Expectation{Exclusion: check.Violated, Fencing: check.None}, func(*check.Judgement) {}, held, false},
		"a lost update":     {Expectation{Exclusion: check.Held, Fencing: check.None}, func(j *check.Judgement) { j.Lost = 1 }, held, false},
		"stale write":       {Expectation{check.Held, check.Held, check.None, true, true}, func(*check.Judgement) {}, stale, true},
		"no stale write":    {Expectation{check.Held, check.Held, check.None, true, true}, func(j *check.Judgement) { j.StaleAccepted = 0 }, stale, false},
		"not refused":       {Expectation{check.Held, check.Held, check.None, true, true}, func(j *check.Judgement) { j.StaleRefused = 0 }, stale, false},
		"fencing violated":  {Expectation{check.Held, check.Held, check.None, true, true}, func(j *check.Judgement) { j.Fencing = check.Violated }, stale, false},
		"nothing was lost":  {Expectation{check.Held, check.Held, check.None, true, true}, func(j *check.Judgement) { j.Lost = 0 }, stale, false},
		"tokens from where": {Expectation{check.Held, check.None, check.None, true, true}, func(*check.Judgement) {}, stale, false},
	} {
		t.Run(name, func(t *testing.T) {
			j := c.base
			c.spoil(&j)
			assert.Equal(t, c.met, c.expected.Met(j))
		})
	}
}

func TestSides(t *testing.T) {
	for nodes, want := range map[int][3][]int{
		3: {{0, 1}, {1, 2}, {1}},
		4: {{0, 1, 2}, {1, 2, 3}, {1, 2}},
		5: {{0, 1, 2}, {2, 3, 4}, {2}},
	} {
		first, second, shared := sides(nodes)
		assert.Equal(t, want, [3][]int{first, second, shared}, "%d nodes", nodes)
		assert.Contains(t, shared, subject.Middle(nodes), "the node of subjects with a single one")
	}
}
