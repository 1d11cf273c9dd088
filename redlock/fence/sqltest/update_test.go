package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is read after Check can't change before the commit, at any isolation level: so a value
// that is read, changed by the client and written back loses no update.
func testReadAfterCheckLosesNoUpdate(t *testing.T, d database) {
	for _, level := range d.levels {
		if level.isolation == sql.LevelReadUncommitted {
			continue // it promises nothing
		}
		t.Run(level.isolation.String(), func(t *testing.T) { testNoLostUpdate(t, d.newStore(t), level.isolation) })
	}
}

func testNoLostUpdate(t *testing.T, s *store, level sql.IsolationLevel) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	counter := "counter_" + s.table
	for _, statement := range []string{"CREATE TABLE %s (n integer NOT NULL)", "INSERT INTO %s VALUES (0)"} {
		_, err := s.admin.ExecContext(ctx, fmt.Sprintf(statement, counter))
		require.NoError(t, err)
	}
	const writers, rounds = 4, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range rounds {
				// All with one token, as several threads of one holder: none may be refused.
				assert.NoError(t, s.increment(ctx, counter, level))
			}
		})
	}
	wg.Wait()
	var n int
	require.NoError(t, s.admin.QueryRowContext(ctx, "SELECT n FROM "+counter).Scan(&n))
	require.Equal(t, writers*rounds, n)
}

// increment adds one in the client, again and again until the database has a place for it.
func (s *store) increment(ctx context.Context, counter string, level sql.IsolationLevel) error {
	for {
		err := s.tryIncrement(ctx, counter, level)
		if !retriable(err) || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *store) tryIncrement(ctx context.Context, counter string, level sql.IsolationLevel) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := s.guard.Check(ctx, tx, "counter", 7); err != nil {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT n FROM "+counter).Scan(&n); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET n = %d", counter, n+1)); err != nil {
		return err
	}
	return tx.Commit()
}
