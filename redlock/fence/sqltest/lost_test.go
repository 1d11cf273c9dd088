package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// accounts makes a table with two rows and a name for it.
func (s *store) accounts(t *testing.T) string {
	table := "account_" + s.table
	for _, statement := range []string{
		"CREATE TABLE %s (id integer PRIMARY KEY, holder integer NOT NULL)",
		"INSERT INTO %s VALUES (1, 0), (2, 0)",
	} {
		_, err := s.admin.ExecContext(t.Context(), fmt.Sprintf(statement, table))
		require.NoError(t, err)
	}
	return table
}

// holders returns who wrote the two rows.
func (s *store) holders(t *testing.T, table string) [2]int {
	var found [2]int
	for i := range found {
		query := fmt.Sprintf("SELECT holder FROM %s WHERE id = %d", table, i+1)
		require.NoError(t, s.admin.QueryRowContext(t.Context(), query).Scan(&found[i]))
	}
	return found
}

func execute(ctx context.Context, tx *sql.Tx, format string, args ...any) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf(format, args...))
	return err
}

// On a deadlock MariaDB rolls the whole transaction back, and lets the connection go on
// without one. A write that repeats only its own statement then writes when somebody with a
// higher token has been there.
func testWriteThatRepeatsItsStatementAfterADeadlock(t *testing.T, d database) {
	if d.dialect != fence.MySQL {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	table := s.accounts(t)
	err := s.guard.Do(ctx, s.db, "account", 5, func(tx *sql.Tx) error {
		require.NoError(t, execute(ctx, tx, "UPDATE %s SET holder = 5 WHERE id = 1", table))
		s.provokeDeadlock(t, tx, table)
		require.NoError(t, s.doHolder(ctx, table, 9))
		return execute(ctx, tx, "UPDATE %s SET holder = 5 WHERE id = 2", table)
	})
	assert.ErrorIs(t, err, fence.ErrTransactionLost)
	assert.Equal(t, [2]int{9, 9}, s.holders(t, table))
	require.ErrorIs(t, s.guard.Do(ctx, s.db, "account", 8, func(*sql.Tx) error { return nil }), fence.ErrStale)
}

// doHolder writes both rows.
func (s *store) doHolder(ctx context.Context, table string, token int64) error {
	return s.do(ctx, "account", token, func(tx *sql.Tx) error {
		return execute(ctx, tx, "UPDATE %s SET holder = %d", table, token)
	})
}

// provokeDeadlock makes tx, which has written row 1, the victim of another transaction.
func (s *store) provokeDeadlock(t *testing.T, tx *sql.Tx, table string) {
	ctx := t.Context()
	other, err := s.admin.BeginTx(ctx, nil)
	require.NoError(t, err)
	defer func() { _ = other.Rollback() }()
	require.NoError(t, execute(ctx, other, "UPDATE %s SET holder = 1 WHERE id = 2", table))
	for range 50 { // the victim is who has changed less
		require.NoError(t, s.append(ctx, other, "other", "x"))
	}
	waits := make(chan error, 1)
	go func() { waits <- execute(ctx, other, "UPDATE %s SET holder = 1 WHERE id = 1", table) }()
	s.waitUntilBlocked(t)
	var reason *mysql.MySQLError
	require.ErrorAs(t, execute(ctx, tx, "UPDATE %s SET holder = 5 WHERE id = 2", table), &reason)
	require.EqualValues(t, 1213, reason.Number)
	require.NoError(t, <-waits)
	require.NoError(t, other.Rollback())
}

// MariaDB commits before DDL. What comes after it is outside the transaction, and must not be
// committed any more.
func testWriteWithDDL(t *testing.T, d database) {
	ctx, s := t.Context(), d.newStore(t)
	table := s.accounts(t)
	err := s.guard.Do(ctx, s.db, "account", 5, func(tx *sql.Tx) error {
		require.NoError(t, execute(ctx, tx, "UPDATE %s SET holder = 5 WHERE id = 1", table))
		require.NoError(t, execute(ctx, tx, "CREATE TABLE ddl_%s (id integer)", s.table))
		if d.dialect == fence.MySQL {
			require.NoError(t, s.doHolder(ctx, table, 9), "the mark's lock has gone with the transaction")
		}
		return execute(ctx, tx, "UPDATE %s SET holder = 5", table)
	})
	if d.dialect != fence.MySQL {
		require.NoError(t, err, "DDL is part of the transaction")
		require.Equal(t, [2]int{5, 5}, s.holders(t, table))
		return
	}
	assert.ErrorIs(t, err, fence.ErrTransactionLost)
	assert.Equal(t, [2]int{9, 9}, s.holders(t, table))
}

// SQLite ends the transaction on INSERT OR ROLLBACK. What follows is committed at once, which
// nobody can prevent; it must not be reported as written.
func testWriteAfterSQLiteHasRolledBack(t *testing.T, d database) {
	if d.dialect != fence.SQLite {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	table := s.accounts(t)
	for _, check := range []func() error{
		func() error {
			return s.guard.Do(ctx, s.db, "account", 5, func(tx *sql.Tx) error {
				require.Error(t, execute(ctx, tx, "INSERT OR ROLLBACK INTO %s VALUES (1, 5)", table))
				return nil
			})
		},
		func() error {
			tx, err := s.db.BeginTx(ctx, nil)
			require.NoError(t, err)
			defer func() { _ = tx.Rollback() }()
			require.NoError(t, s.guard.Check(ctx, tx, "account", 5))
			require.Error(t, execute(ctx, tx, "INSERT OR ROLLBACK INTO %s VALUES (1, 5)", table))
			return s.guard.Recheck(ctx, tx, "account", 5)
		},
	} {
		require.ErrorIs(t, check(), fence.ErrTransactionLost)
		require.Zero(t, s.db.Stats().InUse)
		require.NoError(t, s.doHolder(ctx, table, 1), "token 5 was rolled back")
	}
}

// In a transaction of the caller's the loss shows before the commit.
func testRecheckFindsALostTransaction(t *testing.T, d database) {
	if d.dialect != fence.MySQL {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	for _, name := range []string{"with DDL", "without"} {
		tx, err := s.db.BeginTx(ctx, nil)
		require.NoError(t, err)
		require.NoError(t, s.guard.Check(ctx, tx, name, 5))
		require.NoError(t, s.guard.Recheck(ctx, tx, name, 5), "and again")
		if name == "with DDL" {
			require.NoError(t, execute(ctx, tx, "CREATE TABLE recheck_%s (id integer)", s.table))
			require.ErrorIs(t, s.guard.Recheck(ctx, tx, name, 5), fence.ErrTransactionLost)
		} else {
			require.NoError(t, s.guard.Recheck(ctx, tx, name, 5))
		}
		require.NoError(t, tx.Rollback())
	}
	require.ErrorIs(t, s.guard.Recheck(ctx, nil, "", 5), fence.ErrInvalidName)
}

// An ORM's nested transaction: the savepoint is older than the mark, and its rollback takes the
// mark back. PostgreSQL gives up the row's lock with it.
func testSavepointBeforeCheck(t *testing.T, d database) {
	ctx, s := t.Context(), d.newStore(t)
	table := s.accounts(t)
	for i, newer := range []bool{false, true} {
		name := fmt.Sprint("account", i)
		require.NoError(t, s.do(ctx, name, 1, func(*sql.Tx) error { return nil }))
		tx, err := s.db.BeginTx(ctx, nil)
		require.NoError(t, err)
		require.NoError(t, execute(ctx, tx, "SAVEPOINT nested"))
		require.NoError(t, s.guard.Check(ctx, tx, name, 5))
		require.NoError(t, execute(ctx, tx, "ROLLBACK TO SAVEPOINT nested"))
		if newer && d.dialect == fence.Postgres { // the others keep the lock
			require.NoError(t, s.guard.Do(ctx, s.admin, name, 9, func(*sql.Tx) error { return nil }))
		}
		require.NoError(t, execute(ctx, tx, "UPDATE %s SET holder = 5", table))
		err = s.guard.Recheck(ctx, tx, name, 5)
		if newer && d.dialect == fence.Postgres {
			require.ErrorIs(t, err, fence.ErrStale)
			require.NoError(t, tx.Rollback())
			continue
		}
		require.NoError(t, err)
		require.NoError(t, tx.Commit())
		require.ErrorIs(t, s.guard.Do(ctx, s.db, name, 4, func(*sql.Tx) error { return nil }), fence.ErrStale,
			"the mark must be there again")
	}
}

// Do changes a setting of its connection, which must come back to the pool as it was, or not.
func testSessionsComeBackAsTheyWere(t *testing.T, d database) {
	if d.dialect != fence.MySQL {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	s.db.SetMaxOpenConns(1)
	autocommit := func() (on int) {
		require.NoError(t, s.db.QueryRowContext(ctx, "SELECT @@autocommit").Scan(&on))
		return on
	}
	cancelled := func() error {
		during, cancel := context.WithCancel(ctx)
		return s.guard.Do(during, s.db, "account", 6, func(tx *sql.Tx) error {
			err := s.append(ctx, tx, "account", "no")
			cancel()
			return err
		})
	}
	for _, want := range []int{1, 0} {
		for i, do := range []func() error{
			func() error { return s.guard.Do(ctx, s.db, "account", 5, func(*sql.Tx) error { return nil }) },
			func() error {
				return s.guard.Do(ctx, s.db, "account", 6, func(*sql.Tx) error { return errors.New("fails") })
			},
			func() error { return s.guard.Do(ctx, s.db, "account", 4, func(*sql.Tx) error { return nil }) },
			func() error {
				return s.guard.Do(ctx, s.db, "account", 6, func(tx *sql.Tx) error { return tx.Commit() })
			},
			cancelled,
		} {
			if want == 0 {
				_, err := s.db.ExecContext(ctx, "SET autocommit = 0")
				require.NoError(t, err)
			}
			_ = do()
			on := autocommit()
			require.Contains(t, []int{want, 1}, on, "%d", i) // 1 on a connection that had to be replaced
			if i < 3 {
				require.Equal(t, want, on, "%d", i)
			}
		}
	}
	require.Empty(t, s.log(t, "account"), "what was cancelled must not have been committed")
	require.Eventually(t, func() bool { return s.db.Stats().InUse == 0 }, 10*time.Second, time.Millisecond)
}

// A connection that the server has closed while it was in the pool is replaced.
func testDoOnADeadConnection(t *testing.T, d database) {
	if d.dialect != fence.MySQL {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	s.db.SetMaxOpenConns(1)
	var id int
	require.NoError(t, s.db.QueryRowContext(ctx, "SELECT connection_id()").Scan(&id))
	_, err := s.admin.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
	require.NoError(t, err)
	require.NoError(t, s.guard.Do(ctx, s.db, "account", 5, func(*sql.Tx) error { return nil }))
}

// At REPEATABLE READ the snapshot is that of the first read. So Check makes reads current only
// if it comes first; a locking read is always current.
func testReadsThatBeginBeforeCheck(t *testing.T, d database) {
	if d.dialect != fence.MySQL {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	table := s.accounts(t)
	for _, first := range []bool{true, false} {
		require.NoError(t, s.doHolder(ctx, table, 5))
		tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		require.NoError(t, err)
		read := func(suffix string) (holder int) {
			query := fmt.Sprintf("SELECT holder FROM %s WHERE id = 1 %s", table, suffix)
			require.NoError(t, tx.QueryRowContext(ctx, query).Scan(&holder))
			return holder
		}
		if !first {
			require.Equal(t, 5, read(""))
		}
		_, err = s.admin.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET holder = 6", table))
		require.NoError(t, err)
		require.NoError(t, s.guard.Check(ctx, tx, "account", 7))
		if first {
			require.Equal(t, 6, read(""), "current, since Check was the first statement")
		} else {
			require.Equal(t, 5, read(""), "as the documents warn")
		}
		if first || !d.snapshotIsolation(t) {
			require.Equal(t, 6, read("FOR UPDATE"))
		}
		require.NoError(t, tx.Rollback())
		_, err = s.admin.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET holder = 5", table))
		require.NoError(t, err)
	}
}

// snapshotIsolation tells whether MariaDB refuses to lock what its snapshot doesn't show.
func (d database) snapshotIsolation(t *testing.T) bool {
	var on bool
	require.NoError(t, d.open(t).QueryRowContext(t.Context(), "SELECT @@innodb_snapshot_isolation").Scan(&on))
	return on
}
