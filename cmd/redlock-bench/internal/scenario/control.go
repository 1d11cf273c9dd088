package scenario

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
)

// controlRounds is how often each client of the control takes the lock.
const controlRounds = 10

var control = Scenario{
	Name:   "control",
	About:  "no fault at all: three clients take turns, and nothing may go wrong",
	Source: "every experiment needs one",
	Steps: []string{
		"three clients compete for the lock, ten times each",
		"whoever has it reads the counter, writes it plus one, and gives the lock back",
	},
	Clients:  3,
	MinNodes: 1,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		working, ctx := errgroup.WithContext(ctx)
		for _, c := range l.Clients() {
			working.Go(func() error {
				for range controlRounds {
					if err := turn(ctx, l, c); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := working.Wait(); err != nil {
			return err
		}
		l.Note("%d clients took the lock %d times each; there was no fault", len(l.Clients()), controlRounds)
		return nil
	},
}

// turn is one use of the lock from beginning to end.
func turn(ctx context.Context, l *lab.Lab, c *lab.Client) error {
	acquired, refused, err := c.Contend(ctx, l.Now()+patience*l.TTL())
	if err != nil {
		return err
	}
	if !acquired {
		return lab.Spoiled("%v got the lock in none of %d attempts", c, refused)
	}
	if err := readAndWrite(ctx, c); err != nil {
		return err
	}
	// A machine that loses half a TTL here has seen a fault, though not one of ours.
	if c.ValidUntil()-l.Now() < l.TTL()/2 {
		return lab.Spoiled("%v was held up for half of its lock's time", c)
	}
	_, err = c.Release(ctx)
	return err
}

// patience, in TTLs, is how long a client waits for its turn.
const patience = 10
