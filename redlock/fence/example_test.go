package fence_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// Client 1 gets token 33 and is paused, client 2 gets token 34 and writes. When client 1 wakes
// up and writes at last, it's too late.
func ExampleMemory() {
	ctx := context.Background()
	guard := fence.NewMemory()
	var balance int
	set := func(token int64, value int) {
		err := guard.Do(ctx, "account", token, func(context.Context) error {
			balance = value
			return nil
		})
		fmt.Println(balance, err)
	}
	set(34, 200)
	set(33, 100)
	// Output:
	// 200 <nil>
	// 200 fence: stale token: 33 for "account", where 34 has been seen; the lock was lost, don't write
}

func ExampleWithNames() {
	guard := fence.NewMemory(fence.WithNames("account", "stock"))
	err := guard.Do(context.Background(), "acount", 33, func(context.Context) error { return nil })
	fmt.Println(err)
	// Output: fence: unknown name: "acount"; correct it, or add it to WithNames
}

func ExampleRedis_Set() {
	server, err := miniredis.Run() // in place of a Redis server
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()

	ctx := context.Background()
	guard := fence.NewRedis(client)
	fmt.Println(guard.Set(ctx, "account", 34, "account", "new", 0))
	err = guard.Set(ctx, "account", 33, "account", "old", 0)
	fmt.Println(errors.Is(err, fence.ErrStale))
	fmt.Println(client.Get(ctx, "account").Val())
	// Output:
	// <nil>
	// true
	// new
}

// Any write that Lua can do. Its keys have the name as their hash tag, so that it works in a
// cluster too.
func ExampleRedis_Run() {
	server, err := miniredis.Run() // in place of a Redis server
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()

	deposit := fence.NewScript(`
		redis.call('RPUSH', KEYS[2], ARGV[1])
		return redis.call('INCRBY', KEYS[1], ARGV[1])`)
	keys := []string{"{account}:balance", "{account}:journal"}
	guard := fence.NewRedis(client)
	for _, token := range []int64{34, 33, 34} {
		balance, err := guard.Run(context.Background(), deposit, "account", token, keys, 50).Int()
		fmt.Println(balance, err)
	}
	// Output:
	// 50 <nil>
	// 0 fence: stale token: 33 for "account", where 34 has been seen; the lock was lost, don't write
	// 100 <nil>
}

func ExampleMiddleware() {
	save := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "saved") })
	mux := http.NewServeMux()
	guarded := fence.Middleware(fence.NewMemory(), func(r *http.Request) string { return r.PathValue("id") })
	mux.Handle("PUT /account/{id}", guarded(save))
	server := httptest.NewServer(mux)
	defer server.Close()

	for _, token := range []int64{34, 33} {
		r, err := http.NewRequest(http.MethodPut, server.URL+"/account/42", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		fence.SetToken(r, token)
		resp, err := server.Client().Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("%s: %s", resp.Status, body)
	}
	// Output:
	// 200 OK: saved
	// 409 Conflict: {"title":"fence: stale token","status":409,"detail":"fence: stale token: 33 for \"42\", where 34 has been seen; the lock was lost, don't write","name":"42","token":33,"highest":34}
}

// The table of tokens is in the database that the write goes to, here PostgreSQL by pgx's driver. Module sqltest, beside this package, runs the like
// of this on four databases.
func ExampleSQL() {
	ctx := context.Background()
	db, err := sql.Open("pgx", "postgres:///bank")
	if err != nil {
		log.Fatal(err)
	}
	guard, err := fence.NewSQL(fence.Postgres, "fence_tokens")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(guard.Schema()) // for a migration; or let the program do it:
	if err := guard.CreateTable(ctx, db); err != nil {
		log.Fatal(err)
	}
	if err := guard.CheckTable(ctx, db); err != nil { // where a migration has made it
		log.Fatal(err)
	}
	token := int64(34) // from lock.Fence()

	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()
	if err := guard.Check(ctx, tx, "account:42", token); err != nil { // first: what is read from here on is current
		log.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE account SET balance = balance + 50 WHERE id = 42`); err != nil {
		log.Fatal(err)
	}
	if err := guard.Recheck(ctx, tx, "account:42", token); err != nil { // last: no savepoint has taken the mark back
		log.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		log.Fatal(err)
	}
}

// Do is a transaction with both checks around a write.
func ExampleSQL_Do() {
	ctx := context.Background()
	db, err := sql.Open("pgx", "postgres:///bank")
	if err != nil {
		log.Fatal(err)
	}
	guard, err := fence.NewSQL(fence.Postgres, "fence_tokens")
	if err != nil {
		log.Fatal(err)
	}
	err = guard.Do(ctx, db, "account:42", 34, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE account SET balance = balance + 50 WHERE id = 42`)
		return err
	})
	if errors.Is(err, fence.ErrStale) {
		fmt.Println("somebody else has the lock by now: nothing was written")
	}
}

// A handler that guards its own store: it takes the token from the request, and answers refusals.
func ExampleToken() {
	guard := fence.NewMemory()
	save := func(w http.ResponseWriter, r *http.Request) {
		token, err := fence.Token(r)
		if err == nil {
			err = guard.Do(r.Context(), "account", token, func(context.Context) error { return nil })
		}
		if err != nil {
			fence.WriteError(w, err)
			return
		}
		fmt.Fprint(w, "saved")
	}
	for _, token := range []int64{34, 33, 0} {
		r := httptest.NewRequest(http.MethodPut, "/account", nil)
		if token != 0 {
			fence.SetToken(r, token)
		}
		w := httptest.NewRecorder()
		save(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 409
	// 400
}

// The handler's goroutine writes in its turn, also when the handler has been answered for. Reads need a token, too.
func ExampleWrite() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done := make(chan error, 1)
		go func() {
			done <- fence.Write(r.Context(), func(context.Context) error { return nil }) // the write
		}()
		fmt.Println("written:", <-done)
	})
	guarded := fence.Middleware(fence.NewMemory(), func(*http.Request) string { return "account" },
		fence.AnswerWithin(time.Minute), fence.EveryMethod())(handler)
	r := httptest.NewRequest(http.MethodPut, "/account", nil)
	fence.SetToken(r, 34)
	guarded.ServeHTTP(httptest.NewRecorder(), r)

	w := httptest.NewRecorder()
	guarded.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/account", nil))
	fmt.Println("without a token:", w.Code)
	// Output:
	// written: <nil>
	// without a token: 400
}

// A server of a protocol of its own: the handler runs in the turn of the name, and its writes go through Write.
func ExampleHold() {
	guard := fence.NewMemory()
	for _, token := range []int64{34, 33} {
		err := fence.Hold(context.Background(), guard, "account", token, func(ctx context.Context) {
			err := fence.Write(ctx, func(context.Context) error { return nil })
			fmt.Println("written:", err)
		})
		fmt.Println("stale:", errors.Is(err, fence.ErrStale))
	}
	// Output:
	// written: <nil>
	// stale: false
	// stale: true
}
