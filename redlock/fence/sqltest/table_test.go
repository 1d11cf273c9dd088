package sqltest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// wrongTables are tables that some migration might have left, by what's wrong with them.
var wrongTables = map[fence.Dialect]map[string]string{
	fence.Postgres: {
		"token int":        "(name bytea NOT NULL PRIMARY KEY, token int NOT NULL)",
		"token varchar":    "(name bytea NOT NULL PRIMARY KEY, token varchar NOT NULL)",
		"token float":      "(name bytea NOT NULL PRIMARY KEY, token real NOT NULL)",
		"no key":           "(name bytea NOT NULL, token bigint NOT NULL)",
		"key of both":      "(name bytea NOT NULL, token bigint NOT NULL, PRIMARY KEY (name, token))",
		"token unique":     "(name bytea NOT NULL PRIMARY KEY, token bigint NOT NULL UNIQUE)",
		"name text":        "(name text NOT NULL PRIMARY KEY, token bigint NOT NULL)",
		"name short":       "(name varchar(64) NOT NULL PRIMARY KEY, token bigint NOT NULL)",
		"no token":         "(name bytea NOT NULL PRIMARY KEY, mark bigint NOT NULL)",
		"one more column":  "(name bytea NOT NULL PRIMARY KEY, token bigint NOT NULL, owner text NOT NULL)",
		"a token too many": "(name bytea NOT NULL PRIMARY KEY, token bigint NOT NULL CHECK (token < 1000))",
	},
	fence.SQLite: {
		"token text":      "(name BLOB NOT NULL PRIMARY KEY, token TEXT NOT NULL)",
		"no key":          "(name BLOB NOT NULL, token INTEGER NOT NULL)",
		"key of both":     "(name BLOB NOT NULL, token INTEGER NOT NULL, PRIMARY KEY (name, token))",
		"token unique":    "(name BLOB NOT NULL PRIMARY KEY, token INTEGER NOT NULL UNIQUE)",
		"no token":        "(name BLOB NOT NULL PRIMARY KEY, mark INTEGER NOT NULL)",
		"one more column": "(name BLOB NOT NULL PRIMARY KEY, token INTEGER NOT NULL, owner TEXT NOT NULL)",
		"name an integer": "(name INTEGER NOT NULL PRIMARY KEY, token INTEGER NOT NULL) STRICT",
	},
	fence.MySQL: {
		"token int":       "(name varbinary(1024) NOT NULL PRIMARY KEY, token int NOT NULL) ENGINE=InnoDB",
		"token varchar":   "(name varbinary(1024) NOT NULL PRIMARY KEY, token varchar(20) NOT NULL) ENGINE=InnoDB",
		"token float":     "(name varbinary(1024) NOT NULL PRIMARY KEY, token float NOT NULL) ENGINE=InnoDB",
		"no key":          "(name varbinary(1024) NOT NULL, token bigint NOT NULL) ENGINE=InnoDB",
		"key of both":     "(name varbinary(1024) NOT NULL, token bigint NOT NULL, PRIMARY KEY (name, token)) ENGINE=InnoDB",
		"token unique":    "(name varbinary(1024) NOT NULL PRIMARY KEY, token bigint NOT NULL UNIQUE) ENGINE=InnoDB",
		"name text":       "(name varchar(700) NOT NULL PRIMARY KEY, token bigint NOT NULL) ENGINE=InnoDB CHARACTER SET utf8mb4",
		"name latin1":     "(name varchar(1024) NOT NULL PRIMARY KEY, token bigint NOT NULL) ENGINE=InnoDB CHARACTER SET latin1",
		"name short":      "(name varbinary(255) NOT NULL PRIMARY KEY, token bigint NOT NULL) ENGINE=InnoDB",
		"no token":        "(name varbinary(1024) NOT NULL PRIMARY KEY, mark bigint NOT NULL) ENGINE=InnoDB",
		"one more column": "(name varbinary(1024) NOT NULL PRIMARY KEY, token bigint NOT NULL, owner text NOT NULL) ENGINE=InnoDB",
		"MyISAM":          "(name varbinary(900) NOT NULL PRIMARY KEY, token bigint NOT NULL) ENGINE=MyISAM",
		"Aria":            "(name varbinary(1024) NOT NULL PRIMARY KEY, token bigint NOT NULL) ENGINE=Aria",
	},
}

