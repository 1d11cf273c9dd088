package fence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
)

// ErrInvalidSQL means that [NewSQL] was given a dialect or a table's name that it can't use.
var ErrInvalidSQL = errors.New("fence: invalid SQL guard")

// SQL guards rows of a database. The highest token of each name is in a table beside the data,
// and is compared and raised in the transaction that writes the data: both are committed, or
// neither. It holds no connection and no state, and is safe for concurrent use.
//
// From Check until the transaction ends, the name's row is locked. So an older writer can't
// slip in between a newer one's check and its commit, at any isolation level: it waits, and is
// then refused (or, where its snapshot is too old to know, fails with the database's
// serialization error). Who has to wait is bounded by the context and the database's lock
// time-out only.
//
// Errors other than this package's are the driver's, wrapped. A serialization failure, a
// deadlock, a lock time-out or a busy database is never reported as stale nor as accepted: roll
// back and run the whole transaction again, with the same token.
type SQL struct {
	config
	statements
}

// tableName is an identifier, or two with a dot, that no database needs to have quoted. 63
// bytes is PostgreSQL's limit, the lowest of all.
var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// NewSQL returns a guard that keeps its tokens in the given table, say "fence_tokens" or
// "app.fence_tokens". All writers of the guarded data must name the same table. It doesn't talk
// to the database: create the table with CreateTable, or the statement of Schema in a migration.
//
// The error is [ErrInvalidSQL], for a table's name that isn't plain letters, digits and
// underscores, with at most one dot, or an unknown dialect.
func NewSQL(dialect Dialect, table string, opts ...Option) (*SQL, error) {
	templates, ok := dialects[dialect]
	if !ok {
		return nil, fmt.Errorf("%w: %v; use Postgres, SQLite or MySQL", ErrInvalidSQL, dialect)
	}
	if !tableName.MatchString(table) {
		return nil, fmt.Errorf("%w: table %q; use letters, digits and underscores, 63 at most, "+
			"with a schema and a dot before it if need be", ErrInvalidSQL, table)
	}
	g := &SQL{config: newConfig(opts), statements: statements{
		schema: fmt.Sprintf(templates.schema, table),
		raise:  fmt.Sprintf(templates.raise, table),
	}}
	if templates.read != "" {
		g.read = fmt.Sprintf(templates.read, table)
	}
	return g, nil
}

// Schema returns the statement that creates the guard's table if it isn't there, for a
// migration.
func (g *SQL) Schema() string { return g.schema }

// CreateTable creates the guard's table if it isn't there. Several processes may do so at once.
func (g *SQL) CreateTable(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, g.schema)
	if err != nil {
		// IF NOT EXISTS doesn't stop two sessions of PostgreSQL from colliding in its
		// catalogue. The loser learns of it after the winner's commit, so that once more is enough.
		_, err = db.ExecContext(ctx, g.schema)
	}
	if err != nil {
		return fmt.Errorf("fence: create the guard's table: %w", err)
	}
	return nil
}

// Check refuses a stale token, and otherwise raises the highest one seen for name to it, in
// the caller's transaction. The write must follow in the same transaction, which must be
// rolled back if Check returns an error of any kind.
//
// Call it first. Below serializable isolation, what the transaction has read before may be
// older than the token, and a write that's based on it undoes a newer one with a token that
// passes.
//
// Errors, with the write not done unless the caller goes on all the same: [ErrStale],
// [ErrInvalidToken], [ErrInvalidName], [ErrUnknownName], and the driver's, wrapped (see [SQL]).
func (g *SQL) Check(ctx context.Context, tx *sql.Tx, name string, token int64) error {
	if err := g.check(name, token); err != nil {
		return err
	}
	highest, err := g.raiseTo(ctx, tx, name, token)
	if err != nil {
		return fmt.Errorf("fence: check token %d of %q: %w", token, name, err)
	}
	return verdict(name, token, highest)
}

// raiseTo raises the mark of name to at least token, and returns it.
func (g *SQL) raiseTo(ctx context.Context, tx *sql.Tx, name string, token int64) (highest int64, err error) {
	key := []byte(name)
	if g.read == "" {
		err = tx.QueryRowContext(ctx, g.raise, key, token).Scan(&highest)
		return highest, err
	}
	if _, err = tx.ExecContext(ctx, g.raise, key, token); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, g.read, key).Scan(&highest)
	return highest, err
}

// Do opens a transaction at the database's default isolation level, calls Check and then
// write, and commits; write must not end the transaction itself. Any error, and a panic in
// write, rolls it back: neither the write nor the token remains. For other isolation levels
// use Check in a transaction of your own.
//
// The error is that of Check, that of write as it is, or the driver's, wrapped. After a failed
// commit only the database may know whether the write was done, as with any transaction; the
// same token passes again, so repeating is up to the write being idempotent.
func (g *SQL) Do(ctx context.Context, db *sql.DB, name string, token int64, write func(*sql.Tx) error) error {
	if err := g.check(name, token); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("fence: begin the transaction of %q: %w", name, err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := g.Check(ctx, tx, name, token); err != nil {
		return err
	}
	if err := write(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		// When the context ends, database/sql rolls back on its own, and Commit may find
		// the transaction done already. Say why.
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("fence: commit the write of %q: %w", name, err)
	}
	return nil
}
