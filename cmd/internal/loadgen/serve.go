package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// Request is what a process of clients is asked: first to be a client, then to carry out one plan
// after the other.
type Request struct {
	Client *Client `json:"client,omitempty"`
	Plan   *Plan   `json:"plan,omitempty"`
}

// Reply answers a request.
type Reply struct {
	// Error says why it couldn't be done.
	Error string `json:"error,omitempty"`
	// Result is what came of a plan.
	Result *Result `json:"result,omitempty"`
}

// settling is how long a process goes on to be measured after its last release: what a library does in
// the background for a lock is part of its cost.
const settling = 50 * time.Millisecond

// Serve answers requests from in on out until in ends. An error means that it can't go on.
func Serve(in io.Reader, out io.Writer, open func(context.Context, Client) (Locker, error)) (err error) {
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	// A program that was built from older source would quietly do something else.
	requests.DisallowUnknownFields()
	var locker Locker
	defer func() {
		if locker != nil {
			err = errors.Join(err, locker.Close())
		}
	}()
	for {
		var r Request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("loadgen: request: %w", err)
		}
		var reply Reply
		var failed error
		switch {
		case r.Client != nil && locker == nil:
			locker, failed = connect(*r.Client, open)
		case r.Plan != nil && locker != nil:
			reply.Result, failed = perform(locker, *r.Plan)
		default:
			failed = errors.New("a client comes first and once, then plans")
		}
		if failed != nil {
			reply.Error = failed.Error()
		}
		if err := replies.Encode(reply); err != nil {
			return fmt.Errorf("loadgen: reply: %w", err)
		}
	}
}

// connectTimeout is more than the longest quarantine of new servers that a load's TTL can ask for.
const connectTimeout = 90 * time.Second

// connect opens a locker and takes a first lock, for which it may have to wait: new servers don't
// vote at once in every library.
func connect(c Client, open func(context.Context, Client) (Locker, error)) (Locker, error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	locker, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	lease, err := first(ctx, locker, c.Name)
	if err == nil {
		err = lease.Release(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the first lock: %w", err), locker.Close())
	}
	return locker, nil
}

// firstPause is between two attempts at the first lock.
const firstPause = 20 * time.Millisecond

// first tries until there is a lock. It doesn't leave the waiting to the library: rueidislock, for one, can
// wait for ever on a machine that is busy with the start of all processes.
func first(ctx context.Context, locker Locker, name string) (Lease, error) {
	for {
		lease, err := locker.TryLock(ctx, name)
		if err == nil {
			return lease, nil
		}
		sleep(ctx, firstPause)
		if ctx.Err() != nil {
			return nil, err
		}
	}
}

// perform carries out a plan and measures what it takes this process.
func perform(locker Locker, plan Plan) (*Result, error) {
	runtime.GC() // so that nobody pays for what another round left
	before, err := usage()
	if err != nil {
		return nil, err
	}
	result := Run(context.Background(), locker, plan, fromBoot(plan.Start))
	time.Sleep(settling)
	after, err := usage()
	if err != nil {
		return nil, err
	}
	result.Usage = after.since(before)
	return result, nil
}

// fromBoot converts a reading of the boot clock to this process's clock. The two are read one right
// after the other several times, since the process may lose the processor in between.
func fromBoot(boot time.Duration) time.Time {
	var at time.Time
	best := time.Duration(1<<63 - 1)
	for range 10 {
		before := time.Now()
		reading := clockdrift.System().Now()
		after := time.Now()
		if gap := after.Sub(before); gap < best {
			best, at = gap, before.Add(gap/2).Add(boot-reading)
		}
	}
	return at
}
