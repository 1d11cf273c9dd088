// Package fencepgx guards rows of PostgreSQL in transactions of pgx, version 5, that don't go through
// database/sql: package fence's guarantee, table and errors. Programs that use pgx and programs
// that use [fence.SQL] can share a table of tokens.
package fencepgx

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// rollbackTime bounds a rollback, whose caller's context may have ended.
const rollbackTime = 5 * time.Second

// Guard is [fence.SQL] for pgx. It holds no connection and no state, and is safe for concurrent use.
type Guard struct{ sql *fence.SQL }

// New returns a guard that keeps its tokens in the given table, as [fence.NewSQL] does, with the same
// errors.
func New(table string, opts ...fence.Option) (*Guard, error) {
	guard, err := fence.NewSQL(fence.Postgres, table, opts...)
	if err != nil {
		return nil, err
	}
	return &Guard{guard}, nil
}

// Schema returns the statement that creates the guard's table if it isn't there, for a
// migration.
func (g *Guard) Schema() string { return g.sql.Schema() }

// CreateTable creates the guard's table if it isn't there, and checks it, as [fence.SQL.CreateTable]
// does, with the same errors.
func (g *Guard) CreateTable(ctx context.Context, pool *pgxpool.Pool) error {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close() // the pool stays open
	return g.sql.CreateTable(ctx, db)
}

// CheckTable finds out whether the table keeps tokens, as [fence.SQL.CheckTable] does, with the same
// errors.
func (g *Guard) CheckTable(ctx context.Context, pool *pgxpool.Pool) error {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	return g.sql.CheckTable(ctx, db)
}

// Check refuses a stale token, and otherwise raises the highest one seen for name to it, in
// the caller's transaction. The write must follow in the same transaction, which must be
// rolled back if Check returns an error of any kind.
//
// Call it first: what the transaction has read before may be older than the token. Call it once more as
// the last statement if the transaction has savepoints (the nested ones of pgx.Tx's Begin). A rollback to one
// that's older than the check takes the mark and its lock back; the second call raises it again, or
// finds out that somebody newer came in between.
//
// Errors: [fence.ErrStale], [fence.ErrInvalidToken], [fence.ErrInvalidName], [fence.ErrUnknownName],
// [fence.ErrInvalidTable]; [fence.ErrTransactionLost] if a COMMIT or ROLLBACK by hand has ended tx; and those
// of pgx, wrapped. On a serialization failure (40001) or a deadlock (40P01) run the whole transaction again, with the
// same token.
func (g *Guard) Check(ctx context.Context, tx pgx.Tx, name string, token int64) error {
	err := g.sql.CheckRow(name, token, func(statement string, args ...any) fence.Row {
		return tx.QueryRow(ctx, statement, args...)
	})
	if err != nil {
		return err
	}
	// The connection is asked only now: that of a tx which has ended may be somebody else's.
	if conn := tx.Conn(); conn != nil && conn.PgConn().TxStatus() == 'I' {
		return fmt.Errorf("%w: none is open for the check of %q; end it with the pgx.Tx only", fence.ErrTransactionLost, name)
	}
	return nil
}

// Beginner opens transactions: a *pgxpool.Pool, a *pgx.Conn, or a pgx.Tx, which opens nested ones.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Do opens a transaction at the database's default isolation level, calls Check and then
// write, and commits; write must not end the transaction itself. Any error, and a panic in
// write, rolls it back: neither the write nor the token remains. For other isolation levels
// use Check in a transaction of your own.
//
// The error is that of Check, that of write as it is, or pgx's, wrapped. After a failed commit only the
// database may know whether the write was done, as with any transaction; the same token passes
// again, so repeating is up to the write being idempotent.
func (g *Guard) Do(ctx context.Context, db Beginner, name string, token int64, write func(pgx.Tx) error) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return fmt.Errorf("fence: begin the transaction of %q: %w", name, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
		defer cancel()
		_ = tx.Rollback(ctx) // does nothing after Commit
	}()
	if err := g.Check(ctx, tx, name, token); err != nil {
		return err
	}
	if err := write(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("fence: commit the write of %q: %w", name, err)
	}
	return nil
}
