package fence_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/redlock/fence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStaleError(t *testing.T) {
	err := fmt.Errorf("pay: %w", &fence.StaleError{Name: "account", Token: 33, Highest: 34})
	require.ErrorIs(t, err, fence.ErrStale)
	require.NotErrorIs(t, err, fence.ErrInvalidToken)
	require.EqualError(t, err,
		`pay: fence: stale token: 33 for "account", where 34 has been seen; the lock was lost, don't write`)
}

// An error must tell what was wrong, where the limit is and what to do.
func TestErrorsNameValueLimitAndRemedy(t *testing.T) {
	write := func(name string, token int64, opts ...fence.Option) error {
		return fence.NewMemory(opts...).Do(t.Context(), name, token, nil)
	}
	tests := []struct {
		err  error
		want []string
	}{
		{write("account", -7), []string{"-7", "1 to 9007199254740991", "Lock.Fence"}},
		{write("", 7), []string{"empty", "name of the lock"}},
		{write(strings.Repeat("n", 5000), 7), []string{"nnn\"…", "5000 bytes", "1024", "shorter"}},
		{write("acount", 7, fence.WithNames("account")), []string{`"acount"`, "WithNames"}},
	}
	for _, tt := range tests {
		for _, want := range tt.want {
			require.ErrorContains(t, tt.err, want)
		}
		require.Less(t, len(tt.err.Error()), 200, "an error must fit a log line")
	}
}

func TestWithNames(t *testing.T) {
	write := func(name string, opts ...fence.Option) error {
		errWritten := errors.New("written")
		err := fence.NewMemory(opts...).Do(t.Context(), name, 1, nopWrite(errWritten))
		if errors.Is(err, errWritten) {
			return nil
		}
		require.ErrorIs(t, err, fence.ErrUnknownName)
		return err
	}
	require.NoError(t, write("any"))
	require.NoError(t, write("a", fence.WithNames("a", "b")))
	require.NoError(t, write("c", fence.WithNames("a", "b"), fence.WithNames("c")))
	require.Error(t, write("c", fence.WithNames("a", "b")))
	require.Error(t, write("a", fence.WithNames()), "no name is known, so every one is unknown")
}
