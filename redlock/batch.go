package redlock

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// Grants in a row to one server are one command, and so are releases: a script that is begun once for many locks
// costs the server far less for each. It carries them out in the order of the queue.

// form is how a request is asked.
type form uint8

const (
	together    form = iota // with its neighbours, and scripts by their hash
	alone                   // with a command of its own, so that the server says what's wrong with it; a script in full if it was refused
	withoutLine             // alone, and a release leaves those who wait alone
)

// retry is a request that is asked again.
type retry struct {
	request int
	form    form
}

// carried is a request's place in the command that carries it.
type carried struct {
	cmd      redis.Cmder // nil if it has none
	form     form
	at, of   int        // which one of how many; 0 of 0 if it isn't sent
	earliest guard.Time // that it could be, as the server was told; of a fenced acquisition
}

func (c carried) err() error {
	if c.cmd == nil {
		return nil
	}
	return c.cmd.Err()
}

// shape is how much of a command and its reply is each lock's own.
type shape struct{ keys, args, numbers int }

func (r *request) shape() shape {
	switch {
	case r.op == opAcquire:
		return shape{keys: 2, args: 2, numbers: 5}
	case r.fenced:
		return shape{keys: 3, args: 1, numbers: 2}
	}
	return shape{keys: 2, args: 1, numbers: 2}
}

// runLimit is how many requests share a command at most. For so many a script runs for a millisecond, during which the server does nothing
// else. Their keys have to fit on Lua's stack, too, which takes 8,000.
const runLimit = 128

// sameMoment is how far from a command's first request the others may have been made. One that has waited for long, behind an exchange that hangs,
// would make the times of the others as wide as its own.
const sameMoment = 25 * time.Millisecond

// follows reports whether the command that carries the run can carry this one as well. On a cluster it can't:
// their keys needn't be in one slot. And a script reads all that's stored before it grants or releases anything.
func (r *request) follows(run []*request, kind voterKind) bool {
	first := run[0]
	switch {
	case len(run) == runLimit:
		return false
	case r.op != first.op || r.fenced != first.fenced || kind == clusterVoter:
		return false
	case r.op == opAcquire:
		apart := (r.now.Earliest - first.now.Earliest).Duration().Abs()
		if !r.fenced || r.ttl != first.ttl || r.owner != first.owner || (r.deadline == 0) != (first.deadline == 0) || apart > sameMoment {
			return false
		}
	case r.op != opRelease || r.silently != first.silently:
		return false
	}
	return !slices.ContainsFunc(run, func(before *request) bool { return before.name == r.name })
}

// runLength returns how many of the requests, from the first on, share a command.
func runLength(requests []*request, kind voterKind) int {
	n := 1
	for n < len(requests) && requests[n].follows(requests[:n], kind) {
		n++
	}
	return n
}

// queueRun adds one command for several requests to the pipeline, made of the commands that they have alone, and returns the earliest
// time that it tells.
func queueRun(ctx context.Context, pipe redis.Pipeliner, kind voterKind, run []*request) (*redis.IntSliceCmd, guard.Time) {
	const begin = 3 // EVALSHA, hash, number of keys
	alone, s := run[0].commands[kind], run[0].shape()
	keys, own := begin+s.keys, len(alone)-s.args // where each lock's own keys end, and its own arguments begin
	more := len(run) - 1
	args := make([]any, 0, len(alone)+more*(s.keys+s.args))
	args = append(args, alone[0], alone[1], alone[2].(int)+more*s.keys)
	for _, r := range run {
		args = append(args, r.commands[kind][begin:keys]...)
	}
	args = append(args, alone[keys:own]...)
	var shared times
	if run[0].op == opAcquire {
		shared = timesOf(run)
		at := args[len(args)-timesFromEnd:]
		at[0], at[1], at[2] = int64(shared.deadline), int64(shared.now.Earliest), int64(shared.now.Latest)
	}
	for _, r := range run {
		args = append(args, r.commands[kind][own:]...)
	}
	return queueScript(ctx, pipe, run[0].op, args, false), shared.now.Earliest
}

// times are what a server is told of the time by a fenced acquisition.
type times struct {
	deadline guard.Time
	now      guard.Span
}

// timesOf returns what's right for each of a run, if not as narrow as its own. Where an owner dies, its name is blocked for that much
// longer: for as long as its request has waited to be sent.
func timesOf(run []*request) times {
	t := times{run[0].deadline, run[0].now}
	for _, r := range run[1:] {
		t.deadline = max(t.deadline, r.deadline)
		t.now = guard.Span{Earliest: min(t.now.Earliest, r.now.Earliest), Latest: max(t.now.Latest, r.now.Latest)}
	}
	return t
}

// part returns what a reply says of the request's lock, or nil if there's something else in it.
func (c carried) part(s shape, reply []int64) []int64 {
	if len(reply) != c.of*s.numbers {
		return nil
	}
	return reply[c.at*s.numbers:][:s.numbers]
}

// next returns how the request has to be asked once more, if it has to.
func (c carried) next(r *request) (form, bool) {
	switch {
	case r.op == opRelease && lacksRight(c.err()) && c.of == 1 && c.form != withoutLine:
		return withoutLine, true
	case c.form == together && c.inconclusive(r):
		return alone, true
	}
	return c.form, false
}

// inconclusive reports whether the request has to be asked again, by itself.
func (c carried) inconclusive(r *request) bool {
	switch cmd := c.cmd.(type) {
	case nil:
		return false
	case *redis.BoolCmd:
		// Refused, but perhaps by ourselves: a client library that sends the command again
		// after a broken connection reads its own lock as taken.
		return cmd.Err() == nil && !cmd.Val()
	case *redis.IntSliceCmd:
		if cmd.Err() == nil {
			part := c.part(r.shape(), cmd.Val())
			return c.of > 1 && part != nil && status(part[0]) == statusFailed
		}
	}
	err := c.cmd.Err()
	_, replied := serverText(err)
	return unknownScript(err) || c.of > 1 && replied
}
