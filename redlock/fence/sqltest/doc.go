// Package sqltest tests the SQL guard of package fence on real databases: PostgreSQL, MariaDB
// and SQLite. It's a module of its own, so that programs which use the library don't inherit
// three database drivers from it.
//
// Each test starts its own server, in a temporary directory and on a Unix socket. Without the
// server's programs it is skipped, unless REDLOCK_REQUIRE_SQL=1 makes that a failure.
package sqltest
