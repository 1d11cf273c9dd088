package fencepgx_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/fencepgx"
	"github.com/a5bbb083/redlock/redlock/fence/internal/fencetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each test runs on one server, which takes a second to start.
func TestPostgreSQL(t *testing.T) {
	dsn := fencetest.StartPostgres(t, func(dsn string) error {
		conn, err := pgx.Connect(context.Background(), dsn)
		if err != nil {
			return err
		}
		return conn.Close(context.Background())
	})
	t.Run("conformance", func(t *testing.T) { testConformance(t, dsn) })
	t.Run("conformance, simple protocol", func(t *testing.T) {
		testConformance(t, dsn+" default_query_exec_mode=simple_protocol") // as behind a PgBouncer
	})
	t.Run("isolation", func(t *testing.T) { testIsolation(t, dsn) })
	t.Run("nested transaction", func(t *testing.T) { testNestedTransaction(t, dsn) })
	t.Run("transaction ended by hand", func(t *testing.T) { testTransactionEndedByHand(t, dsn) })
	t.Run("context ends", func(t *testing.T) { testContextEnds(t, dsn) })
	t.Run("panic", func(t *testing.T) { testPanic(t, dsn) })
	t.Run("shared with database/sql", func(t *testing.T) { testSharedTable(t, dsn) })
	t.Run("wrong table", func(t *testing.T) { testWrongTable(t, dsn) })
}

// store is a guard with its table, and a table of guarded data beside it.
type store struct {
	pool, admin *pgxpool.Pool
	guard       *fencepgx.Guard
	tokens, log string
}

var tables atomic.Int64

func open(t *testing.T, dsn string) *pgxpool.Pool {
	pool, err := pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func newStore(t *testing.T, dsn string, opts ...fence.Option) *store {
	n := tables.Add(1)
	s := &store{pool: open(t, dsn), admin: open(t, dsn), tokens: fmt.Sprintf("tokens_%d", n), log: fmt.Sprintf("log_%d", n)}
	var err error
	s.guard, err = fencepgx.New(s.tokens, opts...)
	require.NoError(t, err)
	require.NoError(t, s.guard.CreateTable(t.Context(), s.admin))
	require.NoError(t, s.guard.CheckTable(t.Context(), s.admin))
	_, err = s.admin.Exec(t.Context(), "CREATE TABLE "+s.log+" (id bigserial PRIMARY KEY, name bytea, entry text)")
	require.NoError(t, err)
	return s
}

func (s *store) append(ctx context.Context, tx pgx.Tx, name, entry string) error {
	_, err := tx.Exec(ctx, "INSERT INTO "+s.log+" (name, entry) VALUES ($1, $2)", []byte(name), entry)
	return err
}

func (s *store) do(ctx context.Context, name string, token int64, entry string, fails error) error {
	return s.guard.Do(ctx, s.pool, name, token, func(tx pgx.Tx) error {
		return errors.Join(s.append(ctx, tx, name, entry), fails)
	})
}

func (s *store) entries(t testing.TB, name string) []string {
	rows, err := s.admin.Query(t.Context(), "SELECT entry FROM "+s.log+" WHERE name = $1 ORDER BY id", []byte(name))
	require.NoError(t, err)
	entries, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return entries
}

func testConformance(t *testing.T, dsn string) {
	fencetest.Run(t, func(t *testing.T, opts ...fence.Option) fencetest.Resource {
		s := newStore(t, dsn, opts...)
		return fencetest.Resource{
			Append: func(ctx context.Context, name string, token int64, entry string) error {
				return s.do(ctx, name, token, entry, nil)
			},
			Fail: func(ctx context.Context, name string, token int64, entry string) error {
				return s.do(ctx, name, token, entry, fencetest.ErrFailed)
			},
			Log:       s.entries,
			Close:     s.pool.Close,
			RollsBack: true,
		}
	})
}

// An older writer waits for a newer one that is under way, and is then refused or told to try again.
func testIsolation(t *testing.T, dsn string) {
	ctx := t.Context()
	for level, want := range map[pgx.TxIsoLevel]string{pgx.ReadCommitted: "", pgx.RepeatableRead: "40001", pgx.Serializable: "40001"} {
		s := newStore(t, dsn)
		newer, err := s.pool.Begin(ctx)
		require.NoError(t, err)
		require.NoError(t, s.guard.Check(ctx, newer, "account", 9))
		older, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: level})
		require.NoError(t, err)
		checked := make(chan error, 1)
		go func() { checked <- s.guard.Check(ctx, older, "account", 5) }()
		fencetest.Eventually(t, func() bool {
			var n int
			require.NoError(t, s.admin.QueryRow(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&n))
			return n > 0
		})
		require.NoError(t, s.append(ctx, newer, "account", "9"))
		require.NoError(t, newer.Commit(ctx))
		err = <-checked
		require.NoError(t, older.Rollback(ctx))
		if want == "" {
			require.ErrorIs(t, err, fence.ErrStale)
			continue
		}
		var reason *pgconn.PgError
		require.ErrorAs(t, err, &reason)
		require.Equal(t, want, reason.Code)
		require.NotErrorIs(t, err, fence.ErrStale)
		require.ErrorIs(t, s.do(ctx, "account", 5, "no", nil), fence.ErrStale, "once more, and it's decided")
	}
}

