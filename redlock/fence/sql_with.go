package fence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrNoTransaction means that [SQL.CheckWith] was given something that has no transaction open: a
// pool of connections such as a *sql.DB, or a connection on which none was begun. Each statement
// would be committed by itself, and the lock of the name's row gone before the write. Nothing was
// written.
var ErrNoTransaction = errors.New("fence: no transaction")

// Tx is what a guard needs of an open transaction. *sql.Tx has it, and so have a *sql.Conn on which
// BEGIN was executed, and the transactions of what's built on database/sql:
//
//   - GORM: tx.Statement.ConnPool, within db.Transaction,
//   - bun: tx.Tx of a bun.Tx, since bun.Tx itself replaces the placeholders of a statement,
//   - sqlc: what its Queries were made with, a *sql.Tx,
//   - ent: its Tx, generated with the feature sql/execquery,
//   - sqlx: its *Tx.
type Tx interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
}

// CheckWith is Check in a transaction that isn't a *sql.Tx. It sends two statements more (one in
// SQLite), and finds out whether a transaction is open before it writes: if not, the error is
// [ErrNoTransaction].
//
// What was said of Check holds: it comes first, RecheckWith last, and any error means rollback. An
// ORM's nested transactions are savepoints; a rollback to one that's older than the check takes the
// mark back. DoWith does both checks.
//
// Errors: those of Check, and ErrNoTransaction.
func (g *SQL) CheckWith(ctx context.Context, tx Tx, name string, token int64) error {
	if err := g.checkWith(tx, name, token); err != nil {
		return err
	}
	if err := g.open(ctx, tx); errors.Is(err, errNotOpen) {
		return fmt.Errorf("%w: %T has none open for %q; begin one, and pass it on (%w)", ErrNoTransaction, tx, name, err)
	} else if err != nil {
		return fmt.Errorf("fence: check token %d of %q: %w", token, name, err)
	}
	return g.raiseAndJudge(ctx, tx, name, token)
}

// RecheckWith is Recheck in a transaction that isn't a *sql.Tx.
//
// Errors: those of Recheck, and [ErrNoTransaction] for a pool.
func (g *SQL) RecheckWith(ctx context.Context, tx Tx, name string, token int64) error {
	if err := g.checkWith(tx, name, token); err != nil {
		return err
	}
	return g.recheck(ctx, tx, name, token)
}

// DoWith calls CheckWith, then write, and then RecheckWith, in the caller's transaction, which must
// be rolled back if DoWith returns an error of any kind, and committed at once if it returns nil. With GORM
// that's
//
//	db.Transaction(func(tx *gorm.DB) error {
//		return guard.DoWith(ctx, tx.Statement.ConnPool, name, token, func() error {
//			return tx.Save(&account).Error
//		})
//	})
//
// The transaction is the caller's, and so is its session. So a transaction that MySQL, MariaDB or
// SQLite has ended during write is found out, but what write did afterwards was committed, statement by
// statement, unless autocommit is off (see Recheck). Do prevents that.
//
// Errors: those of CheckWith and RecheckWith, and that of write as it is.
func (g *SQL) DoWith(ctx context.Context, tx Tx, name string, token int64, write func() error) error {
	if err := g.CheckWith(ctx, tx, name, token); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	return g.RecheckWith(ctx, tx, name, token)
}

// checkWith refuses bad input, and what can't be a transaction.
func (g *SQL) checkWith(tx Tx, name string, token int64) error {
	if err := g.check(name, token); err != nil {
		return err
	}
	if tx == nil {
		return fmt.Errorf("%w: nil for %q; begin one, and pass it on", ErrNoTransaction, name)
	}
	// *sql.DB and what embeds it, as the handles of sqlx and bun do.
	if _, pool := tx.(interface{ SetMaxOpenConns(int) }); pool {
		return fmt.Errorf("%w: %T is a pool of connections, given for %q; begin a transaction, and pass it on",
			ErrNoTransaction, tx, name)
	}
	return nil
}

// Row is a row of a database's answer, as *sql.Row and pgx.Row are.
type Row interface {
	Scan(dest ...any) error
}

// CheckRow is Check for a driver that isn't one of database/sql, in PostgreSQL and SQLite. The
// function sends a statement within the caller's open transaction, which it must see to, and returns the one row of
// its answer. (fencepgx does so for pgx.)
//
// Errors: those of Check, and [ErrInvalidSQL] for MySQL, which takes two statements.
func (g *SQL) CheckRow(name string, token int64, query func(statement string, args ...any) Row) error {
	if err := g.check(name, token); err != nil {
		return err
	}
	if g.read != "" {
		return fmt.Errorf("%w: CheckRow is for Postgres and SQLite; use CheckWith", ErrInvalidSQL)
	}
	var highest int64
	err := query(g.raise, []byte(name), token).Scan(&highest)
	return g.judge(name, token, highest, err)
}
