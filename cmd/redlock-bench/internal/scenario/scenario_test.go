package scenario

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
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
		assert.True(t, s.Demands || s.Denies == 0, s.Name)
		found, err := Find(s.Name)
		require.NoError(t, err)
		assert.Equal(t, s.About, found.About)
	}
	_, err := Find("clock-jmp")
	assert.ErrorContains(t, err, "clock-jmp")
}

// TestExpectations states once more what the literature says, without looking at the scenarios.
func TestExpectations(t *testing.T) {
	lackGuards := []string{"naive", "single", "unchecked", "classic"}
	violated := map[string][]string{
		"control": nil, "partition": nil, "cancelled-acquire": nil, "orphan": nil, "bare-majority": nil, "revival": nil,
		"pause-after-check": nil, "delayed-write": nil, "expiry": nil,
		"slow-renewal":         {"naive"},
		"stale-unlock":         {"naive"},
		"pause-in-flight":      {"naive", "unchecked"},
		"clock-jump":           lackGuards,
		"crash-amnesia":        lackGuards,
		"clock-drift":          lackGuards,
		"clock-there-and-back": lackGuards,
		"slow-clock":           lackGuards,
		"far-voters-60ms":      lackGuards,
		"far-voters-200ms":     lackGuards,
		"late-enrolment":       lackGuards,
		"flushall":             lackGuards,
		"power-loss":           lackGuards,
		"lying-disk":           lackGuards,
		"eviction":             lackGuards,
		"record-eviction":      append([]string{"guarded"}, lackGuards...),
		"full-disk":            nil, "stalling-disk": nil, "max-clients": nil, "file-limit": nil,
		"rdb-restart":         lackGuards,
		"failover":            lackGuards,
		"rolling-change":      {"naive", "single", "unchecked", "classic"},
		"rolling-growth":      {"naive", "single", "unchecked", "classic"},
		"suspend":             {"naive", "single", "unchecked", "classic"},
		"client-drift":        {"naive", "single", "unchecked", "classic"},
		"replayed-requests":   {"naive"},
		"duplicated-requests": nil, "reordered-requests": nil,
		"ghost-request": nil, "split-vote": nil, "hand-off": nil, "slow-node": nil, "asymmetric-partition": nil,
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
			// Where two lists have no voter in common, nothing orders the tokens.
			assert.Equal(t, sub.Fencing, e.Fencing != check.None)
			assert.Equal(t, sub.Name == "unguarded" && strings.HasPrefix(s.Name, "rolling-"), e.Fencing == check.Violated)
		}
	}
}

// TestExpectedOfEachSubject states by name what follows from the traits, of peers and hidden subjects, too. A subject that the harness
// must catch is expected to do nothing bad.
func TestExpectedOfEachSubject(t *testing.T) {
	want, err := os.ReadFile("testdata/expected.txt")
	require.NoError(t, err)
	var got strings.Builder
	for _, s := range All() {
		fmt.Fprintf(&got, "%s\n", s.Name)
		for _, kind := range []struct {
			what string
			is   func(Expectation) bool
		}{
			{"breaks", func(e Expectation) bool { return e.Exclusion == check.Violated }},
			{"breaks the tokens of", func(e Expectation) bool { return e.Fencing == check.Violated }},
			{"may be noticed in time by", func(e Expectation) bool { return e.Races }},
			{"is denied by", func(e Expectation) bool { return e.Availability == check.Violated }},
		} {
			var names []string
			for _, sub := range slices.Concat(subject.All(), subject.Hidden(), subject.Peers()) {
				if kind.is(s.Expect(sub)) {
					names = append(names, sub.Name)
				}
			}
			if names != nil {
				fmt.Fprintf(&got, "    %s: %s\n", kind.what, strings.Join(names, ", "))
			}
		}
	}
	assert.Equal(t, string(want), got.String())
}

