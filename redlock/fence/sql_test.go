package fence_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// What needs a database is tested in the module sqltest.

func TestNewSQLValidatesTheTable(t *testing.T) {
	longest := strings.Repeat("t", 63)
	for _, table := range []string{"t", "fence_tokens", "_t1", "App.Fence", longest, longest + "." + longest} {
		guard, err := fence.NewSQL(fence.Postgres, table)
		require.NoError(t, err)
		require.Contains(t, guard.Schema(), "CREATE TABLE IF NOT EXISTS "+table+" (")
	}
	for _, table := range []string{"", " ", "t;DROP TABLE users", "t t", "t--", `"t"`, "`t`", "t(", "1t", "a.b.c", ".t", "t.",
		"t\n", "t\x00", "tä", "%s", longest + "t", longest + "t.t"} {
		_, err := fence.NewSQL(fence.SQLite, table)
		require.ErrorIs(t, err, fence.ErrInvalidSQL, "%q", table)
		require.ErrorContains(t, err, "use letters, digits and underscores")
	}
}

func TestNewSQLValidatesTheDialect(t *testing.T) {
	for _, dialect := range []fence.Dialect{0, -1, 4} {
		_, err := fence.NewSQL(dialect, "fence_tokens")
		require.ErrorIs(t, err, fence.ErrInvalidSQL)
		require.ErrorContains(t, err, dialect.String())
	}
	for _, dialect := range []fence.Dialect{fence.Postgres, fence.SQLite, fence.MySQL} {
		_, err := fence.NewSQL(dialect, "fence_tokens")
		require.NoError(t, err, dialect)
		require.NotContains(t, dialect.String(), "(")
	}
}
