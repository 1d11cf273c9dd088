package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	gormmysql "gorm.io/driver/mysql"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/internal/fencetest"
)

// writer writes an entry with DoWith, in a transaction of some kind, and then returns err in it.
type writer func(ctx context.Context, s *store, name string, token int64, entry string, err error) error

// writersWith are the kinds of transactions that CheckWith is for.
func (d database) writersWith() map[string]func(*testing.T, *store) writer {
	writers := map[string]func(*testing.T, *store) writer{
		"sql.Tx":   func(*testing.T, *store) writer { return writeInTx },
		"sql.Conn": func(*testing.T, *store) writer { return writeInConn },
	}
	writers["bun"] = func(_ *testing.T, s *store) writer { return writeInBun(d.bun(s.db)) }
	if d.dialect != fence.SQLite { // GORM's driver for it needs cgo
		writers["GORM"] = func(t *testing.T, s *store) writer { return writeInGORM(s.gorm(t, s.db, false)) }
		writers["GORM with prepared statements"] = func(t *testing.T, s *store) writer { return writeInGORM(s.gorm(t, s.db, true)) }
	}
	return writers
}

func writeInTx(ctx context.Context, s *store, name string, token int64, entry string, fails error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	err = s.guard.DoWith(ctx, tx, name, token, func() error {
		return errors.Join(s.append(ctx, tx, name, entry), fails)
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

func writeInConn(ctx context.Context, s *store, name string, token int64, entry string, fails error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	err = s.guard.DoWith(ctx, conn, name, token, func() error {
		_, err := conn.ExecContext(ctx, fmt.Sprintf(s.insert, s.table), []byte(name), entry)
		return errors.Join(err, fails)
	})
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

func writeInGORM(db *gorm.DB) writer {
	return func(ctx context.Context, s *store, name string, token int64, entry string, fails error) error {
		return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			return s.guard.DoWith(ctx, tx.Statement.ConnPool, name, token, func() error {
				row := map[string]any{"name": []byte(name), "entry": entry}
				return errors.Join(tx.Table(s.table).Create(row).Error, fails)
			})
		})
	}
}

func writeInBun(db *bun.DB) writer {
	return func(ctx context.Context, s *store, name string, token int64, entry string, fails error) error {
		return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			return s.guard.DoWith(ctx, tx.Tx, name, token, func() error {
				row := map[string]any{"name": []byte(name), "entry": entry}
				_, err := tx.NewInsert().Model(&row).TableExpr(s.table).Exec(ctx)
				return errors.Join(err, fails)
			})
		})
	}
}

// bun opens bun on a pool.
func (d database) bun(db *sql.DB) *bun.DB {
	switch d.dialect {
	case fence.Postgres:
		return bun.NewDB(db, pgdialect.New())
	case fence.MySQL:
		return bun.NewDB(db, mysqldialect.New())
	default:
		return bun.NewDB(db, sqlitedialect.New())
	}
}

// gorm opens GORM on a pool.
func (d database) gorm(t *testing.T, db *sql.DB, prepare bool) *gorm.DB {
	var dialector gorm.Dialector
	switch d.dialect {
	case fence.Postgres:
		dialector = gormpostgres.New(gormpostgres.Config{Conn: db})
	case fence.MySQL:
		dialector = gormmysql.New(gormmysql.Config{Conn: db})
	default:
		t.Fatalf("no GORM for %v", d.dialect)
	}
	opened, err := gorm.Open(dialector, &gorm.Config{PrepareStmt: prepare, DisableAutomaticPing: true,
		Logger: logger.Discard})
	require.NoError(t, err)
	return opened
}

func testConformanceWith(t *testing.T, d database) {
	for kind, newWriter := range d.writersWith() {
		t.Run(kind, func(t *testing.T) {
			fencetest.Run(t, func(t *testing.T, opts ...fence.Option) fencetest.Resource {
				s := d.newStore(t, opts...)
				write := newWriter(t, s)
				repeat := func(ctx context.Context, name string, token int64, entry string, fails error) error {
					for {
						err := write(ctx, s, name, token, entry, fails)
						if !retriable(err) || ctx.Err() != nil {
							return err
						}
					}
				}
				return fencetest.Resource{
					Append: func(ctx context.Context, name string, token int64, entry string) error {
						return repeat(ctx, name, token, entry, nil)
					},
					Fail: func(ctx context.Context, name string, token int64, entry string) error {
						return repeat(ctx, name, token, entry, fencetest.ErrFailed)
					},
					Log:       s.log,
					Close:     func() { require.NoError(t, s.db.Close()) },
					RollsBack: true,
				}
			})
		})
	}
}

