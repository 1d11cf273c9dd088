package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/internal/fencetest"
)

func testConformance(t *testing.T, d database) {
	fencetest.Run(t, func(t *testing.T, opts ...fence.Option) fencetest.Resource {
		s := d.newStore(t, opts...)
		return fencetest.Resource{
			Append: s.doAppend,
			Fail: func(ctx context.Context, name string, token int64, entry string) error {
				return s.do(ctx, name, token, func(tx *sql.Tx) error {
					return errors.Join(s.append(ctx, tx, name, entry), fencetest.ErrFailed)
				})
			},
			Log:       s.log,
			Close:     func() { require.NoError(t, s.db.Close()) },
			RollsBack: true,
		}
	})
}

// do repeats a transaction for as long as the database asks for that, as every user must.
func (s *store) do(ctx context.Context, name string, token int64, write func(*sql.Tx) error) error {
	for {
		err := s.guard.Do(ctx, s.db, name, token, write)
		if !retriable(err) || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *store) doAppend(ctx context.Context, name string, token int64, entry string) error {
	return s.do(ctx, name, token, func(tx *sql.Tx) error { return s.append(ctx, tx, name, entry) })
}

func testWriteThatPanicsIsRolledBack(t *testing.T, d database) {
	ctx, s := t.Context(), d.newStore(t)
	require.PanicsWithValue(t, "boom", func() {
		_ = s.guard.Do(ctx, s.db, "account", 9, func(tx *sql.Tx) error {
			require.NoError(t, s.append(ctx, tx, "account", "no"))
			panic("boom")
		})
	})
	require.Empty(t, s.log(t, "account"))
	require.NoError(t, s.do(ctx, "account", 1, func(*sql.Tx) error { return nil }), "token 9 must not count")
	require.Zero(t, s.db.Stats().InUse, "the connection goes back")
}

// The context ends after the check and before the commit, as when a client goes away.
func testContextEndsDuringTheWrite(t *testing.T, d database) {
	s := d.newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.guard.Do(ctx, s.db, "account", 9, func(tx *sql.Tx) error {
		err := s.append(ctx, tx, "account", "no")
		cancel()
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, s.log(t, "account"))
	require.NoError(t, s.do(t.Context(), "account", 1, func(*sql.Tx) error { return nil }), "token 9 must not count")
}

func testCheckInAnEndedTransaction(t *testing.T, d database) {
	s := d.newStore(t)
	tx, err := s.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	require.ErrorIs(t, s.guard.Check(t.Context(), tx, "account", 1), sql.ErrTxDone)
}

func testMissingTable(t *testing.T, d database) {
	s := d.newStore(t)
	guard, err := fence.NewSQL(d.dialect, "nowhere")
	require.NoError(t, err)
	written := false
	err = guard.Do(t.Context(), s.db, "account", 1, func(*sql.Tx) error { written = true; return nil })
	require.ErrorContains(t, err, "nowhere")
	require.NotErrorIs(t, err, fence.ErrStale)
	require.False(t, written)
}

// Every replica of a service creates the table when it starts.
func testCreateTableConcurrently(t *testing.T, d database) {
	for _, table := range []string{"race_a", "race_b", "race_c", "race_d", "race_e"} {
		guard, err := fence.NewSQL(d.dialect, table)
		require.NoError(t, err)
		failures := make(chan error)
		const replicas = 6
		for range replicas {
			db := d.open(t)
			go func() { failures <- guard.CreateTable(t.Context(), db) }()
		}
		for range replicas {
			assert.NoError(t, <-failures)
		}
	}
}
