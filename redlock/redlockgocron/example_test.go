package redlockgocron_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlockgocron"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Two machines have the same job. It runs on one of them.
func Example() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	ran := make(chan bool, 2)
	start := time.Now().Add(100 * time.Millisecond)
	for _, machine := range []string{"a", "b"} {
		locker, err := redlock.New(nodes.Member(machine).Clients())
		if err != nil {
			log.Fatal(err)
		}
		defer locker.Close()
		// Half a minute is more than the machines' clocks differ by, and less than the job's interval.
		jobs := redlockgocron.NewLocker(locker, "cron:", redlock.AtLeast(30*time.Second))
		scheduler, err := gocron.NewScheduler(gocron.WithDistributedLocker(jobs))
		if err != nil {
			log.Fatal(err)
		}
		_, err = scheduler.NewJob(gocron.DurationJob(time.Minute), gocron.NewTask(
			jobs.Task("report", func(ctx context.Context, lock *redlock.Lock) error {
				fmt.Println("report, with a fencing token:", lock.Fence() > 0)
				ran <- true
				return ctx.Err()
			})),
			gocron.WithName("report"), gocron.WithStartAt(gocron.WithStartDateTime(start)),
			gocron.WithEventListeners(gocron.AfterLockError(func(_ uuid.UUID, _ string, _ error) { ran <- false })))
		if err != nil {
			log.Fatal(err)
		}
		scheduler.Start()
		defer scheduler.Shutdown()
	}
	first, second := <-ran, <-ran
	fmt.Println("ran twice:", first && second)
	// Output:
	// report, with a fencing token: true
	// ran twice: false
}
