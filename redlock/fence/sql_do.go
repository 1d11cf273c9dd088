package fence

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// unpinTime bounds how long a session is waited for when its transaction is over.
const unpinTime = 5 * time.Second

// Do opens a transaction at the database's default isolation level, calls Check and then
// write, and commits; write must not end the transaction itself. Any error, and a panic in
// write, rolls it back: neither the write nor the token remains. For other isolation levels
// use Check and Recheck in a transaction of your own.
//
// A transaction that was lost during write isn't committed, and the error is
// [ErrTransactionLost]. Run it again with the same token, as after a deadlock. In MySQL and MariaDB
// the session has autocommit off meanwhile, so that what write did after the loss is undone;
// what DDL has committed before it remains, and was in order. In SQLite what write did after the loss has
// been committed, and may be out of order: a write must return the first error that it meets.
//
// The error is that of Check, that of write as it is, ErrTransactionLost, or the driver's,
// wrapped. After a failed commit only the database may know whether the write was done, as with
// any transaction; the same token passes again, so repeating is up to the write being idempotent.
func (g *SQL) Do(ctx context.Context, db *sql.DB, name string, token int64, write func(*sql.Tx) error) error {
	if err := g.check(name, token); err != nil {
		return err
	}
	s, err := g.begin(ctx, db)
	if err != nil {
		return fmt.Errorf("fence: begin the transaction of %q: %w", name, err)
	}
	defer s.end()
	if err := g.Check(ctx, s.tx, name, token); err != nil {
		return err
	}
	if err := s.run(ctx, g.savepoint); err != nil {
		return fmt.Errorf("fence: begin the write of %q: %w", name, err)
	}
	if err := write(s.tx); err != nil {
		return err
	}
	if err := s.run(ctx, g.release); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("fence: commit the write of %q: %w", name, ctx.Err())
		}
		return fmt.Errorf("%w: during the write of %q: %w", ErrTransactionLost, name, err)
	}
	if err := s.commit(); err != nil {
		// When the context ends, database/sql rolls back on its own, and Commit may find
		// the transaction done already. Say why.
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("fence: commit the write of %q: %w", name, err)
	}
	return nil
}

// session is a transaction, and the connection that was pinned for it.
type session struct {
	tx    *sql.Tx
	over  bool // the transaction has ended, and the server has said so
	ctx   context.Context
	conn  *sql.Conn // nil if nothing was pinned
	unpin string
}

func (g *SQL) begin(ctx context.Context, db *sql.DB) (*session, error) {
	if g.pin == "" {
		tx, err := db.BeginTx(ctx, nil)
		return &session{tx: tx}, err
	}
	conn, err := g.pinned(ctx, db)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		discard(conn)
		return nil, err
	}
	return &session{tx: tx, ctx: ctx, conn: conn, unpin: g.unpin}, nil
}

// pinned takes a connection from the pool. One that the server has closed meanwhile is replaced,
// which database/sql would do for a statement of its own.
func (g *SQL) pinned(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	for attempt := 1; ; attempt++ {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		if _, err = conn.ExecContext(ctx, g.pin); err == nil {
			return conn, nil
		}
		discard(conn)
		if !errors.Is(err, driver.ErrBadConn) || attempt == 3 {
			return nil, err
		}
	}
}

func (s *session) run(ctx context.Context, statement string) error {
	if statement == "" {
		return nil
	}
	_, err := s.tx.ExecContext(ctx, statement)
	return err
}

func (s *session) commit() error {
	err := s.tx.Commit()
	s.over = err == nil
	return err
}

// end rolls the transaction back unless it was committed, and gives back the connection. One
// whose transaction may still be open is closed: to turn autocommit on would commit it.
func (s *session) end() {
	if !s.over {
		s.over = s.tx.Rollback() == nil
	}
	if s.conn == nil {
		return
	}
	if s.over {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), unpinTime)
		defer cancel()
		if _, err := s.conn.ExecContext(ctx, s.unpin); err == nil {
			_ = s.conn.Close() // back to the pool
			return
		}
	}
	discard(s.conn)
}

// discard closes a connection instead of giving it back to the pool.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close() // closed already, unless the driver did otherwise
}
