package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// interleaving is how two transactions of one name meet. The first checks and writes; the
// second checks while the first is still open, or after.
type interleaving struct {
	firstUse      bool  // no token has been seen before
	first, second int64 // their tokens
	secondReads   bool  // anything at all, before the first writes: that fixes a snapshot
	secondWaits   bool  // for the first, instead of coming after it
	commits       bool  // the first does, and doesn't roll back
}

func (i interleaving) String() string {
	say := func(yes bool, a, b string) string { return map[bool]string{true: a, false: b}[yes] }
	return fmt.Sprintf("%s, %d %s, %d %s%s", say(i.firstUse, "first use", "known name"),
		i.first, say(i.commits, "commits", "rolls back"),
		i.second, say(i.secondReads, "reads and ", ""), say(i.secondWaits, "waits", "comes after"))
}

func interleavings() (all []interleaving) {
	bools := []bool{false, true}
	for _, firstUse := range bools {
		for _, tokens := range [][2]int64{{10, 11}, {11, 10}, {11, 11}} {
			for _, reads := range bools {
				for _, waits := range bools {
					for _, commits := range bools {
						all = append(all, interleaving{firstUse, tokens[0], tokens[1], reads, waits, commits})
					}
				}
			}
		}
	}
	return all
}

// level is an isolation level, and when it refuses to decide.
type level struct {
	isolation sql.IsolationLevel

	// conflicts tells whether the second transaction gets a retriable error, because its
	// snapshot is too old to know the first one's token.
	conflicts func(interleaving) bool
}

// The snapshot is fixed by the first statement, which is Check's if nothing was read; by MariaDB
// at REPEATABLE READ only by the first read.
func never(interleaving) bool              { return false }
func ifTooOld(i interleaving) bool         { return (i.secondReads || i.secondWaits) && i.commits }
func ifReadAndCommits(i interleaving) bool { return i.secondReads && i.commits }

// SQLite can't wait for a writer once it has read, for fear of a deadlock.
func ifReadAndBusy(i interleaving) bool { return i.secondReads && (i.secondWaits || i.commits) }

func testInterleavings(t *testing.T, d database) {
	s := d.newStore(t)
	other := "other_" + s.table
	_, err := s.admin.ExecContext(t.Context(), "CREATE TABLE "+other+" (id integer)")
	require.NoError(t, err)
	for _, level := range d.levels {
		for _, i := range interleavings() {
			t.Run(fmt.Sprintf("%v/%v", level.isolation, i), func(t *testing.T) { s.interleave(t, level, i, other) })
		}
	}
}

// interleave runs the two transactions by hand. Their order leaves nothing to chance, so the
// outcome is known exactly.
func (s *store) interleave(t *testing.T, level level, i interleaving, other string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	name, want := t.Name(), []string(nil)
	if !i.firstUse {
		require.NoError(t, s.doAppend(ctx, name, 1, "before"))
		want = append(want, "before")
	}

	first, second := s.begin(t, ctx, level), s.begin(t, ctx, level)
	if i.secondReads {
		var n int
		require.NoError(t, second.QueryRowContext(ctx, "SELECT count(*) FROM "+other).Scan(&n))
	}
	require.NoError(t, s.checkAndAppend(ctx, first, name, i.first, "first"))
	end := first.Rollback
	if i.commits {
		end, want = first.Commit, append(want, "first")
	}
	err := s.meet(t, i, end, func() error { return s.checkAndAppend(ctx, second, name, i.second, "second") })
	require.Equal(t, level.conflicts(i), retriable(err), "got %v", err)
	switch {
	case err == nil:
		require.NoError(t, second.Commit())
	case retriable(err):
		require.NotErrorIs(t, err, fence.ErrStale)
		require.NoError(t, second.Rollback())
		// What the database asks for: everything once more. Now it can decide.
		err = s.doAppend(ctx, name, i.second, "second")
	default:
		require.NoError(t, second.Rollback())
	}

	if i.commits && i.second < i.first {
		require.ErrorIs(t, err, fence.ErrStale)
	} else {
		require.NoError(t, err)
		want = append(want, "second")
	}
	require.Equal(t, want, s.log(t, name))
}

// meet ends the first transaction before or during the second one's check, and returns the
// latter's error.
func (s *store) meet(t *testing.T, i interleaving, endFirst, checkSecond func() error) error {
	if !i.secondWaits {
		require.NoError(t, endFirst())
		return checkSecond()
	}
	result := make(chan error, 1)
	go func() { result <- checkSecond() }()
	if s.dialect == fence.SQLite && i.secondReads {
		err := <-result // at once: see ifReadAndBusy
		require.NoError(t, endFirst())
		return err
	}
	s.waitUntilBlocked(t)
	require.Empty(t, result, "the second passed while the first was open")
	require.NoError(t, endFirst())
	return <-result
}

func (s *store) begin(t *testing.T, ctx context.Context, level level) *sql.Tx {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: level.isolation})
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() }) // for a test that fails halfway
	return tx
}

func (s *store) checkAndAppend(ctx context.Context, tx *sql.Tx, name string, token int64, entry string) error {
	if err := s.guard.Check(ctx, tx, name, token); err != nil {
		return err
	}
	return s.append(ctx, tx, name, entry)
}
