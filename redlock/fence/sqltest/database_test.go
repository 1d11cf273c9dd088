package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"modernc.org/sqlite"

	"github.com/a5bbb083/redlock/redlock/fence"
)

func TestMain(m *testing.M) {
	// GORM's cache of prepared statements has a goroutine that nothing ends.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}

// database is a running server, or SQLite's file, and what differs between them.
type database struct {
	dialect fence.Dialect
	driver  string
	dsn     string

	logTable string // creates the table of guarded data; %s is its name
	insert   string // adds an entry to it; %s is its name

	// blocked counts the statements that wait for a lock. Empty where nothing can tell.
	blocked string

	levels []level // what to test, and when each refuses to decide
}

// testDatabase runs every test on one database.
func testDatabase(t *testing.T, d database) {
	tests := []struct {
		name string
		run  func(*testing.T, database)
	}{
		{"conformance", testConformance},
		{"interleavings", testInterleavings},
		{"read after check", testReadAfterCheckLosesNoUpdate},
		{"write that panics", testWriteThatPanicsIsRolledBack},
		{"context ends during the write", testContextEndsDuringTheWrite},
		{"check in an ended transaction", testCheckInAnEndedTransaction},
		{"missing table", testMissingTable},
		{"create the table, all at a time", testCreateTableConcurrently},
		{"a wrong table", testWrongTable},
		{"another good table", testOtherGoodTable},
		{"check on a wrong table", testCheckOnAWrongTable},
		{"check the table, cancelled", testCheckTableOfACancelledContext},
		{"deadlock", testWriteThatRepeatsItsStatementAfterADeadlock},
		{"DDL", testWriteWithDDL},
		{"SQLite rolls back", testWriteAfterSQLiteHasRolledBack},
		{"recheck", testRecheckFindsALostTransaction},
		{"savepoint before check", testSavepointBeforeCheck},
		{"sessions come back", testSessionsComeBackAsTheyWere},
		{"dead connection", testDoOnADeadConnection},
		{"reads before check", testReadsThatBeginBeforeCheck},
		{"conformance with", testConformanceWith},
		{"check with needs a transaction", testCheckWithNeedsATransaction},
		{"check with of an ended transaction", testCheckWithOfAnEndedTransaction},
		{"nested transaction of GORM", testNestedTransactionOfGORM},
		{"do with finds a lost transaction", testDoWithFindsALostTransaction},
		{"several names in one transaction", testSeveralNamesInOneTransaction},
		{"reads after check with", testReadsAfterCheckWith},
		{"check row", testCheckRow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, d) })
	}
}

func TestPostgreSQL(t *testing.T) { testDatabase(t, startPostgres(t)) }

func TestMariaDB(t *testing.T) {
	testDatabase(t, startMariaDB(t, []level{
		{sql.LevelReadUncommitted, never},
		{sql.LevelReadCommitted, never},
		{sql.LevelRepeatableRead, never},
		{sql.LevelSerializable, never},
	}))
}

// The default since MariaDB 11.6: a transaction can't overwrite what its snapshot doesn't show.
func TestMariaDBWithSnapshotIsolation(t *testing.T) {
	testDatabase(t, startMariaDB(t, []level{
		{sql.LevelReadCommitted, never},
		{sql.LevelRepeatableRead, ifReadAndCommits},
		{sql.LevelSerializable, ifTooOld},
	}, "--innodb-snapshot-isolation=ON"))
}

func TestSQLite(t *testing.T) { testDatabase(t, newSQLite(t, "WAL")) }

// Without WAL a reader that's in the middle makes a commit wait, so that interleaving by hand
// would only show SQLite's time-outs.
func TestSQLiteWithRollbackJournal(t *testing.T) { testConformance(t, newSQLite(t, "DELETE")) }

// open connects to the database once more.
func (d database) open(t *testing.T) *sql.DB {
	db, err := sql.Open(d.driver, d.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// store is a guard with its table, and a table of guarded data beside it.
type store struct {
	database
	db    *sql.DB // cut off by the tests of a closed database
	admin *sql.DB
	guard *fence.SQL
	table string // the guarded data
}

var tables atomic.Int64

// newStore makes new tables, so that stores of one database don't share tokens.
func (d database) newStore(t *testing.T, opts ...fence.Option) *store {
	n := tables.Add(1)
	guard, err := fence.NewSQL(d.dialect, fmt.Sprintf("fence_tokens_%d", n), opts...)
	require.NoError(t, err)
	s := &store{database: d, db: d.open(t), admin: d.open(t), guard: guard, table: fmt.Sprintf("log_%d", n)}
	require.NoError(t, guard.CreateTable(t.Context(), s.admin))
	_, err = s.admin.ExecContext(t.Context(), fmt.Sprintf(d.logTable, s.table))
	require.NoError(t, err)
	return s
}

// append writes an entry in a transaction that a guard has let through.
func (s *store) append(ctx context.Context, tx *sql.Tx, name, entry string) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf(s.insert, s.table), []byte(name), entry)
	return err
}

// log returns the entries of name in the order of their writing.
func (s *store) log(t testing.TB, name string) []string {
	rows, err := s.admin.QueryContext(t.Context(), "SELECT name, entry FROM "+s.table+" ORDER BY id")
	require.NoError(t, err)
	defer rows.Close()
	var entries []string
	for rows.Next() {
		var of []byte
		var entry string
		require.NoError(t, rows.Scan(&of, &entry))
		if string(of) == name {
			entries = append(entries, entry)
		}
	}
	require.NoError(t, rows.Err())
	return entries
}

// waitUntilBlocked returns when a statement waits for a lock.
func (s *store) waitUntilBlocked(t *testing.T) {
	if s.blocked == "" {
		time.Sleep(100 * time.Millisecond) // long enough for a busy SQLite to have tried
		return
	}
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, s.admin.QueryRowContext(t.Context(), s.blocked).Scan(&n))
		return n > 0
	}, 10*time.Second, 20*time.Millisecond, "nothing waits for a lock")
}

// retriable tells whether the database asks for the transaction to be run again.
func retriable(err error) bool {
	var (
		pg   *pgconn.PgError
		my   *mysql.MySQLError
		lite *sqlite.Error
	)
	switch {
	case errors.As(err, &pg):
		return pg.Code == "40001" || pg.Code == "40P01" // serialization failure, deadlock
	case errors.As(err, &my):
		return my.Number == 1020 || my.Number == 1205 || my.Number == 1213 // changed since read, lock time-out, deadlock
	case errors.As(err, &lite):
		return lite.Code()&0xff == 5 // SQLITE_BUSY and its kinds
	}
	return false
}
