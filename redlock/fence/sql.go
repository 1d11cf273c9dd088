package fence

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
)

var (
	// ErrInvalidSQL means that [NewSQL] was given a dialect or a table's name that it can't use.
	ErrInvalidSQL = errors.New("fence: invalid SQL guard")

	// ErrInvalidTable means that the guard's table can't keep tokens: a column has another
	// type, the key is missing, or the like. Found by Check, the write was not done.
	ErrInvalidTable = errors.New("fence: unusable table of tokens")

	// ErrTransactionLost means that the transaction has ended before its commit. MySQL and
	// MariaDB roll it back on a deadlock and commit it before DDL; SQLite rolls it back on some
	// errors (INSERT OR ROLLBACK, a full disk). A write that takes no notice goes on outside of
	// it. See [SQL.Do] and [SQL.Recheck] for what may have been written.
	ErrTransactionLost = errors.New("fence: the transaction was lost")
)

// SQL guards rows of a database. The highest token of each name is in a table beside the data,
// and is compared and raised in the transaction that writes the data: both are committed, or
// neither. It holds no connection and no state, and is safe for concurrent use.
//
// From Check until the transaction ends, the name's row is locked (see Recheck for savepoints). So an older writer can't
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
	table string
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
	g := &SQL{config: newConfig(opts), statements: templates, table: table}
	for _, statement := range []*string{&g.schema, &g.raise, &g.read, &g.left, &g.remove} {
		if *statement != "" {
			*statement = fmt.Sprintf(*statement, table)
		}
	}
	return g, nil
}

// Schema returns the statement that creates the guard's table if it isn't there, for a
// migration.
func (g *SQL) Schema() string { return g.schema }

// Check refuses a stale token, and otherwise raises the highest one seen for name to it, in
// the caller's transaction. The write must follow in the same transaction, which must be
// rolled back if Check returns an error of any kind.
//
// Call it first. What the transaction has read before may be older than the token, and a write
// that's based on it undoes a newer one with a token that passes. What it reads afterwards is
// current if Check was its first statement. If it wasn't, MySQL and MariaDB at REPEATABLE READ
// go on showing the old snapshot, except to SELECT … FOR UPDATE.
//
// Call Recheck last. A rollback to a savepoint that was opened before Check, as by an ORM's
// nested transaction, takes the mark back, and in PostgreSQL its lock, too.
//
// Errors, with the write not done unless the caller goes on all the same: [ErrStale],
// [ErrInvalidToken], [ErrInvalidName], [ErrUnknownName], [ErrInvalidTable], and the driver's,
// wrapped (see [SQL]).
func (g *SQL) Check(ctx context.Context, tx *sql.Tx, name string, token int64) error {
	if err := g.check(name, token); err != nil {
		return err
	}
	return g.raiseAndJudge(ctx, tx, name, token)
}

func (g *SQL) raiseAndJudge(ctx context.Context, tx Tx, name string, token int64) error {
	highest, err := g.raiseTo(ctx, tx, name, token)
	return g.judge(name, token, highest, err)
}

// judge turns what raising the mark has returned into the guard's answer.
func (g *SQL) judge(name string, token, highest int64, err error) error {
	if err != nil {
		return fmt.Errorf("fence: check token %d of %q: %w", token, name, err)
	}
	if highest < token || highest > MaxToken {
		return fmt.Errorf("%w: %s holds %d for %q after it was raised to %d; compare it with Schema, or use CheckTable",
			ErrInvalidTable, g.table, highest, name, token)
	}
	return verdict(name, token, highest)
}

// Recheck is Check once more, as the last statement before the commit. It makes sure that the
// mark is there and locked until the commit, and that nobody with a higher token has come in
// between. The transaction must be rolled back if it returns an error of any kind.
//
// It also finds out that the transaction was lost, which is [ErrTransactionLost]. What was written
// since then may have been committed, statement by statement, and out of turn; Do prevents that
// in MySQL and MariaDB. Where a session of these has autocommit off it isn't found out, but then
// nothing is committed either.
//
// Errors: those of Check, and ErrTransactionLost.
func (g *SQL) Recheck(ctx context.Context, tx *sql.Tx, name string, token int64) error {
	if err := g.check(name, token); err != nil {
		return err
	}
	return g.recheck(ctx, tx, name, token)
}

func (g *SQL) recheck(ctx context.Context, tx Tx, name string, token int64) error {
	if err := g.open(ctx, tx); errors.Is(err, errNotOpen) {
		return fmt.Errorf("%w: before the commit of %q: %w", ErrTransactionLost, name, err)
	} else if err != nil {
		return fmt.Errorf("fence: check token %d of %q again: %w", token, name, err)
	}
	return g.raiseAndJudge(ctx, tx, name, token)
}

// raiseTo raises the mark of name to at least token, and returns it.
func (g *SQL) raiseTo(ctx context.Context, tx Tx, name string, token int64) (highest int64, err error) {
	key := []byte(name)
	if g.read == "" {
		return queryInt(ctx, tx, g.raise, key, token)
	}
	if _, err = tx.ExecContext(ctx, g.raise, key, token); err != nil {
		return 0, err
	}
	return queryInt(ctx, tx, g.read, key)
}

// queryInt returns the number that a statement answers with.
func queryInt(ctx context.Context, tx Tx, statement string, args ...any) (n int64, err error) {
	rows, err := tx.QueryContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	if err := rows.Scan(&n); err != nil {
		return 0, err
	}
	return n, rows.Close()
}
