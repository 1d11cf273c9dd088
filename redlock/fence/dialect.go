package fence

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// Dialect says whose SQL a database speaks.
type Dialect int

// The dialects of [NewSQL].
const (
	Postgres Dialect = iota + 1 // PostgreSQL 9.5 or later
	SQLite                      // SQLite 3.35 or later
	MySQL                       // MySQL 5.7 or later, MariaDB 10.3 or later; tables must be InnoDB
)

// String returns the name of the dialect.
func (d Dialect) String() string {
	switch d {
	case Postgres:
		return "Postgres"
	case SQLite:
		return "SQLite"
	case MySQL:
		return "MySQL"
	}
	return fmt.Sprintf("Dialect(%d)", int(d))
}

// statements are what a guard says to a database. In the templates %s is the table's name.
//
// All three raise the mark to the larger of the two tokens and then read it, instead of
// updating only where the token is high enough and counting rows: every dialect counts them
// differently (MySQL has 0, 1 or 2, by a flag of the connection), and raising takes the row's
// lock also where it changes nothing.
type statements struct {
	schema string

	// raise sets the mark of name to the larger of it and token, creating the row if need be.
	// It sees what others have committed, not what this transaction's snapshot shows, or
	// fails; and it keeps others from doing the same until the transaction ends.
	raise string

	// read returns the mark. Empty where raise does.
	read string

	// left returns how many marks a name has, and remove deletes those that match a pattern.
	// Empty where every table has transactions.
	left, remove string

	// savepoint and release enclose the write of Do. If the transaction was lost in between,
	// so was the savepoint, and release fails. Empty in PostgreSQL: there a transaction in
	// which a statement failed takes no other one, and DDL doesn't end it.
	savepoint, release string

	// pin makes a session keep every statement in a transaction, so that what follows a lost
	// one isn't committed by itself. unpin takes that back. Empty where there's no such setting.
	pin, unpin string

	// open returns errNotOpen if no transaction is open, and other errors where it can't tell.
	open func(context.Context, Tx) error
}

const (
	savepoint = "SAVEPOINT redlock_fence"
	release   = "RELEASE SAVEPOINT redlock_fence"

	// MySQL replaces a savepoint of the same name, so that of Do isn't used here.
	tryOpen    = "SAVEPOINT redlock_fence_open"
	tryRelease = "RELEASE SAVEPOINT redlock_fence_open"
)

var errNotOpen = errors.New("no transaction is open")

// openPostgres makes use of savepoints being refused outside a transaction, with a code of their own.
func openPostgres(ctx context.Context, tx Tx) error {
	_, err := tx.ExecContext(ctx, tryOpen)
	if err == nil {
		_, err = tx.ExecContext(ctx, tryRelease)
	}
	var code interface{ SQLState() string } // as errors of pgx and lib/pq have it
	if errors.As(err, &code) && code.SQLState() == "25P01" {
		return fmt.Errorf("%w: %w", errNotOpen, err)
	}
	return err
}

// openMySQL makes use of a savepoint being ignored outside a transaction.
func openMySQL(ctx context.Context, tx Tx) error {
	if _, err := tx.ExecContext(ctx, tryOpen); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, tryRelease)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrTxDone):
		return err
	}
	return fmt.Errorf("%w: %w", errNotOpen, err)
}

// openSQLite makes use of transactions not being nested. A savepoint would begin one. It's one
// statement to database/sql, so that another user of a pool gets no connection in between.
func openSQLite(ctx context.Context, tx Tx) error {
	_, err := tx.ExecContext(ctx, "BEGIN; ROLLBACK")
	switch {
	case err == nil:
		return errNotOpen
	case ctx.Err() != nil, errors.Is(err, sql.ErrTxDone):
		return err
	}
	return nil
}

// Names are bytes, not text, in every schema: text would be compared by collations, some of
// which take "a", "A" and "a " for equal, and can't hold every name that a lock can have.
var dialects = map[Dialect]statements{
	Postgres: {
		schema: `CREATE TABLE IF NOT EXISTS %s (
	name  bytea  NOT NULL PRIMARY KEY,
	token bigint NOT NULL
)`,
		raise: `INSERT INTO %s AS mark (name, token) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET token = greatest(mark.token, excluded.token)
RETURNING token`,
		open: openPostgres,
	},
	SQLite: {
		schema: `CREATE TABLE IF NOT EXISTS %s (
	name  BLOB    NOT NULL PRIMARY KEY,
	token INTEGER NOT NULL
)`,
		raise: `INSERT INTO %s AS mark (name, token) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET token = max(mark.token, excluded.token)
RETURNING token`,
		savepoint: savepoint,
		release:   release,
		open:      openSQLite,
	},
	MySQL: {
		schema: `CREATE TABLE IF NOT EXISTS %s (
	name  varbinary(1024) NOT NULL PRIMARY KEY,
	token bigint          NOT NULL
) ENGINE=InnoDB`,
		raise: `INSERT INTO %s (name, token) VALUES (?, ?)
ON DUPLICATE KEY UPDATE token = greatest(token, VALUES(token))`,
		// A plain SELECT would read the snapshot, and fix it at a moment of our choosing.
		read:      `SELECT token FROM %s WHERE name = ? FOR UPDATE`,
		left:      `SELECT count(*) FROM %s WHERE name = ?`,
		remove:    `DELETE FROM %s WHERE name LIKE ?`,
		savepoint: savepoint,
		release:   release,
		pin:       `SET @redlock_autocommit = @@autocommit, autocommit = 0`,
		unpin:     `SET autocommit = @redlock_autocommit`,
		open:      openMySQL,
	},
}