// A nested transaction that is rolled back takes the mark with it. A second check finds that out.
func testNestedTransaction(t *testing.T, dsn string) {
	ctx := t.Context()
	for _, newer := range []bool{false, true} {
		s := newStore(t, dsn)
		require.NoError(t, s.do(ctx, "account", 1, "1", nil))
		tx, err := s.pool.Begin(ctx)
		require.NoError(t, err)
		nested, err := tx.Begin(ctx)
		require.NoError(t, err)
		require.NoError(t, s.guard.Check(ctx, nested, "account", 5))
		require.NoError(t, nested.Rollback(ctx))
		if newer {
			require.NoError(t, s.do(ctx, "account", 9, "9", nil))
		}
		require.NoError(t, s.append(ctx, tx, "account", "5"))
		err = s.guard.Check(ctx, tx, "account", 5)
		if newer {
			require.ErrorIs(t, err, fence.ErrStale)
			require.NoError(t, tx.Rollback(ctx))
			require.Equal(t, []string{"1", "9"}, s.entries(t, "account"))
			continue
		}
		require.NoError(t, err)
		require.NoError(t, tx.Commit(ctx))
		require.ErrorIs(t, s.do(ctx, "account", 4, "no", nil), fence.ErrStale)
	}

	// Do within a transaction: both fail together, or neither.
	s := newStore(t, dsn)
	tx, err := s.pool.Begin(ctx)
	require.NoError(t, err)
	require.ErrorIs(t, s.guard.Do(ctx, tx, "account", 9, func(pgx.Tx) error { return fencetest.ErrFailed }), fencetest.ErrFailed)
	require.NoError(t, s.guard.Do(ctx, tx, "account", 3, func(tx pgx.Tx) error { return s.append(ctx, tx, "account", "3") }))
	require.NoError(t, tx.Commit(ctx))
	require.Equal(t, []string{"3"}, s.entries(t, "account"))
	require.ErrorIs(t, s.do(ctx, "account", 2, "no", nil), fence.ErrStale)
}

// pgx takes a transaction that was ended by hand for open.
func testTransactionEndedByHand(t *testing.T, dsn string) {
	ctx, s := t.Context(), newStore(t, dsn)
	for _, end := range []string{"COMMIT", "ROLLBACK"} {
		tx, err := s.pool.Begin(ctx)
		require.NoError(t, err)
		require.NoError(t, s.guard.Check(ctx, tx, "account", 5))
		_, err = tx.Exec(ctx, end)
		require.NoError(t, err)
		require.ErrorIs(t, s.guard.Check(ctx, tx, "account", 5), fence.ErrTransactionLost, end)
		require.NoError(t, tx.Rollback(ctx))
		require.ErrorIs(t, s.guard.Check(ctx, tx, "account", 5), pgx.ErrTxClosed)
	}
	tx, err := s.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "SELECT 1/0")
	require.Error(t, err)
	err = s.guard.Check(ctx, tx, "account", 6)
	require.ErrorContains(t, err, "25P02", "an aborted transaction is neither stale nor lost")
	require.ErrorIs(t, tx.Commit(ctx), pgx.ErrTxCommitRollback)
}

func testContextEnds(t *testing.T, dsn string) {
	s := newStore(t, dsn)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.guard.Do(ctx, s.pool, "account", 9, func(tx pgx.Tx) error {
		err := s.append(ctx, tx, "account", "no")
		cancel()
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.do(t.Context(), "account", 1, "1", nil), "token 9 must not count")
	require.Equal(t, []string{"1"}, s.entries(t, "account"))
	require.Zero(t, s.pool.Stat().AcquiredConns(), "the connection goes back")
}

func testPanic(t *testing.T, dsn string) {
	ctx, s := t.Context(), newStore(t, dsn)
	require.PanicsWithValue(t, "boom", func() {
		_ = s.guard.Do(ctx, s.pool, "account", 9, func(tx pgx.Tx) error {
			require.NoError(t, s.append(ctx, tx, "account", "no"))
			panic("boom")
		})
	})
	require.NoError(t, s.do(ctx, "account", 1, "1", nil))
	require.Equal(t, []string{"1"}, s.entries(t, "account"))
	require.Zero(t, s.pool.Stat().AcquiredConns())
}

func testSharedTable(t *testing.T, dsn string) {
	ctx, s := t.Context(), newStore(t, dsn)
	other, err := fence.NewSQL(fence.Postgres, s.tokens)
	require.NoError(t, err)
	db := stdlib.OpenDBFromPool(s.admin)
	defer db.Close()
	require.NoError(t, s.do(ctx, "account", 5, "5", nil))
	require.ErrorIs(t, other.Do(ctx, db, "account", 4, func(*sql.Tx) error { return nil }), fence.ErrStale)
	require.NoError(t, other.Do(ctx, db, "account", 9, func(*sql.Tx) error { return nil }))
	require.ErrorIs(t, s.do(ctx, "account", 8, "no", nil), fence.ErrStale)
}

func testWrongTable(t *testing.T, dsn string) {
	ctx, s := t.Context(), newStore(t, dsn)
	_, err := fencepgx.New("tokens; DROP TABLE users")
	require.ErrorIs(t, err, fence.ErrInvalidSQL)
	guard, err := fencepgx.New("wrong")
	require.NoError(t, err)
	require.Contains(t, guard.Schema(), "CREATE TABLE IF NOT EXISTS wrong (")
	_, err = s.admin.Exec(ctx, "CREATE TABLE wrong (name text PRIMARY KEY, token int)")
	require.NoError(t, err)
	require.ErrorIs(t, guard.CreateTable(ctx, s.admin), fence.ErrInvalidTable)
	require.ErrorIs(t, guard.CheckTable(ctx, s.admin), fence.ErrInvalidTable)
	require.NoError(t, s.admin.Ping(ctx), "the pool stays open")
}
