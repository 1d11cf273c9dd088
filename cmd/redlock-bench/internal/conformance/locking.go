package conformance

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

// locking are the checks on what a worker does with locks and with the resource.
var locking = []check{
	{"acquire: a free lock is granted, for a TTL at most", acquires},
	{"acquire: the token is on a majority of the nodes that the lock uses", showsToken},
	{"acquire: a lock that another worker holds is refused", refuses},
	{"acquire: nodes that don't answer end an attempt in bounded time", givesUp},
	{"extend: a lock that is held is prolonged", extends},
	{"release: the next one gets the lock", releases},
	{"acquire: who waits gets the lock after its release", awaits},
	{"acquire: with two lists of nodes, a majority of each is needed", countsBoth},
	{"check: no after the lock's time, and no write then", notices},
	{"write: what was read goes to the resource", writes},
	{"write: stop_after_check stops the process before the write", stops},
}

// slack is how far a promise may go beyond a TTL from the reply, and a later one beyond the first. A worker that
// computes the boot clock is behind it by the time that a line takes through a pipe, and less so the more
// lines it has read: 13 ms were seen between the first ones of a program that was just started.
const slack = 20 * time.Millisecond

func acquires(ctx context.Context, b *bench) error {
	w, reply, err := b.holder(ctx)
	if err != nil {
		return err
	}
	if reply.ValidUntil <= reply.Returned {
		return fmt.Errorf("valid_until_ns is %v before returned_ns right after a successful acquire", reply.Returned-reply.ValidUntil)
	}
	if beyond := reply.ValidUntil - reply.Returned - ttl; beyond > slack {
		return fmt.Errorf("valid_until_ns is %v more than a TTL after returned_ns", beyond)
	}
	_, err = b.must(ctx, w, protocol.Request{Op: protocol.Check})
	return err
}

func showsToken(ctx context.Context, b *bench) error {
	w, reply, err := b.holder(ctx)
	if err != nil {
		return err
	}
	found := 0
	for _, i := range w.Uses() {
		marked, err := has(ctx, b.cluster.Node(i), reply.Token)
		if err != nil {
			return err
		}
		if marked {
			found++
		}
	}
	if found <= len(w.Uses())/2 {
		return fmt.Errorf("token %q is the value of a key on %d of the %d nodes that the worker says it uses", reply.Token, found, len(w.Uses()))
	}
	return nil
}

// has tells whether the token, or what it is the hexadecimal form of, is the value of a key.
func has(ctx context.Context, n cluster.Node, token string) (bool, error) {
	reply, err := n.Command(ctx, "KEYS", "*")
	if err != nil {
		return false, err
	}
	keys, _ := reply.([]any)
	for _, key := range keys {
		// A key of another type isn't a lock, and one that has just expired isn't there.
		value, found, err := n.Value(ctx, fmt.Sprint(key))
		if err == nil && found && (value == token || hex.EncodeToString([]byte(value)) == token) {
			return true, nil
		}
	}
	return false, nil
}

func refuses(ctx context.Context, b *bench) error {
	other, err := b.start(ctx) // first, since a lock doesn't wait for that
	if err != nil {
		return err
	}
	_, held, err := b.holder(ctx)
	if err != nil {
		return err
	}
	if now() >= held.ValidUntil-ttl/2 {
		return fmt.Errorf("half of the lock's %v was over before anybody could ask for it; is the machine overloaded?", ttl)
	}
	for now() < held.ValidUntil-ttl/2 {
		reply, err := b.do(ctx, other, protocol.Request{Op: protocol.Acquire})
		switch {
		case err != nil:
			return err
		case reply.OK:
			return errors.New("two workers acquired the same lock within its TTL")
		case reply.Error == "":
			return errors.New("a refusal came without an error that says why")
		}
	}
	return nil
}

func givesUp(ctx context.Context, b *bench) error {
	w, err := b.start(ctx)
	if err != nil {
		return err
	}
	for _, n := range b.cluster.Nodes() {
		defer func() { _, _ = n.Resume(context.WithoutCancel(ctx)) }() // the next check would show it
		if _, err := n.Pause(ctx); err != nil {
			return err
		}
	}
	reply, err := b.do(ctx, w, protocol.Request{Op: protocol.Acquire})
	if err == nil && reply.OK {
		err = errors.New("acquired a lock from nodes that are stopped")
	}
	return err
}

func extends(ctx context.Context, b *bench) error {
	w, held, err := b.holder(ctx)
	if err != nil {
		return err
	}
	if w.Renews() {
		return skip("its locks renew themselves")
	}
	if err := wait.For(ctx, held.Returned+ttl/4-now()); err != nil {
		return err
	}
	extended, err := b.must(ctx, w, protocol.Request{Op: protocol.Extend})
	if err == nil && extended.ValidUntil <= held.ValidUntil {
		err = fmt.Errorf("valid_until_ns didn't grow by an extension after %v", ttl/4)
	}
	return err
}

func releases(ctx context.Context, b *bench) error {
	other, err := b.start(ctx) // first, as in refuses
	if err != nil {
		return err
	}
	w, held, err := b.holder(ctx)
	if err != nil {
		return err
	}
	if _, err := b.must(ctx, w, protocol.Request{Op: protocol.Release}); err != nil {
		return err
	}
	next, err := b.acquire(ctx, other)
	if err == nil && !w.Renews() && next.Invoked > held.ValidUntil {
		err = errors.New("the next worker got the lock only when its time was over")
	}
	return err
}

