package sqltest

import (
	"database/sql"
	"os/exec"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/internal/fencetest"
)

func startPostgres(t *testing.T) database {
	d := database{
		dialect:  fence.Postgres,
		driver:   "pgx",
		logTable: "CREATE TABLE %s (id bigserial PRIMARY KEY, name bytea, entry text)",
		insert:   "INSERT INTO %s (name, entry) VALUES ($1, $2)",
		blocked:  "SELECT count(*) FROM pg_locks WHERE NOT granted",
		levels: []level{
			{sql.LevelReadCommitted, never},
			{sql.LevelRepeatableRead, ifTooOld},
			{sql.LevelSerializable, ifTooOld},
		},
	}
	d.dsn = fencetest.StartPostgres(t, func(dsn string) error { return database{driver: d.driver, dsn: dsn}.ping() })
	return d
}

func startMariaDB(t *testing.T, levels []level, args ...string) database {
	server := fencetest.Binary(t, fencetest.RequireSQL, "mariadbd", "/usr/sbin/mariadbd")
	install := fencetest.Binary(t, fencetest.RequireSQL, "mariadb-install-db")
	dir := fencetest.TempDir(t)
	data, socket := filepath.Join(dir, "data"), filepath.Join(dir, "socket")
	// A server that starts deletes what looks like its own in the directory for temporary files.
	// So each needs another one.
	t.Setenv("TMPDIR", dir)
	fencetest.Complete(t, fencetest.As(t, "mysql", exec.Command(install, "--no-defaults", "--datadir="+data, "--skip-test-db",
		"--auth-root-authentication-method=normal"), dir))

	d := database{
		dialect:  fence.MySQL,
		driver:   "mysql",
		dsn:      "root@unix(" + socket + ")/mysql",
		logTable: "CREATE TABLE %s (id bigint AUTO_INCREMENT PRIMARY KEY, name varbinary(1024), entry text) ENGINE=InnoDB",
		insert:   "INSERT INTO %s (name, entry) VALUES (?, ?)",
		blocked:  "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'",
		levels:   levels,
	}
	args = append([]string{"--no-defaults", "--datadir", data, "--socket", socket, "--skip-networking",
		"--pid-file", filepath.Join(dir, "pid"), "--innodb-flush-log-at-trx-commit=0"}, args...)
	fencetest.Start(t, fencetest.As(t, "mysql", exec.Command(server, args...)), d.ping)
	return d
}

func newSQLite(t *testing.T, journal string) database {
	file := filepath.Join(fencetest.TempDir(t), "test.db")
	return database{
		dialect:  fence.SQLite,
		driver:   "sqlite",
		dsn:      "file:" + file + "?_pragma=busy_timeout(2000)&_pragma=synchronous(OFF)&_pragma=journal_mode(" + journal + ")",
		logTable: "CREATE TABLE %s (id INTEGER PRIMARY KEY, name BLOB, entry TEXT)",
		insert:   "INSERT INTO %s (name, entry) VALUES (?, ?)",
		levels:   []level{{sql.LevelDefault, ifReadAndBusy}}, // it has but one
	}
}

// ping connects to a server that may not be there yet.
func (d database) ping() error {
	db, err := sql.Open(d.driver, d.dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Ping()
}
