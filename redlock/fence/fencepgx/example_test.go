package fencepgx_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/fencepgx"
)

// A deposit that a client without the lock can't make. (It needs a server, so it's only compiled.)
func Example() {
	ctx, token := context.Background(), int64(34) // token is that of Lock.Fence
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	guard, err := fencepgx.New("fence_tokens")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := guard.CreateTable(ctx, pool); err != nil { // or guard.Schema() in a migration
		fmt.Println(err)
		return
	}
	err = guard.Do(ctx, pool, "account:42", token, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE account SET balance = balance + 50 WHERE id = 42`)
		return err
	})
	if errors.Is(err, fence.ErrStale) {
		fmt.Println("the lock was lost, and somebody else has written since")
	}
}