func awaits(ctx context.Context, b *bench) error {
	other, err := b.start(ctx) // first, as in refuses
	if err != nil {
		return err
	}
	w, held, err := b.holder(ctx)
	if err != nil {
		return err
	}
	if !other.Waits() {
		return skip("its locks can't be waited for")
	}
	waiting := make(chan error, 1)
	var reply protocol.Reply
	go func() {
		var err error
		reply, err = b.must(ctx, other, protocol.Request{Op: protocol.Acquire, Wait: true, CancelAfter: protocol.InMilliseconds(10 * ttl)})
		waiting <- err
	}()
	if err := wait.For(ctx, held.Returned+ttl/4-now()); err != nil {
		return err
	}
	released, err := b.must(ctx, w, protocol.Request{Op: protocol.Release})
	if err := errors.Join(err, <-waiting); err != nil {
		return err
	}
	if reply.Returned < released.Invoked {
		return errors.New("who waits got the lock before its release")
	}
	return nil
}

// countsBoth has a worker join the first and the last node, of which it needs both, and stops the last.
func countsBoth(ctx context.Context, b *bench) (err error) {
	w, _, err := b.holder(ctx)
	if err != nil {
		return err
	}
	if !w.Joins() {
		return skip("its locks can't take a majority of two lists")
	}
	if _, err := b.must(ctx, w, protocol.Request{Op: protocol.Release}); err != nil {
		return err
	}
	config := b.config(len(b.workers))
	last := len(config.Nodes) - 1
	config.Joining = []string{config.Nodes[0], config.Nodes[last]}
	joining, err := worker.Start(ctx, b.worker.Command, config)
	if err != nil {
		return err
	}
	b.workers = append(b.workers, joining)
	if _, err := b.acquire(ctx, joining); err != nil {
		return err
	}
	if _, err := b.must(ctx, joining, protocol.Request{Op: protocol.Release}); err != nil {
		return err
	}
	n := b.cluster.Node(last)
	if _, err := n.Pause(ctx); err != nil {
		return err
	}
	defer func() {
		_, resumeErr := n.Resume(context.WithoutCancel(ctx))
		err = errors.Join(err, resumeErr)
	}()
	for range 3 {
		reply, err := b.do(ctx, joining, protocol.Request{Op: protocol.Acquire})
		if err != nil {
			return err
		}
		if reply.OK {
			return errors.New("it got the lock without a majority of the second list")
		}
	}
	return nil
}

func notices(ctx context.Context, b *bench) error {
	w, held, err := b.holder(ctx)
	if err != nil {
		return err
	}
	if w.Renews() {
		return skip("its locks renew themselves")
	}
	if _, err := b.must(ctx, w, protocol.Request{Op: protocol.Read}); err != nil {
		return err
	}
	if err := wait.For(ctx, held.ValidUntil+slack-now()); err != nil {
		return err
	}
	for _, r := range []protocol.Request{{Op: protocol.Check}, {Op: protocol.Write, Recheck: true}} {
		reply, err := b.do(ctx, w, r)
		if err != nil {
			return err
		}
		if reply.OK {
			return fmt.Errorf("%s was granted %v after the end of validity that acquire reported; it reports %v more",
				r.Op, reply.Invoked-held.ValidUntil, reply.ValidUntil-reply.Returned)
		}
	}
	if n := len(b.resource.Writes()); n > 0 {
		return fmt.Errorf("a write with recheck reached the resource after the lock's time")
	}
	_, err = b.must(ctx, w, protocol.Request{Op: protocol.Write})
	return err
}

func writes(ctx context.Context, b *bench) error {
	w, held, err := b.holder(ctx)
	if err != nil {
		return err
	}
	for round := range int64(2) {
		read, err := b.must(ctx, w, protocol.Request{Op: protocol.Read})
		if err != nil {
			return err
		}
		if read.Counters.Plain != round {
			return fmt.Errorf("read a counter of %d, where %d writes were made", read.Counters.Plain, round)
		}
		if _, err := b.must(ctx, w, protocol.Request{Op: protocol.Write, Recheck: true}); err != nil {
			return err
		}
	}
	for _, write := range b.resource.Writes() {
		if write.Client != b.config(0).Client || write.Lease != held.ID {
			return fmt.Errorf("the resource got a write by %q under lease %d, not by %q under %d",
				write.Client, write.Lease, b.config(0).Client, held.ID)
		}
		if write.Fence != held.Fence {
			return fmt.Errorf("the resource got fencing token %d, the acquire gave %d", write.Fence, held.Fence)
		}
	}
	return nil
}

func stops(ctx context.Context, b *bench) error {
	w, _, err := b.holder(ctx)
	if err != nil {
		return err
	}
	if _, err := b.must(ctx, w, protocol.Request{Op: protocol.Read}); err != nil {
		return err
	}
	call, err := w.Begin(protocol.Request{Op: protocol.Write, Name: b.lock, Recheck: true, StopAfterCheck: true})
	if err != nil {
		return err
	}
	if _, err := cluster.AwaitStopped(ctx, w.PID()); err != nil {
		return err
	}
	written := len(b.resource.Writes())
	if _, err := cluster.ResumeProcess(ctx, w.PID()); err != nil {
		return err
	}
	reply, err := call.Wait(ctx)
	switch {
	case err != nil:
		return err
	case written > 0:
		return errors.New("it had written before it stopped")
	case !reply.OK:
		return fmt.Errorf("it didn't write when it was continued: %s", reply.Error)
	}
	return nil
}