// handle is a pool with methods of its own, as those of sqlx and bun are.
type handle struct{ *sql.DB }

// disguise is a pool that looks like a transaction.
type disguise struct{ db *sql.DB }

func (p disguise) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	return p.db.ExecContext(ctx, statement, args...)
}

func (p disguise) QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	return p.db.QueryContext(ctx, statement, args...)
}

// Outside a transaction the mark would be committed before the write, and lock nothing.
func testCheckWithNeedsATransaction(t *testing.T, d database) {
	ctx, s := t.Context(), d.newStore(t)
	conn, err := s.db.Conn(ctx)
	require.NoError(t, err)
	defer conn.Close()
	given := map[string]fence.Tx{"nil": nil, "a pool": s.db, "a handle": handle{s.db}, "a disguise": disguise{s.db}, "a connection": conn}
	if d.dialect != fence.SQLite {
		given["GORM"] = s.gorm(t, s.db, false).Statement.ConnPool
		given["GORM, prepared"] = s.gorm(t, s.db, true).Statement.ConnPool
	}
	for what, tx := range given {
		written := false
		for call, err := range map[string]error{
			"CheckWith": s.guard.CheckWith(ctx, tx, "account", 9),
			"DoWith":    s.guard.DoWith(ctx, tx, "account", 9, func() error { written = true; return nil }),
		} {
			t.Log(what, call, err)
			require.ErrorIs(t, err, fence.ErrNoTransaction, "%s of %s", call, what)
			require.ErrorContains(t, err, "begin", "the remedy")
		}
		require.False(t, written, what)
		err := s.guard.RecheckWith(ctx, tx, "account", 9)
		require.True(t, errors.Is(err, fence.ErrNoTransaction) || errors.Is(err, fence.ErrTransactionLost), "%s: %v", what, err)
	}
	require.NoError(t, s.doAppend(ctx, "account", 1, "a"), "no mark may have been left")
	require.ErrorIs(t, s.guard.CheckWith(ctx, nil, "", 9), fence.ErrInvalidName)
	require.ErrorIs(t, s.guard.RecheckWith(ctx, nil, "account", 0), fence.ErrInvalidToken)
}

// The transaction's end isn't taken for a driver's error, nor the other way round.
func testCheckWithOfAnEndedTransaction(t *testing.T, d database) {
	ctx, s := t.Context(), d.newStore(t)
	tx, err := s.db.BeginTx(ctx, nil)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	require.ErrorIs(t, s.guard.CheckWith(ctx, tx, "account", 1), sql.ErrTxDone)

	open, err := s.db.BeginTx(ctx, nil)
	require.NoError(t, err)
	defer func() { _ = open.Rollback() }()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	err = s.guard.CheckWith(cancelled, open, "account", 1)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, fence.ErrNoTransaction)
	require.NotErrorIs(t, s.guard.RecheckWith(cancelled, open, "account", 1), fence.ErrTransactionLost)
}

// A nested transaction of GORM that fails after the check takes the mark back, and the outer
// transaction commits all the same.
func testNestedTransactionOfGORM(t *testing.T, d database) {
	if d.dialect == fence.SQLite {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	db := s.gorm(t, s.db, false)
	boom := errors.New("boom")
	outer := func(name string, between func(*gorm.DB) error) error {
		return db.Transaction(func(tx *gorm.DB) error {
			err := tx.Transaction(func(nested *gorm.DB) error {
				require.NoError(t, s.guard.CheckWith(ctx, nested.Statement.ConnPool, name, 5))
				return boom
			})
			require.ErrorIs(t, err, boom)
			if err := between(tx); err != nil {
				return err
			}
			return s.guard.RecheckWith(ctx, tx.Statement.ConnPool, name, 5)
		})
	}
	require.NoError(t, outer("kept", func(*gorm.DB) error { return nil }))
	require.ErrorIs(t, s.doAppend(ctx, "kept", 4, "no"), fence.ErrStale, "the mark must be there again")

	if d.dialect == fence.Postgres { // MariaDB keeps the row's lock
		err := outer("overtaken", func(*gorm.DB) error {
			return s.guard.Do(ctx, s.admin, "overtaken", 9, func(*sql.Tx) error { return nil })
		})
		require.ErrorIs(t, err, fence.ErrStale)
	}
	// Without a savepoint of its own between them, what fails is undone with its mark.
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		return s.guard.DoWith(ctx, tx.Statement.ConnPool, "undone", 5, func() error { return boom })
	}), boom)
	require.NoError(t, s.doAppend(ctx, "undone", 1, "a"))
}

