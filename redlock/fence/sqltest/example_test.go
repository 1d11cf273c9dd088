package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"gorm.io/gorm"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// openExample returns a database with one account in it. SQLite's needs no server.
func openExample(ctx context.Context, guard *fence.SQL) (*sql.DB, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // each connection would have a memory of its own
	if err := guard.CreateTable(ctx, db); err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, `CREATE TABLE account (id, balance); INSERT INTO account VALUES (42, 0)`)
	return db, err
}

// Do is all it takes for a transaction of its own.
func Example() {
	ctx := context.Background()
	guard, err := fence.NewSQL(fence.SQLite, "fence_tokens")
	if err != nil {
		fmt.Println(err)
		return
	}
	db, err := openExample(ctx, guard)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	for _, token := range []int64{34, 33} {
		err := guard.Do(ctx, db, "account:42", token, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE account SET balance = ? WHERE id = 42`, token)
			return err
		})
		fmt.Println(err)
	}
	var balance int
	err = db.QueryRowContext(ctx, `SELECT balance FROM account WHERE id = 42`).Scan(&balance)
	fmt.Println(balance, err)
	// Output:
	// <nil>
	// fence: stale token: 33 for "account:42", where 34 has been seen; the lock was lost, don't write
	// 34 <nil>
}

// Check is for a transaction that you have, or want at another isolation level.
func Example_check() {
	ctx := context.Background()
	guard, err := fence.NewSQL(fence.SQLite, "fence_tokens")
	if err != nil {
		fmt.Println(err)
		return
	}
	db, err := openExample(ctx, guard)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	deposit := func(token int64) error {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := guard.Check(ctx, tx, "account:42", token); err != nil {
			return err // nothing may be written now
		}
		var balance int // read after Check, so that it's current
		if err := tx.QueryRowContext(ctx, `SELECT balance FROM account WHERE id = 42`).Scan(&balance); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE account SET balance = ? WHERE id = 42`, balance+50); err != nil {
			return err
		}
		return tx.Commit()
	}
	fmt.Println(deposit(34))
	fmt.Println(deposit(33))
	// Output:
	// <nil>
	// fence: stale token: 33 for "account:42", where 34 has been seen; the lock was lost, don't write
}

// DoWith is for transactions that aren't a *sql.Tx: here a connection on which BEGIN was executed.
func Example_with() {
	ctx := context.Background()
	guard, err := fence.NewSQL(fence.SQLite, "fence_tokens")
	if err != nil {
		fmt.Println(err)
		return
	}
	db, err := openExample(ctx, guard)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	deposit := func(token int64) error {
		if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
			return err
		}
		err := guard.DoWith(ctx, conn, "account:42", token, func() error {
			_, err := conn.ExecContext(ctx, `UPDATE account SET balance = balance + 50 WHERE id = 42`)
			return err
		})
		if err != nil {
			_, _ = conn.ExecContext(ctx, "ROLLBACK")
			return err
		}
		_, err = conn.ExecContext(ctx, "COMMIT")
		return err
	}
	fmt.Println(deposit(34))
	fmt.Println(deposit(33))
	fmt.Println(guard.CheckWith(ctx, conn, "account:42", 34)) // no BEGIN
	// Output:
	// <nil>
	// fence: stale token: 33 for "account:42", where 34 has been seen; the lock was lost, don't write
	// fence: no transaction: *sql.Conn has none open for "account:42"; begin one, and pass it on (no transaction is open)
}

// With GORM the check is in the transaction that it opens. (This needs a server, so it's only compiled;
// the tests do the same on PostgreSQL and MariaDB.)
func Example_gorm() {
	type account struct {
		ID      int64
		Balance int64
	}
	deposit := func(ctx context.Context, db *gorm.DB, guard *fence.SQL, token, amount int64) error {
		return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			return guard.DoWith(ctx, tx.Statement.ConnPool, "account:42", token, func() error {
				var a account
				if err := tx.First(&a, 42).Error; err != nil {
					return err
				}
				a.Balance += amount
				return tx.Save(&a).Error
			})
		})
	}
	_ = deposit
}

// An HTTP service in front of a database checks the request's token in its transaction, and
// not in a middleware: so the answer is written after the commit.
func Example_http() {
	ctx := context.Background()
	guard, err := fence.NewSQL(fence.SQLite, "fence_tokens")
	if err != nil {
		fmt.Println(err)
		return
	}
	db, err := openExample(ctx, guard)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	handler := func(w http.ResponseWriter, r *http.Request) {
		token, err := fence.Token(r)
		if err == nil {
			err = guard.Do(r.Context(), db, "account:42", token, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(r.Context(), `UPDATE account SET balance = 200 WHERE id = 42`)
				return err
			})
		}
		if err != nil {
			fence.WriteError(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
	for _, token := range []string{"34", "33", "none"} {
		r := httptest.NewRequest(http.MethodPut, "/account/42", strings.NewReader("200"))
		r.Header.Set(fence.Header, token)
		w := httptest.NewRecorder()
		handler(w, r)
		fmt.Println(w.Code, http.StatusText(w.Code))
	}
	// Output:
	// 204 No Content
	// 409 Conflict
	// 400 Bad Request
}
