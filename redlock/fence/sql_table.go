package fence

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// CreateTable creates the guard's table if it isn't there, and checks it as CheckTable does.
// Several processes may do so at once.
//
// The error is [ErrInvalidTable] if there's a table of that name that can't keep tokens, or the
// driver's, wrapped.
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
	return g.CheckTable(ctx, db)
}

// probeAttempts is how often the table is tried. A database may ask for the transaction to be run
// again, since several processes do it at once; only a driver could tell that from other errors.
const probeAttempts = 5

// CheckTable finds out whether the table keeps tokens, for programs whose migrations create it.
// It writes some under names that nobody uses, compares what the table makes of them, and rolls
// back. So it can't be run on a replica that only reads.
//
// The error is [ErrInvalidTable] if the table can't keep tokens or doesn't take them, with the
// driver's error, or the driver's, wrapped.
func (g *SQL) CheckTable(ctx context.Context, db *sql.DB) error {
	var err error
	for attempt := range probeAttempts {
		if err = g.tryTable(ctx, db); err == nil || errors.Is(err, ErrInvalidTable) {
			return err
		}
		select {
		case <-time.After(time.Duration(attempt) * 10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("fence: check the guard's table: %w", ctx.Err())
		}
	}
	var refused *refusal
	if errors.As(err, &refused) {
		err = fmt.Errorf("%w: %s doesn't take %s (%w); compare it with Schema", ErrInvalidTable, g.table, refused.why, refused.err)
	}
	return fmt.Errorf("fence: check the guard's table: %w", err)
}

// refusal is an error of the driver on a probe. It may not be the table's fault.
type refusal struct {
	why string
	err error
}

func (r *refusal) Error() string { return r.why + ": " + r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func (g *SQL) tryTable(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	name := "Fence probe " + rand.Text()
	err = g.probe(ctx, tx, probes(name))
	rollback := tx.Rollback()
	if g.left != "" {
		if err := g.probeRollback(ctx, db, name); err != nil {
			return err
		}
	}
	return errors.Join(err, rollback)
}

// probe is a token that the table must take, and the mark that it must have then.
type probe struct {
	name        string
	token, want int64
	why         string
}

// probes returns what to try, under name and variations of it, which nobody uses.
func probes(name string) []probe {
	return []probe{
		{name, 9, 9, "a first token"},
		{name, 10, 10, "a token with more digits; is token a number, and name the key?"},
		{name, MaxToken, MaxToken, "the largest token; has token 64 bits?"},
		{name, 1, MaxToken, "a lower token"},
		{strings.ToLower(name), 9, 9, "a name that differs in case; is name binary, and the only key?"},
		{name + " ", 8, 8, "a name that ends with a space; is name binary?"},
		{name + "\xff\x00", 9, 9, "a name that is no text; is name binary?"},
		{name + strings.Repeat("n", MaxNameLen-len(name)), 9, 9, "the longest name"},
		{name, 2, MaxToken, "the first name again"},
	}
}

func (g *SQL) probe(ctx context.Context, tx *sql.Tx, steps []probe) error {
	for _, step := range steps {
		got, err := g.raiseTo(ctx, tx, step.name, step.token)
		if err != nil {
			return &refusal{step.why, err}
		}
		if got != step.want {
			return fmt.Errorf("%w: %s holds %d instead of %d after %s; compare it with Schema",
				ErrInvalidTable, g.table, got, step.want, step.why)
		}
	}
	return nil
}

// probeRollback makes sure that the names have gone with their transaction. MyISAM keeps them.
func (g *SQL) probeRollback(ctx context.Context, db *sql.DB, name string) error {
	var left int
	if err := db.QueryRowContext(ctx, g.left, []byte(name)).Scan(&left); err != nil {
		return err
	}
	if left == 0 {
		return nil
	}
	for _, prefix := range []string{name, strings.ToLower(name)} {
		// Who may not delete leaves rows that harm nobody.
		_, _ = db.ExecContext(ctx, g.remove, []byte(prefix+"%"))
	}
	return fmt.Errorf("%w: %s has no transactions, it keeps what was rolled back; use ENGINE=InnoDB", ErrInvalidTable, g.table)
}