// A transaction that is lost in the middle shows before the commit.
func testDoWithFindsALostTransaction(t *testing.T, d database) {
	if d.dialect != fence.MySQL {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	table := s.accounts(t)
	tx, err := s.db.BeginTx(ctx, nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	err = s.guard.DoWith(ctx, tx, "account", 5, func() error {
		require.NoError(t, execute(ctx, tx, "UPDATE %s SET holder = 5 WHERE id = 1", table))
		s.provokeDeadlock(t, tx, table)
		return nil // as a write that repeats its statement, or takes no notice
	})
	require.ErrorIs(t, err, fence.ErrTransactionLost)

	db := s.gorm(t, s.db, false)
	err = db.Transaction(func(tx *gorm.DB) error {
		return s.guard.DoWith(ctx, tx.Statement.ConnPool, "account", 5, func() error {
			return tx.Exec("CREATE TABLE with_" + s.table + " (id integer)").Error
		})
	})
	require.ErrorIs(t, err, fence.ErrTransactionLost)
}

// One transaction may write what several locks guard.
func testSeveralNamesInOneTransaction(t *testing.T, d database) {
	ctx, s := t.Context(), d.newStore(t)
	require.NoError(t, s.guard.Do(ctx, s.db, "a", 5, func(tx *sql.Tx) error {
		return s.guard.DoWith(ctx, tx, "b", 6, func() error {
			return s.guard.DoWith(ctx, tx, "c", 7, func() error { return s.append(ctx, tx, "a", "yes") })
		})
	}))
	require.Equal(t, []string{"yes"}, s.log(t, "a"))
	for name, token := range map[string]int64{"a": 4, "b": 5, "c": 6} {
		require.ErrorIs(t, s.doAppend(ctx, name, token, "no"), fence.ErrStale)
	}
	require.ErrorIs(t, s.guard.Do(ctx, s.db, "a", 8, func(tx *sql.Tx) error {
		return errors.Join(s.append(ctx, tx, "a", "no"), s.guard.CheckWith(ctx, tx, "b", 5))
	}), fence.ErrStale)
	require.Equal(t, []string{"yes"}, s.log(t, "a"), "all or nothing")
}

// What CheckWith sends before it raises the mark must not fix the snapshot.
func testReadsAfterCheckWith(t *testing.T, d database) {
	if d.dialect == fence.SQLite {
		return
	}
	ctx, s := t.Context(), d.newStore(t)
	table := s.accounts(t)
	require.NoError(t, s.doHolder(ctx, table, 5))
	newer, err := s.admin.BeginTx(ctx, nil)
	require.NoError(t, err)
	require.NoError(t, s.guard.Check(ctx, newer, "account", 6))
	require.NoError(t, execute(ctx, newer, "UPDATE %s SET holder = 6", table))

	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead} {
		if d.dialect == fence.Postgres && level == sql.LevelRepeatableRead {
			continue // error 40001, see the interleavings
		}
		tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
		require.NoError(t, err)
		checked := make(chan error, 1)
		go func() { checked <- s.guard.CheckWith(ctx, tx, "account", 7) }()
		if newer != nil {
			s.waitUntilBlocked(t)
			require.NoError(t, newer.Commit())
			newer = nil
		}
		require.NoError(t, <-checked)
		var holder int
		require.NoError(t, tx.QueryRowContext(ctx, "SELECT holder FROM "+table+" WHERE id = 1").Scan(&holder))
		require.Equal(t, 6, holder, "current at %v", level)
		require.NoError(t, tx.Rollback())
	}
}

// CheckRow is for other drivers; this one stands for them.
func testCheckRow(t *testing.T, d database) {
	ctx, s := t.Context(), d.newStore(t)
	tx, err := s.db.BeginTx(ctx, nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	check := func(name string, token int64) error {
		return s.guard.CheckRow(name, token, func(statement string, args ...any) fence.Row {
			return tx.QueryRowContext(ctx, statement, args...)
		})
	}
	require.ErrorIs(t, check("account", 0), fence.ErrInvalidToken)
	if d.dialect == fence.MySQL {
		require.ErrorIs(t, check("account", 5), fence.ErrInvalidSQL)
		return
	}
	require.NoError(t, check("account", 5))
	require.ErrorIs(t, check("account", 4), fence.ErrStale)
	require.NoError(t, tx.Rollback())
	require.ErrorIs(t, check("account", 5), sql.ErrTxDone)
}
