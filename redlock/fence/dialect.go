package fence

import "fmt"

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
	},
	SQLite: {
		schema: `CREATE TABLE IF NOT EXISTS %s (
	name  BLOB    NOT NULL PRIMARY KEY,
	token INTEGER NOT NULL
)`,
		raise: `INSERT INTO %s AS mark (name, token) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET token = max(mark.token, excluded.token)
RETURNING token`,
	},
	MySQL: {
		schema: `CREATE TABLE IF NOT EXISTS %s (
	name  varbinary(1024) NOT NULL PRIMARY KEY,
	token bigint          NOT NULL
) ENGINE=InnoDB`,
		raise: `INSERT INTO %s (name, token) VALUES (?, ?)
ON DUPLICATE KEY UPDATE token = greatest(token, VALUES(token))`,
		// A plain SELECT would read the snapshot, and fix it at a moment of our choosing.
		read: `SELECT token FROM %s WHERE name = ? FOR UPDATE`,
	},
}