func TestMet(t *testing.T) {
	held := check.Judgement{Exclusion: check.Held, Fencing: check.None}
	fenced := Expectation{Exclusion: check.Held, Fencing: check.Held, StaleWrites: true, LostUpdates: true}
	unfenced := Expectation{Exclusion: check.Held, Fencing: check.None, StaleWrites: true, LostUpdates: true}
	either := Expectation{Exclusion: check.Violated, Fencing: check.None, LostUpdates: true, Races: true}
	anything := Expectation{Exclusion: Any, Fencing: Any, Availability: Any, Races: true}
	stale := check.Judgement{Exclusion: check.Held, Fencing: check.Held, StaleAccepted: 1, StaleRefused: 1, Lost: 1}
	for name, c := range map[string]struct {
		expected Expectation
		spoil    func(*check.Judgement)
		base     check.Judgement
		met      bool
		missed   bool // another attempt may show it
	}{
		"as expected":       {Expectation{Exclusion: check.Held, Fencing: check.None}, func(*check.Judgement) {}, held, true, false},
		"unknown":           {Expectation{Exclusion: check.Held, Fencing: check.None}, func(j *check.Judgement) { j.Exclusion = check.Unknown }, held, false, false},
		"violated":          {Expectation{Exclusion: check.Held, Fencing: check.None}, func(j *check.Judgement) { j.Exclusion = check.Violated }, held, false, false},
		"no violation":      {Expectation{Exclusion: check.Violated, Fencing: check.None}, func(*check.Judgement) {}, held, false, true},
		"a lost update":     {Expectation{Exclusion: check.Held, Fencing: check.None}, func(j *check.Judgement) { j.Lost = 1 }, held, false, false},
		"stale write":       {fenced, func(*check.Judgement) {}, stale, true, false},
		"no stale write":    {fenced, func(j *check.Judgement) { j.StaleAccepted = 0 }, stale, false, true},
		"not refused":       {fenced, func(j *check.Judgement) { j.StaleRefused = 0 }, stale, false, true},
		"fencing violated":  {fenced, func(j *check.Judgement) { j.Fencing = check.Violated }, stale, false, false},
		"nothing was lost":  {fenced, func(j *check.Judgement) { j.Lost = 0 }, stale, false, true},
		"noticed in time":   {either, func(j *check.Judgement) { j.Exclusion = check.Violated }, held, true, false},
		"not in time":       {either, func(j *check.Judgement) { j.Exclusion, j.Lost = check.Violated, 1 }, held, true, false},
		"held after all":    {either, func(*check.Judgement) {}, held, false, true},
		"anything":          {anything, func(j *check.Judgement) { j.Exclusion, j.Lost, j.Availability = check.Violated, 1, check.Violated }, held, true, false},
		"not even unknown":  {anything, func(j *check.Judgement) { j.Exclusion = check.Unknown }, held, false, false},
		"refused":           {unfenced, func(j *check.Judgement) { j.Availability = check.Violated }, stale, false, false},
		"tokens from where": {unfenced, func(*check.Judgement) {}, stale, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			j := c.base
			c.spoil(&j)
			assert.Equal(t, c.met, c.expected.Met(j))
			assert.Equal(t, c.missed, c.expected.Missed(j))
		})
	}
}

// TestOthersCantBeSuspended shows that nothing is expected to be found out where only built-in
// subjects can take part.
func TestOthersCantBeSuspended(t *testing.T) {
	for _, s := range []Scenario{suspend, clientClock} {
		assert.Equal(t, check.None, s.Expect(subject.External("redsync", []string{"program"})).Exclusion)
	}
	guarded, err := subject.Find("guarded")
	require.NoError(t, err)
	assert.Equal(t, check.Held, suspend.Expect(guarded).Exclusion)
	classic, err := subject.Find("classic")
	require.NoError(t, err)
	assert.Equal(t, check.Violated, suspend.Expect(classic).Exclusion)
}

// TestKnownPeerFailures states which failures of others the scenarios must find.
func TestKnownPeerFailures(t *testing.T) {
	for _, f := range []struct {
		scenario, peer          string
		exclusion, availability check.Verdict
	}{
		{"slow-renewal", "rueidislock", check.Violated, check.None},
		{"revival", "redsync-setnx", check.Violated, check.None},
		{"revival", "redsync", check.Held, check.None},
		{"cancelled-acquire", "redsync", check.Held, check.Violated},
		{"orphan", "redsync", check.Held, check.Violated},
		{"bare-majority", "redsync", check.Held, check.Violated},
	} {
		s, err := Find(f.scenario)
		require.NoError(t, err)
		peer := subject.External(f.peer, []string{"program"})
		assert.False(t, peer.Stranger, f.peer)
		e := s.Expect(peer)
		assert.Equal(t, f.exclusion, e.Exclusion, "%s %s", f.scenario, f.peer)
		assert.Equal(t, f.availability, e.Availability, "%s %s", f.scenario, f.peer)
		guarded, err := subject.Find("guarded")
		require.NoError(t, err)
		assert.Equal(t, check.Held, s.Expect(guarded).Exclusion, f.scenario)
		assert.NotEqual(t, check.Violated, s.Expect(guarded).Availability, f.scenario)
	}
	stranger := subject.External("mine", []string{"program"})
	assert.True(t, stranger.Stranger)
	assert.Equal(t, Any, control.Expect(stranger).Exclusion)
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

// TestScenariosOfRealServers states what embedded nodes can't have.
func TestScenariosOfRealServers(t *testing.T) {
	var only []string
	for _, s := range All() {
		if !s.Suits(cluster.Embedded) {
			only = append(only, s.Name)
		}
	}
	assert.Equal(t, []string{"lying-disk", "full-disk", "stalling-disk", "eviction", "record-eviction", "max-clients", "file-limit"}, only)
	assert.Equal(t, All()[0].Name, On(cluster.Embedded)[0].Name)
	assert.Len(t, On(cluster.Embedded), len(All())-len(only))
	assert.Len(t, On(cluster.Redis), len(All()))
	durable, err := subject.Find("durable")
	require.NoError(t, err)
	assert.Equal(t, check.Violated, lyingDisk.Expect(durable).Exclusion, "it takes the disk's word")
}
