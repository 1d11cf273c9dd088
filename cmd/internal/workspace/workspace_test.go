package workspace

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCloseRemovesIt(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	w, err := New("work-")
	require.NoError(t, err)
	assert.Equal(t, temp, filepath.Dir(w.Dir()))
	sub, err := w.Sub("one")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(sub, "file"), nil, 0o600))
	_, err = w.Sub("one")
	require.ErrorIs(t, err, os.ErrExist)
	require.NoError(t, w.Close())
	assert.NoDirExists(t, w.Dir())
}

// The end of the leash is all that the janitor hears of a program that was killed.
func TestTheJanitorRemovesIt(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w, err := New("work-")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(w.Dir(), "file"), nil, 0o600))
	require.NoError(t, w.leash.Close())
	require.NoError(t, w.janitor.Wait())
	assert.Eventually(t, func() bool {
		_, err := os.Stat(w.Dir())
		return os.IsNotExist(err)
	}, 5*time.Second, time.Millisecond)
}

func TestNowhereToMakeIt(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	_, err := New("work-")
	require.ErrorIs(t, err, os.ErrNotExist)
}
