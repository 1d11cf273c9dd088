package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// recorded is a history with the verdicts that it must get. Most were recorded from real runs;
// those that say so were made by hand.
type recorded struct {
	Note string `json:"note"`
	Want struct {
		Exclusion     Verdict       `json:"exclusion"`
		Fencing       Verdict       `json:"fencing"`
		Overlap       time.Duration `json:"overlap_ns"`
		StaleAccepted int           `json:"stale_accepted"`
		StaleRefused  int           `json:"stale_refused"`
		Lost          int           `json:"lost"`
	} `json:"want"`
	History history.History `json:"history"`
}

func TestRecordedHistories(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	require.NoError(t, err)
	seen := make(map[string]bool)
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			var r recorded
			require.NoError(t, json.Unmarshal(data, &r))
			require.NotEmpty(t, r.History.Operations)

			got := Judge(&r.History)
			assert.Equal(t, r.Want.Exclusion, got.Exclusion, "exclusion")
			assert.Equal(t, r.Want.Fencing, got.Fencing, "fencing")
			assert.Equal(t, r.Want.Overlap, got.Overlap, "overlap")
			assert.Equal(t, r.Want.StaleAccepted, got.StaleAccepted, "stale writes accepted")
			assert.Equal(t, r.Want.StaleRefused, got.StaleRefused, "stale writes refused")
			assert.Equal(t, r.Want.Lost, got.Lost, "lost updates")
			if got.Exclusion == Violated || got.Fencing == Violated {
				assert.NotEmpty(t, got.Findings)
			}
			seen[filepath.Base(filepath.Dir(file))] = true
		})
	}
	assert.Len(t, seen, 3, "held, violated and unknown")
}

func TestHistorySurvivesJSON(t *testing.T) {
	data, err := os.ReadFile("testdata/violated/clock-jump-classic.json")
	require.NoError(t, err)
	var first, second recorded
	require.NoError(t, json.Unmarshal(data, &first))
	again, err := json.Marshal(first)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(again, &second))
	assert.Equal(t, first, second)
	assert.NotEmpty(t, second.History.Faults)
}
