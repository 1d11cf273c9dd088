package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFailuresSurviveJSON shows that a failure that was read matches what it matched before.
func TestFailuresSurviveJSON(t *testing.T) {
	for cause, is := range causes {
		data, err := json.Marshal(NewFailure(fmt.Errorf("details: %w", is)))
		require.NoError(t, err)
		var f Failure
		require.NoError(t, json.Unmarshal(data, &f))
		assert.Equal(t, cause, f.Cause)
		for other, err := range causes {
			assert.Equal(t, other == cause, errors.Is(f.Err(), err), "%s %s", cause, other)
		}
		assert.ErrorContains(t, f.Err(), "details: ")
	}
	assert.Equal(t, "other", NewFailure(errors.New("no luck")).Cause)
	assert.NoError(t, NewFailure(nil).Err())
}
