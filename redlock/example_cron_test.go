package redlock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// nightly is started by the cron of every machine, and does its work on one of them. The lock
// is that of this one run, and it isn't released: a machine whose clock is late must still
// find it taken.
func nightly(ctx context.Context, locker *redlock.Locker, day time.Time, work func()) error {
	name := "cron:nightly:" + day.Format(time.DateOnly)
	_, err := locker.TryLock(ctx, name, redlock.TTL(10*time.Minute))
	if errors.Is(err, redlock.ErrNotAcquired) {
		return nil // another machine does it
	}
	if err != nil {
		return err
	}
	work()
	return nil
}

// A cron job that every machine starts, and that must not run twice.
func Example_cronJob() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	locker, err := redlock.New(nodes.Clients(), redlock.WithMaxTTL(10*time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()

	today := time.Date(2026, time.May, 1, 3, 0, 0, 0, time.UTC)
	for _, day := range []time.Time{today, today.AddDate(0, 0, 1)} {
		for _, machine := range []string{"a", "b", "c"} {
			err := nightly(context.Background(), locker, day, func() {
				fmt.Println(day.Format(time.DateOnly), "on", machine)
			})
			if err != nil {
				log.Fatal(err)
			}
		}
	}
	// Output:
	// 2026-05-01 on a
	// 2026-05-02 on a
}