// IF NOT EXISTS looks at nothing but the table's name.
func testWrongTable(t *testing.T, d database) {
	ctx, n := t.Context(), 0
	for _, mode := range sqlModes(d) {
		for what, columns := range wrongTables[d.dialect] {
			if mode != "" && what == "one more column" {
				continue // it's filled with something then
			}
			t.Run(what+mode, func(t *testing.T) {
				n++
				table := fmt.Sprintf("wrong_%d_%s", n, map[bool]string{true: "lax", false: "strict"}[mode != ""])
				db := d.open(t)
				db.SetMaxOpenConns(1)
				if mode != "" {
					_, err := db.ExecContext(ctx, "SET sql_mode = ''")
					require.NoError(t, err)
				}
				_, err := db.ExecContext(ctx, "CREATE TABLE "+table+" "+columns)
				require.NoError(t, err)
				guard, err := fence.NewSQL(d.dialect, table)
				require.NoError(t, err)
				err = guard.CreateTable(ctx, db)
				t.Log(err)
				require.ErrorIs(t, err, fence.ErrInvalidTable)
				require.ErrorContains(t, err, table)
				require.ErrorIs(t, guard.CheckTable(ctx, db), fence.ErrInvalidTable)
				var left int
				require.NoError(t, db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&left))
				require.Zero(t, left, "nothing may remain of the check")
			})
		}
	}
}

// sqlModes are the settings under which a table is tried: MySQL may cut what doesn't fit.
func sqlModes(d database) []string {
	if d.dialect == fence.MySQL {
		return []string{"", ", lax"}
	}
	return []string{""}
}

// Tables that differ from Schema in what doesn't matter are fine.
func testOtherGoodTable(t *testing.T, d database) {
	columns := map[fence.Dialect]string{
		fence.Postgres: "(id bigserial PRIMARY KEY, token numeric(16) NOT NULL, name bytea NOT NULL UNIQUE, seen timestamptz DEFAULT now())",
		fence.SQLite:   "(token INTEGER, name BLOB UNIQUE, seen TEXT DEFAULT CURRENT_TIMESTAMP)",
		fence.MySQL: "(token bigint unsigned NOT NULL, name varbinary(2000) NOT NULL PRIMARY KEY, " +
			"seen timestamp DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB",
	}[d.dialect]
	db := d.open(t)
	_, err := db.ExecContext(t.Context(), "CREATE TABLE other_good "+columns)
	require.NoError(t, err)
	guard, err := fence.NewSQL(d.dialect, "other_good")
	require.NoError(t, err)
	require.NoError(t, guard.CreateTable(t.Context(), db))
}

// A guard that was never given a good table must not let a stale token pass either.
func testCheckOnAWrongTable(t *testing.T, d database) {
	if d.dialect == fence.Postgres {
		return // its types don't let it come that far
	}
	columns := map[fence.Dialect]string{
		fence.SQLite: "(name BLOB NOT NULL PRIMARY KEY, token TEXT NOT NULL)",
		fence.MySQL:  "(name varbinary(1024) NOT NULL PRIMARY KEY, token varchar(20) NOT NULL) ENGINE=InnoDB",
	}[d.dialect]
	ctx, s := t.Context(), d.newStore(t)
	_, err := s.admin.ExecContext(ctx, "CREATE TABLE unchecked "+columns)
	require.NoError(t, err)
	s.guard, err = fence.NewSQL(d.dialect, "unchecked")
	require.NoError(t, err)
	require.NoError(t, s.doAppend(ctx, "account", 9, "9"))
	// "9" is the larger text: the mark doesn't move, and 10 isn't remembered.
	err = s.doAppend(ctx, "account", 10, "10")
	require.ErrorIs(t, err, fence.ErrInvalidTable)
	require.ErrorContains(t, err, "unchecked holds 9 for \"account\" after it was raised to 10")
	require.Equal(t, []string{"9"}, s.log(t, "account"))
}

func testCheckTableOfACancelledContext(t *testing.T, d database) {
	s := d.newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.guard.CheckTable(ctx, s.db)
	require.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, fence.ErrInvalidTable)
}
